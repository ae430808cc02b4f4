"""What a list says about itself: how many there are, where it goes on, and that it was cut."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert

from runplane.server.core.ids import new_id
from runplane.server.http import paging
from runplane.server.identity.tables import users
from support.server import Server

USERS = "/api/v1/users"


@pytest.fixture(scope="module")
def crowd(any_server: Server) -> str:
    """73 people whose addresses begin with this."""
    prefix = f"crowd{uuid4().hex[:8]}"

    def job(unit: Any) -> None:
        for index in range(73):
            email = f"{prefix}-{index:02}@example.com"
            row = {
                "id": new_id(),
                "tenant_id": 1001,
                "email": email,
                "email_key": email,
                "is_local": True,
                "enabled": True,
                "created_by": "test",
                "created_at": unit.now,
                "updated_at": unit.now,
            }
            unit.execute(insert(users), row)

    any_server.units.write(job)
    return prefix


def test_following_the_links_finds_everybody_once(any_server: Server, crowd: str) -> None:
    url: str | None = f"{USERS}?search={crowd}&limit=20&sortBy=username"
    found: list[str] = []
    cuts: list[str | None] = []
    while url:
        answer = any_server.admin.get(url)
        found += [it["username"] for it in answer.json()]
        assert answer.headers["x-total-count"] == "73"
        cuts.append(answer.headers.get("x-runplane-truncated"))
        link = re.fullmatch(r'<(/[^>]+)>; rel="next"', answer.headers.get("link", ""))
        assert (link is None) is (cuts[-1] is None)
        url = link[1] if link else None
    assert found == [f"{crowd}-{index:02}@example.com" for index in range(73)]
    assert cuts == ["20/73", "20/73", "20/73", None]


@pytest.mark.parametrize(
    ("limit", "offset", "cut"),
    [(73, 0, None), (72, 0, "72/73"), (72, 1, None), (500, 0, None), (10, 63, None), (10, 62, "10/73")],
)
def test_a_cut_is_told_to_the_row(
    any_server: Server, crowd: str, limit: int, offset: int, cut: str | None
) -> None:
    answer = any_server.admin.get(USERS, params={"search": crowd, "limit": limit, "offset": offset})
    assert answer.headers["x-total-count"] == "73"
    assert answer.headers.get("x-runplane-truncated") == cut
    assert ("link" in answer.headers) is (cut is not None)


def test_a_page_behind_the_end_still_knows_the_total(any_server: Server, crowd: str) -> None:
    answer = any_server.admin.get(USERS, params={"search": crowd, "offset": 80})
    assert answer.json() == []
    assert answer.headers["x-total-count"] == "73"
    assert "link" not in answer.headers


def test_nothing_found_is_a_total_of_nought(any_server: Server) -> None:
    answer = any_server.admin.get(USERS, params={"search": "no-such-person-anywhere"})
    assert answer.headers["x-total-count"] == "0"


def test_counting_stops_where_it_would_cost_more_than_the_page(
    any_server: Server, crowd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNTED", 30)
    params: dict[str, Any] = {"search": crowd, "limit": 20}
    answer = any_server.admin.get(USERS, params=params)
    assert answer.headers["x-runplane-truncated"] == "20/30+"
    assert "x-total-count" not in answer.headers
    assert "offset=20" in answer.headers["link"]
    late = any_server.admin.get(USERS, params={**params, "offset": 40})
    assert "offset=60" in late.headers["link"]
    exact = any_server.admin.get(USERS, params=params, headers={"prefer": "respond-async, count=exact"})
    assert exact.headers["x-total-count"] == "73"
    assert exact.headers["x-runplane-truncated"] == "20/73"
    assert exact.headers["preference-applied"] == "count=exact"


@pytest.mark.parametrize("limit", [13, 20, 40])
def test_the_last_page_knows_the_total_however_long_the_list_is(
    any_server: Server, crowd: str, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(paging, "COUNTED", 30)
    params: dict[str, Any] = {"search": crowd, "limit": limit, "offset": 60}
    answer = any_server.admin.get(USERS, params=params)
    assert len(answer.json()) == 13
    assert answer.headers["x-total-count"] == "73"
    assert "link" not in answer.headers


def test_links_lead_to_the_end_of_rules_that_are_not_all_counted(
    any_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "COUNTED", 3)
    for _ in range(9):
        body = {"subjectId": f"group-{uuid4().hex[:8]}", "subjectType": "group", "roleId": 7}
        body |= {"scopeType": "tenant", "scopeId": "1001"}
        made = any_server.admin.post("/api/v1/authorization/access-rules", json=body)
        assert made.status_code == 201, made.text
    url: str | None = "/api/v1/authorization/access-rules?limit=2"
    found: list[int] = []
    while url:
        answer = any_server.admin.get(url)
        found += [it["id"] for it in answer.json()["accessRules"]]
        link = re.fullmatch(r'<(/[^>]+)>; rel="next"', answer.headers.get("link", ""))
        url = link[1] if link else None
    whole = any_server.admin.get("/api/v1/authorization/access-rules?limit=500").json()["accessRules"]
    assert found == [it["id"] for it in whole]


def test_other_lists_say_so_too(any_server: Server) -> None:
    answer = any_server.admin.get("/api/v1/authorization/access-rules", params={"limit": 1})
    assert answer.headers["x-total-count"].isdigit()


def test_what_is_no_list_says_nothing(any_server: Server) -> None:
    answer = any_server.admin.get("/api/v1/security/settings")
    assert "x-total-count" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/api/v1/clusters", "/api/v1/tenants", "/api/v1/authorization/roles", "/api/v1/service-accounts"],
)
def test_a_list_that_is_never_cut_says_how_long_it_is(any_server: Server, path: str) -> None:
    any_server.admin.post("/api/v1/clusters", json={"name": f"counted-{uuid4().hex[:8]}"})
    any_server.admin.post("/api/v1/service-accounts", json={"name": f"counted-{uuid4().hex[:8]}"})
    answer = any_server.admin.get(path)
    assert answer.headers["x-total-count"] == str(len(answer.json()))
    assert not {"link", "x-runplane-truncated"} & set(answer.headers)


def test_the_audit_file_is_counted_once(any_server: Server) -> None:
    query = {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z", "file_type": "JSON"}
    answer = any_server.admin.get("/api/v1/audit/log/file", params=query)
    assert answer.headers.get_list("x-total-count", split_commas=True) == [str(len(answer.json()))]
