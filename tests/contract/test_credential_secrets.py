"""What changes of a credential do to its secrets and tokens: renewal, overlap, expiry, disabling."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.clock import Instant, instant
from runplane.server.core.errors import Unauthenticated
from runplane.server.core.ids import new_id
from runplane.server.identity.clients.service import create_client
from runplane.server.identity.records import ClientKind
from runplane.server.identity.tables import client_secrets, clients, users
from support.credentials import (
    ACCESS_KEYS,
    FACES,
    SERVICE_ACCOUNTS,
    TENANTS_OWN,
    Face,
    acts,
    name,
    opens,
    person,
    stored,
)
from support.server import Server

pytestmark = pytest.mark.detail

DAY = 86400

each_face = pytest.mark.parametrize("face", FACES, ids=lambda it: it.segment)
each_of_tenant = pytest.mark.parametrize("face", TENANTS_OWN, ids=lambda it: it.segment)


def later(server: Server, seconds: float) -> Instant:
    """The instant so many seconds from the server's now."""
    return instant(server.clock.epoch() + seconds)


def token_answer(server: Server, made: dict[str, Any]) -> httpx.Response:
    body = {"grantType": "app_token", "AppId": made["clientId"], "AppSecret": made["_secret"]}
    return httpx.post(f"{server.url}/api/v1/token", json=body)


# Renewal


@each_face
def test_renewing_ends_the_old_secret_at_once(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    token = acts(any_server, made)
    fresh = face.renew(any_server.admin, made["id"])
    assert fresh != made["_secret"]
    assert not opens(any_server, made["clientId"], made["_secret"])
    assert opens(any_server, made["clientId"], fresh)
    assert [it["hint"] for it in face.get(any_server.admin, made["id"])["secrets"]] == [fresh[-4:]]
    assert token.get(face.path).status_code != 401, "tokens got with the old secret stand until they expire"
    if not face.personal:
        one = face.get(any_server.admin, made["id"])
        assert one["updatedAt"] > one["createdAt"]


@each_face
def test_with_an_overlap_both_secrets_work_until_its_end(
    make_server: Callable[..., Server], face: Face
) -> None:
    server = make_server()
    made = face.create(server.admin)
    before = later(server, 30 * 60)
    fresh = face.renew(server.admin, made["id"], overlap="30m")
    assert opens(server, made["clientId"], made["_secret"])
    assert opens(server, made["clientId"], fresh)
    old, new = face.get(server.admin, made["id"])["secrets"]
    assert (old["hint"], new["hint"], new["expiresAt"]) == (made["_secret"][-4:], fresh[-4:], None)
    assert before <= old["expiresAt"] <= later(server, 30 * 60)
    server.clock.advance(30 * 60)
    assert not opens(server, made["clientId"], made["_secret"])
    assert opens(server, made["clientId"], fresh)
    assert [it["hint"] for it in face.get(server.admin, made["id"])["secrets"]] == [fresh[-4:]]


@each_face
def test_never_more_than_two_secrets_live(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    secrets = [made["_secret"], *(face.renew(any_server.admin, made["id"], overlap="7d") for _ in range(3))]
    assert [opens(any_server, made["clientId"], it) for it in secrets] == [False, False, True, True]
    last = face.renew(any_server.admin, made["id"])
    assert [opens(any_server, made["clientId"], it) for it in (*secrets, last)] == [False] * 4 + [True]


def test_nor_when_many_renew_at_once(any_server: Server) -> None:
    made = SERVICE_ACCOUNTS.create(any_server.admin)
    with ThreadPoolExecutor(6) as pool:
        renew = lambda _: SERVICE_ACCOUNTS.renew(any_server.admin, made["id"], overlap="1h")  # noqa: E731
        fresh = list(pool.map(renew, range(6)))
    assert len(stored(any_server, client_secrets, client_key=made["id"])) == 2
    assert [opens(any_server, made["clientId"], it) for it in fresh].count(True) == 2


@each_face
def test_an_overlap_out_of_bounds_changes_nothing(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    for overlap in ("7", "d", "-1d", "1w", "31d", "721h", "1.5h", "7 d", "٣d", "99999999s", "7D"):
        answer = server.admin.post(f"{face.path}/{made['id']}/secret", params={"overlap": overlap})
        assert answer.status_code == 400, overlap
        assert "at most 30d" in answer.json()["message"]
    assert opens(server, made["clientId"], made["_secret"])
    assert len(stored(server, client_secrets, client_key=made["id"])) == 1


@pytest.mark.parametrize(("overlap", "works"), [("30d", True), ("720h", True), ("1s", True), ("0s", False)])
def test_an_overlap_within_bounds(server: Server, overlap: str, works: bool) -> None:
    # "1s" is over before a slow machine has asked, so only its length is looked at.
    made = SERVICE_ACCOUNTS.create(server.admin)
    SERVICE_ACCOUNTS.renew(server.admin, made["id"], overlap=overlap)
    assert (len(stored(server, client_secrets, client_key=made["id"])) == 2) is works


# Use


@each_face
def test_use_is_noted(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    face.renew(any_server.admin, made["id"], overlap="1h")
    assert opens(any_server, made["clientId"], made["_secret"])
    any_server.flush()
    one = face.get(any_server.admin, made["id"])
    assert [it["lastUsedAt"] is not None for it in one["secrets"]] == [True, False]
    assert one["lastLogin"] == one["secrets"][0]["lastUsedAt"] >= one["createdAt"]
    [item] = [it for it in face.items(any_server.admin.get(face.path)) if it["id"] == made["id"]]
    assert item["lastLogin"] == one["lastLogin"]


def test_the_use_of_an_access_key_is_its_owners(any_server: Server) -> None:
    """Whoever looks for accounts that nobody uses must not find those used by programs only."""
    owner = person(any_server)
    made = ACCESS_KEYS.create(owner.client)

    def last_login() -> str | None:
        [row] = stored(any_server, users, id=owner.id)
        return row["last_login"]

    any_server.flush()
    before = last_login()
    any_server.clock.advance(60)
    assert opens(any_server, made["clientId"], made["_secret"])
    any_server.flush()
    [key] = stored(any_server, clients, id=made["id"])
    assert last_login() == key["last_login"] != before


# Expiry


@each_face
@pytest.mark.parametrize(
    "wrong", ["2001-01-01T00:00:00Z", "tomorrow", "", 5, "9999-99-99T00:00:00Z"], ids=repr
)
def test_an_expiry_that_is_past_or_no_time_is_refused(server: Server, face: Face, wrong: Any) -> None:
    before = len(stored(server, clients))
    answer = server.admin.post(face.path, json={"name": name(), "expiresAt": wrong})
    assert answer.status_code == 400
    assert "expiresAt" in answer.json()["message"]
    assert len(stored(server, clients)) == before


@each_face
def test_tokens_end_with_the_credential(make_server: Callable[..., Server], face: Face) -> None:
    server = make_server()
    end = later(server, 600)
    made = face.create(server.admin, expiresAt=end)
    assert face.get(server.admin, made["id"])["expiresAt"] == end
    answer = token_answer(server, made)
    assert 590 <= answer.json()["expiresIn"] <= 600
    assert "expires at" in answer.headers["warning"]
    me = server.client(answer.json()["accessToken"])
    assert me.get(face.path).status_code != 401
    server.clock.advance(601)
    assert me.get(face.path).status_code == 401
    refused = token_answer(server, made)
    assert refused.status_code == 400
    assert "expired at" in refused.json()["message"]


@each_face
def test_a_far_expiry_warns_in_the_last_fortnight_only(
    make_server: Callable[..., Server], face: Face
) -> None:
    server = make_server()
    made = face.create(server.admin, expiresAt=later(server, 20 * DAY))
    assert "warning" not in token_answer(server, made).headers
    server.clock.advance(6 * DAY + 60)
    assert made["name"] in token_answer(server, made).headers["warning"]


@each_of_tenant
def test_an_expiry_can_be_moved_and_cleared(server: Server, face: Face) -> None:
    made = face.create(server.admin, expiresAt=later(server, 5 * DAY))
    one = f"{face.path}/{made['id']}"
    moved = later(server, 9 * DAY)
    assert server.admin.patch(one, json={"expiresAt": moved}).status_code == 200
    assert face.get(server.admin, made["id"])["expiresAt"] == moved
    assert server.admin.patch(one, json={"enabled": True}).status_code == 200
    assert face.get(server.admin, made["id"])["expiresAt"] == moved
    assert server.admin.patch(one, json={"expiresAt": None}).status_code == 200
    after = face.get(server.admin, made["id"])
    assert (after["expiresAt"], after["enabled"]) == (None, True)
    assert server.admin.patch(one, json={"expiresAt": "2001-01-01T00:00:00Z"}).status_code == 400


@each_of_tenant
def test_tokens_do_not_outlive_an_expiry_that_was_set_later(
    make_server: Callable[..., Server], face: Face
) -> None:
    server = make_server()
    made = face.create(server.admin)
    me, one = acts(server, made), f"{face.path}/{made['id']}"
    assert server.admin.patch(one, json={"expiresAt": later(server, 5 * DAY)}).status_code == 200
    assert me.get(face.path).status_code == 403, "a far end leaves tokens alone"
    assert server.admin.patch(one, json={"expiresAt": later(server, 60)}).status_code == 200
    assert me.get(face.path).status_code == 401
    again = acts(server, made)
    assert again.get(face.path).status_code == 403
    server.clock.advance(61)
    assert again.get(face.path).status_code == 401


def test_a_key_that_ends_leaves_none_behind_that_does_not(any_server: Server) -> None:
    owner = person(any_server).client
    end = later(any_server, 5 * DAY)
    me = acts(any_server, ACCESS_KEYS.create(owner, expiresAt=end))
    answer = me.post(ACCESS_KEYS.path, json={"name": name(), "expiresAt": later(any_server, 6 * DAY)})
    assert answer.status_code == 400
    assert end in answer.json()["message"]
    heir = ACCESS_KEYS.create(me)
    assert ACCESS_KEYS.get(me, heir["id"])["expiresAt"] == end
    sooner = later(any_server, 2 * DAY)
    assert ACCESS_KEYS.get(me, ACCESS_KEYS.create(me, expiresAt=sooner)["id"])["expiresAt"] == sooner


# Enabling and disabling


@each_of_tenant
def test_enabling_what_is_enabled_ends_no_token(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    me = acts(any_server, made)
    assert any_server.admin.patch(f"{face.path}/{made['id']}", json={"enabled": True}).status_code == 200
    assert me.get(face.path).status_code == 403


@each_of_tenant
def test_disabling_ends_tokens_for_good(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    one, me = f"{face.path}/{made['id']}", acts(any_server, made)
    assert me.get(face.path).status_code == 403
    answer = any_server.admin.patch(one, json={"enabled": False})
    assert (answer.status_code, answer.content) == (200, b"")
    assert me.get(face.path).status_code == 401
    assert token_answer(any_server, made).status_code == 400
    assert not face.get(any_server.admin, made["id"])["enabled"]
    assert any_server.admin.patch(one, json={"enabled": True}).status_code == 200
    assert me.get(face.path).status_code == 401, "what was ended stays ended"
    assert acts(any_server, made).get(face.path).status_code == 403
    rows = any_server.audit(entity_id=made["id"], action="update", result="Succeeded")
    assert [it["metadata"] for it in rows] == ['{"fields":"enabled"}'] * 2


@each_of_tenant
@pytest.mark.parametrize(
    "body", [{}, {"enabled": None}, {"enabled": "false"}, {"enabled": 0}, {"name": "new"}], ids=repr
)
def test_a_change_that_says_nothing_is_refused(server: Server, face: Face, body: Any) -> None:
    made = face.create(server.admin)
    answer = server.admin.patch(f"{face.path}/{made['id']}", json=body)
    assert answer.status_code == 400
    assert "enabled" in answer.json()["message"]
    assert face.get(server.admin, made["id"])["updatedAt"] == face.get(server.admin, made["id"])["createdAt"]


@pytest.mark.parametrize("face", [it for it in FACES if it.personal], ids=lambda it: it.segment)
def test_keys_cannot_be_changed(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    assert server.admin.patch(f"{face.path}/{made['id']}", json={"enabled": False}).status_code == 405


@each_of_tenant
def test_of_deleting_and_renewing_at_once_one_order_holds(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    one = f"{face.path}/{made['id']}"
    calls = [lambda: any_server.admin.delete(one), lambda: any_server.admin.post(f"{one}/secret")] * 3
    with ThreadPoolExecutor(6) as pool:
        answers = [it.status_code for it in pool.map(lambda call: call(), calls)]
    assert answers[::2].count(204) == 1
    assert set(answers[::2]) <= {204, 404}
    assert set(answers[1::2]) <= {200, 404}
    assert stored(any_server, client_secrets, client_key=made["id"]) == []


def test_whoever_was_deleted_a_moment_ago_gets_no_key(any_server: Server) -> None:
    """The token was good when the request came; the person went while it waited for its turn to write."""
    gone = Principal(1001, "runai", SubjectKind.USER, new_id(), "gone@example.com")
    with pytest.raises(Unauthenticated, match="was deleted"):
        any_server.units.write(
            lambda unit: create_client(unit, gone, ClientKind.ACCESS_KEY, name(), expires_at=None)
        )
    assert stored(any_server, clients, owner_id=gone.id) == []
