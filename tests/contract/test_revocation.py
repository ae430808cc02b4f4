"""Ending tokens: rotation of refresh tokens and their misuse, revocation (RFC 7009), sign-out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from runplane.server.authz.tables import access_rules
from runplane.server.sql.unit import Unit
from support.accounts import (
    REALM,
    V1,
    V2,
    WRONG,
    Machine,
    accepted,
    access_key,
    bend,
    other_tenant,
    payload,
    person,
    service_account,
    sign_in,
)
from support.credentials import person as holder
from support.server import ADMIN_EMAIL, Server

REVOKE = f"{REALM}/protocol/openid-connect/revoke"


@pytest.fixture(scope="module")
def machine(server: Server) -> Machine:
    return service_account(server)


def refresh(server: Server, token: str, **more: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    return server.client().post(V2, data=form)


def revoke(server: Server, token: str, **options: Any) -> httpx.Response:
    """By the public client `cli`, unless the options say otherwise."""
    options = options or {"data": {"client_id": "cli"}}
    form = {"token": token, **options.pop("data", {})}
    return server.client().post(REVOKE, data=form, **options)


def test_an_access_key_speaks_for_its_present_owner_only(server: Server) -> None:
    made = access_key(server.admin)
    token = server.client_token(made.client_id, made.secret)
    assert accepted(server, token)
    bend(server, "clients", made.id, owner_id=person(server)[0])
    answer = server.client(token).get("/api/v1/authorization/permissions")
    assert (answer.status_code, answer.json()["reason"]) == (401, "deleted")


def test_rights_are_remembered_while_polls_succeed_and_not_longer(
    make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another replica may have taken them away, and this one would never hear of it."""
    server = make_server()
    caller = holder(server, "System administrator")
    assert caller.client.get("/api/v1/users").status_code == 200

    def take_away(unit: Unit) -> None:
        mine = access_rules.c.subject_key == caller.email.lower()
        assert unit.execute(update(access_rules).where(mine).values(deleted_at=unit.now)).rowcount == 1

    server.units.write(take_away)
    assert caller.client.get("/api/v1/users").status_code == 200
    monkeypatch.setattr(server.app.stores.freshness, "is_stale", lambda: True)
    assert caller.client.get("/api/v1/users").status_code == 403


# rotation


@pytest.mark.clause("refresh.rotated")
def test_each_refresh_gives_new_tokens_of_the_same_session(server: Server) -> None:
    first = sign_in(server)
    second = refresh(server, first["refresh_token"]).json()
    third = server.client().post(
        V1, json={"grantType": "refresh_token", "refreshToken": second["refresh_token"], "clientID": "cli"}
    )
    assert third.status_code == 200
    assert third.json().keys() == {"accessToken", "refreshToken", "idToken", "expiresIn"}
    tokens = [first["access_token"], second["access_token"], third.json()["accessToken"]]
    assert len({payload(it)["sid"] for it in tokens}) == 1
    assert len({payload(it)["jti"] for it in tokens}) == 3
    assert all(accepted(server, it) for it in tokens)


@pytest.mark.clause("refresh.rotated")
def test_a_spent_refresh_token_that_comes_back_ends_everything(server: Server) -> None:
    first = sign_in(server)
    bystander = sign_in(server)
    second = refresh(server, first["refresh_token"]).json()
    again = refresh(server, first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert refresh(server, second["refresh_token"]).status_code == 400
    assert not accepted(server, first["access_token"])
    assert not accepted(server, second["access_token"])
    assert accepted(server, bystander["access_token"])
    [row] = server.audit(entity_id=payload(first["access_token"])["sid"])
    assert (row["action"], row["subject"], row["http_status_code"]) == ("sign-out", ADMIN_EMAIL, 400)


@pytest.mark.parametrize("token", ["rpr_unknown", "x", "", "é"])
def test_an_unknown_refresh_token_is_an_invalid_grant(server: Server, token: str) -> None:
    answer = refresh(server, token)
    assert answer.status_code == 400
    assert answer.json()["error"] == ("invalid_grant" if token else "invalid_request")


@pytest.mark.clause("refresh.bound")
def test_a_refresh_token_belongs_to_its_client(server: Server) -> None:
    body = sign_in(server)
    assert refresh(server, body["refresh_token"], client_id="runai").status_code == 400
    # the refusal spent nothing that its owner needs
    assert refresh(server, body["refresh_token"], client_id="cli").status_code == 200


@pytest.mark.clause("refresh.absolute-end")
def test_a_refresh_token_ends_with_its_owner_and_its_time(make_server: Callable[..., Server]) -> None:
    server = make_server()
    user_id, email, password = person(server)
    bodies = [sign_in(server, email, password) for _ in range(3)]
    bend(server, "users", user_id, enabled=False)
    assert refresh(server, bodies[0]["refresh_token"]).status_code == 400
    bend(server, "users", user_id, enabled=True)
    server.clock.advance(6 * 86400)
    assert refresh(server, bodies[1]["refresh_token"]).status_code == 200
    server.clock.advance(2 * 86400)
    assert refresh(server, bodies[2]["refresh_token"]).status_code == 400


@pytest.mark.clause("refresh.rotated")
def test_of_many_who_spend_one_refresh_token_one_succeeds(any_server: Server) -> None:
    for _ in range(3):
        token = sign_in(any_server)["refresh_token"]
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _, it=token: refresh(any_server, it), range(10)))
        assert sorted(it.status_code for it in answers) == [200] + [400] * 9
        # nine came too late with a spent token: that is misuse, whoever it was
        [winner] = [it.json() for it in answers if it.status_code == 200]
        assert not accepted(any_server, winner["access_token"])
        assert refresh(any_server, winner["refresh_token"]).status_code == 400


# revocation


@pytest.mark.clause("revocation.cascades")
def test_a_revoked_refresh_token_takes_its_session_along(any_server: Server) -> None:
    body, bystander = sign_in(any_server), sign_in(any_server)
    later = refresh(any_server, body["refresh_token"]).json()
    answer = revoke(any_server, later["refresh_token"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not accepted(any_server, body["access_token"])
    assert not accepted(any_server, later["access_token"])
    assert refresh(any_server, later["refresh_token"]).status_code == 400
    assert accepted(any_server, bystander["access_token"])
    assert revoke(any_server, later["refresh_token"]).status_code == 200
    rows = any_server.audit(action="sign-out", entity_id=payload(body["access_token"])["sid"])
    assert [(it["subject"], it["entity_type"]) for it in rows] == [(ADMIN_EMAIL, "session")]


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
def test_a_revoked_access_token_goes_alone(server: Server, hint: str | None) -> None:
    body = sign_in(server)
    more = {"token_type_hint": hint} if hint else {}
    assert revoke(server, body["access_token"], data={"client_id": "cli", **more}).status_code == 200
    assert not accepted(server, body["access_token"])
    assert accepted(server, refresh(server, body["refresh_token"]).json()["access_token"])


@pytest.mark.parametrize("kind", ["service account", "access key"])
def test_a_machine_revokes_its_own_token(server: Server, machine: Machine, kind: str) -> None:
    key = machine if kind == "service account" else access_key(server.admin)
    gone, stays = (server.client_token(key.client_id, key.secret) for _ in range(2))
    assert accepted(server, gone)
    assert revoke(server, gone, auth=(key.client_id, key.secret)).status_code == 200
    assert not accepted(server, gone)
    assert accepted(server, stays)
    [row] = server.audit(action="sign-out", entity_id=payload(gone)["jti"])
    assert (row["subject"], row["subject_type"]) == (
        (machine.name, "App") if kind == "service account" else (ADMIN_EMAIL, "User")
    )


def test_many_who_revoke_one_token_all_succeed(any_server: Server) -> None:
    body = sign_in(any_server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: revoke(any_server, body["access_token"]), range(8)))
    assert [it.status_code for it in answers] == [200] * 8
    assert not accepted(any_server, body["access_token"])
    assert len(any_server.audit(action="sign-out", entity_id=payload(body["access_token"])["jti"])) == 1


def test_a_revoked_token_stays_so_after_a_restart(make_server: Callable[..., Server]) -> None:
    server = make_server()
    body = sign_in(server)
    token = server.admin.headers["authorization"].removeprefix("Bearer ")
    assert revoke(server, token, data={"client_id": "runai"}).status_code == 200
    server.restart()
    assert not accepted(server, token)
    assert accepted(server, body["access_token"])


@pytest.mark.clause("revocation.unknown-is-fine")
@pytest.mark.parametrize("token", ["x", "rpr_unknown", "a.b.c", "rpk_something", "é"])
def test_an_unknown_token_is_no_error(server: Server, token: str) -> None:
    answer = revoke(server, token)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.clause("revocation.owner")
def test_only_its_own_client_revokes_a_token(server: Server, machine: Machine) -> None:
    body = sign_in(server)
    theirs = server.client_token(machine.name, machine.secret)
    for token, options in (
        (body["access_token"], {"data": {"client_id": "runai"}}),
        (body["refresh_token"], {"data": {"client_id": "runai"}}),
        (body["access_token"], {"auth": (machine.name, machine.secret)}),
        (body["refresh_token"], {"auth": (machine.name, machine.secret)}),
        (theirs, {"data": {"client_id": "cli"}}),
    ):
        answer = revoke(server, token, **options)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert accepted(server, body["access_token"])
    assert accepted(server, theirs)
    assert refresh(server, body["refresh_token"]).status_code == 200


def test_a_client_must_prove_or_name_itself(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.name, machine.secret)
    for options in (
        {"data": {"x": "y"}},
        {"data": {"client_id": machine.client_id}},
        {"auth": (machine.client_id, "")},
        {"auth": (machine.client_id, WRONG)},
        {"data": {"client_id": "cli", "client_secret": WRONG}},
    ):
        answer = revoke(server, token, **options)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), options
    assert accepted(server, token)
    missing = server.client().post(REVOKE, data={"client_id": "cli"})
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")
    nowhere = server.client().post(REVOKE.replace("runai", "nobody"), data={"token": token})
    assert nowhere.status_code == 404


def test_an_id_token_cannot_be_revoked(server: Server) -> None:
    answer = revoke(server, sign_in(server)["id_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")


def test_another_realm_ends_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    body = sign_in(server)
    form = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    refused = server.client().post(
        f"{REALM}/protocol/openid-connect/token".replace("runai", "other"), data=form
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    for token in (body["access_token"], body["refresh_token"]):
        answer = server.client().post(
            REVOKE.replace("runai", "other"), data={"token": token, "client_id": "cli"}
        )
        assert (answer.status_code, answer.content) == (200, b"")
    assert accepted(server, body["access_token"])
    assert refresh(server, body["refresh_token"]).status_code == 200


# sign-out


def test_signing_out_ends_the_session_and_no_other(any_server: Server) -> None:
    body, bystander = sign_in(any_server), sign_in(any_server)
    answer = any_server.client(body["access_token"]).post("/api/v1/logout")
    assert (answer.status_code, answer.content) == (200, b"")
    assert not accepted(any_server, body["access_token"])
    assert refresh(any_server, body["refresh_token"]).status_code == 400
    assert accepted(any_server, bystander["access_token"])
    [row] = any_server.audit(action="sign-out", entity_id=payload(body["access_token"])["sid"])
    assert (row["entity_type"], row["url"], row["result"]) == ("session", "/api/v1/logout", "Succeeded")


def test_a_machine_has_no_session_to_sign_out_of(server: Server, machine: Machine) -> None:
    token = server.client_token(machine.name, machine.secret)
    answer = server.client(token).post("/api/v1/logout")
    assert answer.status_code == 400
    assert "no session" in answer.json()["message"]
    assert server.client().post("/api/v1/logout").status_code == 401
