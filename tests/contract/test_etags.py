"""ETag and If-Match over a real socket: nobody overwrites what they have not seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from support.accounts import service_account
from support.server import Server

ROLES = "/api/v2/authorization/roles"
TIMEOUT = "/api/v1/security/settings/browserSessionTimeout"
STALE = '"0123456789abcdef0123456789abcdef"'


def minutes(server: Server) -> tuple[int, str]:
    answer = server.admin.get(TIMEOUT)
    return answer.json()["idleTimeout"], answer.headers["etag"]


def put(server: Server, value: int, tag: str | None) -> httpx.Response:
    return server.admin.put(TIMEOUT, json={"idleTimeout": value}, headers={"if-match": tag} if tag else {})


def test_a_change_is_made_to_the_state_that_was_read_only(any_server: Server) -> None:
    _, tag = minutes(any_server)
    assert put(any_server, 5, tag).status_code == 200
    assert minutes(any_server)[1] != tag
    answer = put(any_server, 6, tag)
    assert answer.status_code == 412
    assert "changed since you read it" in answer.json()["message"]
    assert minutes(any_server)[0] == 5
    assert put(any_server, 6, f"{STALE}, {minutes(any_server)[1]}").status_code == 200
    assert put(any_server, 7, "*").status_code == 200
    assert put(any_server, 8, None).status_code == 200
    assert minutes(any_server)[0] == 8


def test_the_same_state_has_the_same_tag_and_a_strong_one(server: Server) -> None:
    put(server, 11, None)
    first = minutes(server)
    put(server, 12, None)
    put(server, 11, None)
    assert minutes(server) == first
    assert put(server, 13, f"W/{first[1]}").status_code == 412


def test_of_many_who_read_the_same_state_one_may_change_it(any_server: Server) -> None:
    put(any_server, 20, None)
    _, tag = minutes(any_server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda it: put(any_server, 21 + it, tag), range(8)))
    assert sorted(it.status_code for it in answers) == [200] + [412] * 7
    (won,) = [index for index, it in enumerate(answers) if it.status_code == 200]
    assert minutes(any_server)[0] == 21 + won


def test_patch_and_delete_obey_too(server: Server) -> None:
    path = f"/api/v1/service-accounts/{service_account(server).id}"
    tag = server.admin.get(path).headers["etag"]
    assert server.admin.patch(path, json={"enabled": False}, headers={"if-match": tag}).status_code == 200
    assert server.admin.patch(path, json={"enabled": True}, headers={"if-match": tag}).status_code == 412
    assert server.admin.delete(path, headers={"if-match": tag}).status_code == 412
    assert server.admin.get(path).json()["enabled"] is False
    tag = server.admin.get(path).headers["etag"]
    assert server.admin.delete(path, headers={"if-match": tag}).status_code == 204


def test_a_refused_change_is_on_record(server: Server) -> None:
    put(server, 30, STALE)
    (row, *_) = server.audit(http_status_code=412, url=TIMEOUT)
    assert (row["result"], row["entity_type"]) == ("Failed", "security-setting")


def test_what_is_not_there_is_not_found(server: Server) -> None:
    path = f"/api/v1/service-accounts/{uuid4()}"
    for tag in ("*", STALE):
        assert server.admin.delete(path, headers={"if-match": tag}).status_code == 404


def test_a_condition_that_cannot_be_checked_is_not_passed_over(server: Server) -> None:
    name = f"sa-{uuid4().hex}"
    answer = server.admin.post("/api/v1/service-accounts", json={"name": name}, headers={"if-match": "*"})
    assert answer.status_code == 412
    assert "leave it out" in answer.json()["message"]
    assert name not in server.admin.get("/api/v1/service-accounts").text


def test_a_tag_needs_the_permission_to_read(server: Server) -> None:
    made = service_account(server)
    nobody = server.client(server.client_token(made.client_id, made.secret))
    answer = nobody.put(TIMEOUT, json={"idleTimeout": 5}, headers={"if-match": "*"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/api/v1/users", f"{TIMEOUT}?x=1", "/api/v1/service-accounts"])
def test_lists_and_views_have_no_tag(server: Server, path: str) -> None:
    assert "etag" not in server.admin.get(path).headers


def test_a_conditional_read_gets_the_whole_answer(server: Server) -> None:
    _, tag = minutes(server)
    answer = server.admin.get(TIMEOUT, headers={"if-none-match": tag})
    assert (answer.status_code, answer.headers["etag"]) == (200, tag)
