"""The default page size of a service account, for scripts that take the first page for everything."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from runplane.server.core.listing import Envelope, Listing
from runplane.server.http.listing import parse_page
from runplane.server.identity.clients.model import MAX_PAGE_SIZE
from support.server import Server

RULES = "/api/v1/authorization/access-rules"
ACCOUNTS = "/api/v1/service-accounts"
SYSTEM_ADMINISTRATOR = 1
VIEWER = 4
LISTING = Listing("things", envelope=Envelope(None))
TENANT = {"scopeType": "tenant", "scopeId": "1001"}


@pytest.fixture(scope="module")
def crowd(any_server: Server) -> str:
    """70 groups with an access rule, whose names begin with this."""
    prefix = f"crowd{uuid4().hex[:8]}"
    for index in range(70):
        rule = {"subjectId": f"{prefix}-{index}", "subjectType": "group", "roleId": VIEWER, **TENANT}
        assert any_server.admin.post(RULES, json=rule).status_code == 201
    return prefix


def account(server: Server, **members: Any) -> tuple[str, httpx.Client]:
    """A service account that may read everything: its id, and a client signed in as it."""
    answer = server.admin.post(ACCOUNTS, json={"name": f"a{uuid4().hex}", **members})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    subject = {"subjectId": made["clientId"], "subjectType": "service-account"}
    rule = {**subject, "roleId": SYSTEM_ADMINISTRATOR, **TENANT}
    assert server.admin.post(RULES, json=rule).status_code == 201
    return made["id"], server.client(server.client_token(made["clientId"], made["clientSecret"]))


def rows(client: httpx.Client, crowd: str, more: str = "") -> int:
    return len(listed(client, crowd, more).json()["accessRules"])


def listed(client: httpx.Client, crowd: str, more: str = "") -> httpx.Response:
    answer = client.get(f"{RULES}?filterBy=subjectId=^{crowd}{more}")
    assert answer.status_code == 200, answer.text
    return answer


def test_it_counts_where_a_call_names_no_limit(any_server: Server, crowd: str) -> None:
    _, client = account(any_server, defaultPageSize=60)
    assert rows(client, crowd) == 60
    assert rows(client, crowd, "&limit=10") == 10
    assert rows(client, crowd, "&offset=65") == 5
    assert rows(any_server.admin, crowd) == 50
    answer = listed(client, crowd)
    assert answer.headers["x-runplane-truncated"] == "60/70"
    assert "offset=60" in answer.headers["link"]


def test_a_list_gives_no_more_than_its_most(any_server: Server, crowd: str) -> None:
    _, client = account(any_server, defaultPageSize=MAX_PAGE_SIZE)
    assert rows(client, crowd) == 70
    assert "x-runplane-truncated" not in listed(client, crowd).headers
    page = parse_page(LISTING, {}, MAX_PAGE_SIZE)
    assert (page.limit, LISTING.max_limit) == (500, 500)


def test_a_change_counts_for_tokens_that_are_out_already(any_server: Server, crowd: str) -> None:
    key, client = account(any_server)
    path = f"{ACCOUNTS}/{key}"
    assert any_server.admin.get(path).json()["defaultPageSize"] is None
    assert rows(client, crowd) == 50
    for value, expected in ((55, 55), (5, 5), (None, 50)):
        answer = any_server.admin.patch(path, json={"defaultPageSize": value})
        assert answer.status_code == 200, answer.text
        assert any_server.admin.get(path).json()["defaultPageSize"] == value
        assert rows(client, crowd) == expected
    any_server.admin.patch(path, json={"defaultPageSize": 7})
    any_server.admin.patch(path, json={"expiresAt": "2100-01-01T00:00:00Z"})
    assert any_server.admin.get(path).json()["defaultPageSize"] == 7, "what is not named stays"


@pytest.mark.parametrize("value", [0, -1, MAX_PAGE_SIZE + 1, "50", 1.5, True])
def test_a_size_that_is_none_is_refused(any_server: Server, value: Any) -> None:
    assert any_server.admin.post(ACCOUNTS, json={"name": "x1", "defaultPageSize": value}).status_code == 400
    key, _ = account(any_server)
    answer = any_server.admin.patch(f"{ACCOUNTS}/{key}", json={"defaultPageSize": value})
    assert answer.status_code == 400
    assert "defaultPageSize" in answer.json()["message"]


def test_what_comes_whole_unasked_still_does(any_server: Server) -> None:
    """The audit log as a file: cutting it would be a loss that nobody asked for."""
    _, client = account(any_server, defaultPageSize=1)
    span = {"start": "2000-01-01", "end": "2100-01-01"}
    answer = client.get("/api/v1/audit/log/file", params={**span, "fileType": "JSON"})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) > 1
    assert len(client.get("/api/v1/audit/log", params=span).json()["audit_logs"]) == 1
