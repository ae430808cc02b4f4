"""POST /api/v1/me/password over a real socket: who may, what it asks, and what it ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert, select, update

from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.errors import Conflict
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest, new_secret
from runplane.server.identity.people import own_password
from runplane.server.identity.store import select_user
from runplane.server.identity.tables import client_secrets, clients, users
from support.server import Server

ME = "/api/v1/me/password"
TENANT = 1001
FIRST = "copper-lantern-eight-maps"
SECOND = "quiet-harbour-seven-drums"


class Person:
    """A person made by the administrator, with what it signs in with."""

    def __init__(self, server: Server) -> None:
        self.server = server
        made = server.admin.post("/api/v1/users", json={"email": f"P{uuid4().hex}@example.com"}).json()
        self.id, self.email, self.temporary = made["id"], made["username"], made["tempPassword"]

    def sign_in(self, password: str) -> httpx.Client:
        return self.server.client(self.server.token(self.email, password))

    def settle(self) -> httpx.Client:
        """Replace the temporary password by FIRST; returns a signed-in client."""
        assert change(self.sign_in(self.temporary), self.temporary, FIRST).status_code == 200
        return self.sign_in(FIRST)


def change(client: httpx.Client, current: str, new: str) -> httpx.Response:
    return client.post(ME, json={"currentPassword": current, "newPassword": new})


def can_sign_in(person: Person, password: str) -> bool:
    try:
        person.sign_in(password)
    except httpx.HTTPStatusError:
        return False
    return True


def alive(client: httpx.Client) -> bool:
    """Whether the client's token is accepted: the body is wrong on purpose."""
    return client.post(ME, json={}).status_code == 400


def credential(server: Server, kind: str, owner: str = "") -> httpx.Client:
    """A client that acts with an access key of `owner`, or as a service account."""
    secret, key = new_secret(), new_id()

    def job(unit: Any) -> None:
        row = {
            "id": key,
            "tenant_id": TENANT,
            "kind": kind,
            "name": f"n{key}",
            "client_id": key,
            "owner_id": owner,
            "enabled": True,
            "created_by": "test",
            "created_at": unit.now,
            "updated_at": unit.now,
        }
        unit.execute(insert(clients), row)
        stored = {
            "id": new_id(),
            "client_key": key,
            "digest": digest(secret),
            "hint": "",
            "created_at": unit.now,
        }
        unit.execute(insert(client_secrets), stored)
        unit.changed(TENANT)

    server.units.write(job)
    return server.client(server.client_token(key, secret))


def test_a_temporary_password_becomes_ones_own(any_server: Server) -> None:
    person = Person(any_server)
    confined = person.sign_in(person.temporary)
    answer = change(confined, person.temporary, FIRST)
    assert (answer.status_code, answer.json()) == (200, {})
    # the token was good for this one thing
    refused = confined.post(ME, json={})
    assert (refused.status_code, refused.json()["reason"]) == (401, "revoked")
    assert not can_sign_in(person, person.temporary)
    free = person.sign_in(FIRST)
    assert "temporary" not in free.get("/api/v1/users").text
    (row,) = any_server.audit(entity_id=person.id, action="update", result="Succeeded")
    assert FIRST not in json.dumps(row)
    assert json.loads(row["metadata"]) == {"fields": "password"}


@pytest.mark.clause("password.no-composition")
def test_a_password_of_ones_own_does_not_run_out(make_server: Callable[..., Server]) -> None:
    server = make_server()
    person = Person(server)
    person.settle()
    server.clock.advance(400 * 86400)
    assert can_sign_in(person, FIRST)


@pytest.mark.clause("password.change")
def test_a_change_ends_the_other_sessions_and_keeps_this_one(any_server: Server) -> None:
    person = Person(any_server)
    here = person.settle()
    elsewhere = person.sign_in(FIRST)
    assert alive(elsewhere)
    assert change(here, FIRST, SECOND).status_code == 200
    assert alive(here)
    assert not alive(elsewhere)
    assert not can_sign_in(person, FIRST)
    assert can_sign_in(person, SECOND)


def test_the_session_that_stays_can_be_renewed_and_the_others_cannot(any_server: Server) -> None:
    person = Person(any_server)
    person.settle()
    login = {"grantType": "password", "username": person.email, "password": FIRST}
    http = any_server.client()
    one, other = (http.post("/api/v1/token", json=login).json() for _ in range(2))
    assert change(any_server.client(one["accessToken"]), FIRST, SECOND).status_code == 200
    for tokens, status in ((one, 200), (other, 400)):
        body = {"grantType": "refresh_token", "refreshToken": tokens["refreshToken"], "clientId": "runai"}
        assert http.post("/api/v1/token", json=body).status_code == status


@pytest.mark.clause("password.change")
def test_a_wrong_current_password_changes_nothing(any_server: Server) -> None:
    person = Person(any_server)
    client = person.settle()
    answer = change(client, "not the password", SECOND)
    assert (answer.status_code, answer.json()) == (
        400,
        {"code": 400, "message": "The current password is wrong."},
    )
    # before `alive`, whose refusal is a record of its own unless it comes in the same tenth of a second
    (row,) = any_server.audit(url=ME, subject=person.email, result="Failed")
    assert (row["http_status_code"], row["action"]) == (400, "update")
    assert "not the password" not in json.dumps(row)
    assert alive(client)
    assert can_sign_in(person, FIRST)


def test_guessing_here_locks_sign_in_too(make_server: Callable[..., Server]) -> None:
    server = make_server()
    person = Person(server)
    client = person.settle()
    for number in range(10):
        assert change(client, f"wrong guess number {number}", SECOND).status_code == 400
    # locked: the right one is not told apart from a wrong one, here or at sign-in
    assert change(client, FIRST, SECOND).json()["message"] == "The current password is wrong."
    assert not can_sign_in(person, FIRST)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("short", "at least 12 characters"),
        ("password1234", "everybody tries"),
        ("", "at least 12 characters"),
        ("x" * 2000, "at most 1024 bytes"),
        (FIRST, "must differ from the current one"),
    ],
)
def test_a_password_that_will_not_do_is_refused(
    settled: tuple[Person, httpx.Client], new: str, words: str
) -> None:
    person, client = settled
    answer = change(client, FIRST, new)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert can_sign_in(person, FIRST)


def test_a_password_like_the_address_is_refused(server: Server) -> None:
    person = Person(server)
    answer = change(person.sign_in(person.temporary), person.temporary, person.email.partition("@")[0])
    assert answer.status_code == 400
    assert "too close to your e-mail address" in answer.json()["message"]


@pytest.mark.clause("password.temporary")
def test_the_temporary_password_cannot_be_kept(server: Server) -> None:
    person = Person(server)
    answer = change(person.sign_in(person.temporary), person.temporary, person.temporary)
    assert answer.status_code == 400
    assert "must differ" in answer.json()["message"]


@pytest.mark.clause("password.normalized")
def test_the_same_letters_in_other_code_points_are_the_same_password(server: Server) -> None:
    person = Person(server)
    client = person.sign_in(person.temporary)
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in person.temporary)
    assert change(client, person.temporary, wide).status_code == 400


@pytest.fixture(scope="module")
def settled(server: Server) -> tuple[Person, httpx.Client]:
    person = Person(server)
    return person, person.settle()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"currentPassword": FIRST},
        {"newPassword": SECOND},
        {"currentPassword": 1, "newPassword": SECOND},
        [],
    ],
)
def test_a_body_of_another_shape_is_refused(settled: tuple[Person, httpx.Client], body: Any) -> None:
    assert settled[1].post(ME, json=body).status_code == 400


def test_without_a_token_nothing_happens(server: Server) -> None:
    assert change(server.client(), FIRST, SECOND).status_code == 401


def test_a_service_account_has_no_password(any_server: Server) -> None:
    answer = change(credential(any_server, "service-account"), FIRST, SECOND)
    assert answer.status_code == 403
    assert answer.json()["message"] == "A service account has no password; make it a new secret instead."


def test_an_access_key_is_not_enough(any_server: Server) -> None:
    person = Person(any_server)
    person.settle()
    answer = change(credential(any_server, "access-key", person.id), FIRST, SECOND)
    assert answer.status_code == 403
    assert answer.json()["message"] == "An access key cannot change its owner's password."
    assert can_sign_in(person, FIRST)


def test_access_keys_survive_a_change(any_server: Server) -> None:
    person = Person(any_server)
    client = person.settle()
    key = credential(any_server, "access-key", person.id)
    assert change(client, FIRST, SECOND).status_code == 200
    assert change(key, SECOND, FIRST).status_code == 403


@pytest.mark.clause("password-grant.confined")
def test_an_identity_provider_keeps_its_own_passwords(any_server: Server) -> None:
    person = Person(any_server)
    client = person.settle()
    anywhere = update(users).where(users.c.id == person.id).values(is_local=False)
    any_server.units.write(lambda unit: unit.execute(anywhere))
    answer = change(client, FIRST, SECOND)
    assert answer.status_code == 400
    assert "identity provider" in answer.json()["message"]


def test_an_expired_temporary_password_cannot_become_ones_own(make_server: Callable[..., Server]) -> None:
    server = make_server()
    person = Person(server)
    server.clock.advance(72 * 3600 - 60)
    client = person.sign_in(person.temporary)
    server.clock.advance(120)
    answer = change(client, person.temporary, FIRST)
    assert answer.status_code == 400
    assert "has expired" in answer.json()["message"]


def test_of_two_changes_at_once_one_is_stored(any_server: Server) -> None:
    person = Person(any_server)
    one, other = person.settle(), person.sign_in(FIRST)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(change, one, FIRST, SECOND)
        second = pool.submit(change, other, FIRST, SECOND + "!")
        statuses = sorted([first.result().status_code, second.result().status_code])
    # the loser is refused: its session ended, its password was no longer right, or it lost the race
    assert statuses[0] == 200
    assert statuses[1] in (400, 401, 409)
    assert can_sign_in(person, SECOND) is (first.result().status_code == 200)
    assert can_sign_in(person, SECOND + "!") is (second.result().status_code == 200)


@pytest.mark.parametrize("action", ["password", "logout"])
def test_what_an_administrator_does_meanwhile_wins(any_server: Server, action: str) -> None:
    """The change was prepared before somebody reset the password or signed the person out."""
    person = Person(any_server)
    client = person.settle()
    user = any_server.units.read(lambda unit: select_user(unit, TENANT, person.id))
    assert user is not None
    assert any_server.admin.post(f"/api/v1/users/{person.id}/{action}").status_code == 200
    claims = client.headers["authorization"].split(".")[1]
    session = json.loads(base64.urlsafe_b64decode(claims + "=="))["sid"]
    caller = Principal(TENANT, "runai", SubjectKind.USER, person.id, person.email, session_id=session)
    late = own_password.PasswordChange(user, "$argon2id$late")
    with pytest.raises(Conflict):
        any_server.units.write(lambda unit: own_password.store(unit, caller, late))
    assert can_sign_in(person, FIRST) is (action == "logout")


def test_no_password_is_stored_in_the_clear(make_server: Callable[..., Server]) -> None:
    server = make_server()
    person = Person(server)
    client = person.settle()
    change(client, FIRST, SECOND)
    server.flush()
    query = select(users.c.password_hash).where(users.c.id == person.id)
    stored = server.units.read(lambda unit: unit.execute(query).scalar_one())
    assert stored.startswith("$argon2id$")
    server.stop()
    files = [path.read_bytes() for path in server.data_dir.iterdir() if path.is_file()]
    for secret in (person.temporary, FIRST, SECOND):
        assert not any(secret.encode() in content for content in files)
