"""Two tenants of one server, and how long requests of one take beside the other."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from support.processes import NEW_PASSWORD, ServerProcess, clean_environment, new_rule
from support.server import ADMIN_EMAIL

HOST = "quiet.example.com"
BEGINNING = 10
"""Turns of a round in which noise that has just begun uses what anybody may use at once."""
_ADMIN = "ada@quiet.example"


@dataclass(frozen=True)
class Account:
    """A service account that may do everything in its tenant, and where it signs in."""

    id: str
    client_id: str
    secret: str
    host: str
    token: str

    @property
    def token_body(self) -> dict[str, str]:
        """What it sends for a token."""
        return {"grantType": "client_credentials", "clientId": self.client_id, "clientSecret": self.secret}


def account_of(server: ServerProcess, name: str) -> Account:
    """A System administrator among the service accounts of the first tenant."""
    made = server.admin.post("/api/v1/service-accounts", json={"name": name}).raise_for_status().json()
    new_rule(server, name, "service-account", role=1)
    token = server.client_token(made["clientId"], made["clientSecret"])
    return Account(made["id"], made["clientId"], made["clientSecret"], "127.0.0.1", token)


def quiet_neighbour(server: ServerProcess, database: Mapping[str, str]) -> Account:
    """The same of a second tenant, which is made for it. `database` is how the server was told of its own."""
    command = [sys.executable, "-m", "runplane", "tenant", "operator", ADMIN_EMAIL]
    environment = clean_environment(data_dir=str(server.data_dir), **database)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    made = server.admin.post("/api/v1/tenants", json={"name": "quiet", "adminEmail": _ADMIN})
    deadline = time.monotonic() + 30
    while made.status_code == 403 and time.monotonic() < deadline:
        # the server has yet to notice what was written beside it
        made = server.admin.post("/api/v1/tenants", json={"name": "quiet", "adminEmail": _ADMIN})
    tenant = made.raise_for_status().json()
    person = {"grantType": "password", "username": _ADMIN}
    temporary = _post(server, "/api/v1/token", {**person, "password": tenant["tempPassword"]}, HOST)
    change = {"currentPassword": tenant["tempPassword"], "newPassword": NEW_PASSWORD}
    _post(server, "/api/v1/me/password", change, HOST, temporary["accessToken"])
    admin = _post(server, "/api/v1/token", {**person, "password": NEW_PASSWORD}, HOST)["accessToken"]
    account = _post(server, "/api/v1/service-accounts", {"name": "quiet"}, HOST, admin)
    rule = {"subjectId": "quiet", "subjectType": "service-account", "roleId": 1}
    rule |= {"scopeType": "tenant", "scopeId": str(tenant["id"])}
    _post(server, "/api/v1/authorization/access-rules", rule, HOST, admin)
    body = {"clientId": account["clientId"], "clientSecret": account["clientSecret"]}
    token = _post(server, "/api/v1/token", {"grantType": "client_credentials", **body}, HOST)["accessToken"]
    return Account(account["id"], account["clientId"], account["clientSecret"], HOST, token)


def _post(server: ServerProcess, path: str, body: Any, host: str, token: str = "") -> Any:
    headers = {"host": host} | ({"authorization": f"Bearer {token}"} if token else {})
    answer = httpx.post(server.url + path, json=body, headers=headers, timeout=30)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


@dataclass(frozen=True)
class Times:
    """Milliseconds within which half, and all but a hundredth, of some requests were answered."""

    p50: float
    p99: float
    count: int


@dataclass
class Timed:
    """Milliseconds that requests took, by what they were, and the statuses that were no 2xx."""

    took: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    later: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Those of `took` that did not come as a round began."""
    refused: list[int] = field(default_factory=list[int])

    def times(self, name: str, *, later: bool = False) -> Times:
        """What requests of a name took; `all` for every one."""
        took = self.later if later else self.took
        found = sorted(took[name] if name != "all" else [it for them in took.values() for it in them])
        return Times(found[len(found) // 2], found[min(len(found) - 1, len(found) * 99 // 100)], len(found))


def time_requests(server: ServerProcess, account: Account, rounds: int, timed: Timed) -> None:
    """What a small tenant does, `rounds` times over one connection: read, list, sign in, create, delete."""
    port = urlsplit(server.url).port
    bearer = {"authorization": f"Bearer {account.token}", "host": account.host}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:

        def ask(name: str, method: str, path: str, body: Any = None) -> Any:
            headers = {**bearer, "content-type": "application/json"}
            content = None if body is None else json.dumps(body)
            started = time.perf_counter()
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            said = answer.read()
            took = (time.perf_counter() - started) * 1000
            timed.took.setdefault(name, []).append(took)
            if turn >= BEGINNING:
                timed.later.setdefault(name, []).append(took)
            if answer.status // 100 != 2:
                timed.refused.append(answer.status)
            return json.loads(said) if said else None

        for turn in range(rounds):
            ask("read", "GET", f"/api/v1/service-accounts/{account.id}")
            ask("list", "GET", "/api/v1/service-accounts?limit=20&sortBy=name")
            ask("token", "POST", "/api/v1/token", account.token_body)
            made = ask(
                "write", "POST", "/api/v1/service-accounts", {"name": f"q{turn}-{time.monotonic_ns()}"}
            )
            if made and "id" in made:
                ask("write", "DELETE", f"/api/v1/service-accounts/{made['id']}")
