"""Trusts in the test's own issuer, and exchanges under them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from runplane.server.identity.trusts import fetch
from support.access import VIEWER, rule, service_account, tenant_node
from support.accounts import V1, V2
from support.issuer import Issuer
from support.server import Server

TRUSTS = "/api/v1/trusts"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
AUDIENCE = "https://runplane.example"
CONDITIONS = [
    {"claim": "repository", "operator": "equals", "values": ["acme/train"]},
    {"claim": "ref", "operator": "matches", "values": ["refs/heads/*"]},
]


@pytest.fixture(scope="module")
def trusting(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that may fetch keys from the test's issuer."""
    patch = pytest.MonkeyPatch()
    # two busy cores may need longer than an issuer should
    patch.setattr(fetch, "SECONDS", 60.0)
    running = Server(
        tmp_path_factory.mktemp("data"),
        trusts_internal_issuers="localhost",
        trusts_ca_file=str(issuer.ca_file),
        trusted_proxies="127.0.0.1",
    )
    yield running
    running.stop()
    patch.undo()


def account(server: Server) -> tuple[str, str]:
    """A service account that may read everything; id and client id."""
    made = service_account(server, f"ci-{uuid4().hex[:12]}")
    rule(server, made[0], VIEWER, tenant_node(), kind="service-account")
    return made


def body(issuer: Issuer, account_id: str, /, **changes: Any) -> dict[str, Any]:
    base = {
        "name": f"trust {uuid4().hex[:12]}",
        "serviceAccountId": account_id,
        "issuer": issuer.url,
        "audience": AUDIENCE,
        "conditions": CONDITIONS,
    }
    return {**base, **changes}


def trust(server: Server, issuer: Issuer, account_id: str = "", /, **changes: Any) -> dict[str, Any]:
    """A trust, by default for a service account of its own."""
    answer = server.admin.post(TRUSTS, json=body(issuer, account_id or account(server)[0], **changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


def exchange(server: Server, token: str, route: str = V2, **more: Any) -> httpx.Response:
    # each from a source of its own: refused ones count
    source = {"x-forwarded-for": f"10.{time.monotonic_ns() % 200}.{uuid4().bytes[0]}.{uuid4().bytes[0]}"}
    if route == V1:
        members = {"grantType": "external_token_exchange", "externalToken": token, **more}
        return httpx.post(server.url + route, json=members, headers=source)
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT_TYPE, **more}
    return httpx.post(server.url + route, data=form, headers=source)


def trusted(server: Server, made: dict[str, Any], token: str, **more: Any) -> httpx.Response:
    """An exchange for the service account of one trust."""
    return exchange(server, token, client_id=made["serviceAccountId"], **more)


def tried(server: Server, made: dict[str, Any], token: str) -> dict[str, Any]:
    answer = server.admin.post(f"{TRUSTS}/{made['id']}/test", json={"token": token})
    assert answer.status_code == 200, answer.text
    return answer.json()


def failed(server: Server, made: dict[str, Any], token: str) -> list[str]:
    """The names of the checks that a token does not pass."""
    return [it["name"] for it in tried(server, made, token)["checks"] if not it["passed"]]
