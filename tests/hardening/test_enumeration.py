"""Who asks with a wrong password learns nothing: the same status, body and headers, whatever is the reason.

That each reason also costs the same work is counted, not timed, in test_token_refusals and test_passwords.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest

from support.accounts import FORM_ROUTES, LOGIN, V1, access_key, bend, person, service_account
from support.server import Server

pytestmark = pytest.mark.detail

SESSION = "/api/v1/session"
WRONG = "cedar-marble-quiver-halo"
# An account is locked after as many distinct wrong passwords.
GUESSES = 10
# What each answer has of its own.
MOVING = ("date", "x-request-id")

Ask = Callable[[Server, str, str], httpx.Response]


def by_json(route: str) -> Ask:
    def ask(server: Server, email: str, password: str) -> httpx.Response:
        body = {"grantType": "password", "username": email, "email": email, "password": password}
        return server.client().post(route, json=body)

    return ask


def by_form(route: str) -> Ask:
    def ask(server: Server, email: str, password: str) -> httpx.Response:
        form = {"grant_type": "password", "client_id": "runai-cli", "username": email, "password": password}
        return server.client().post(route, data=form)

    return ask


def by_browser(server: Server, email: str, password: str) -> httpx.Response:
    headers = {"sec-fetch-site": "same-origin"}
    return server.client().post(SESSION, json={"email": email, "password": password}, headers=headers)


WAYS = {
    **{route: by_json(route) for route in (V1, LOGIN)},
    **{route: by_form(route) for route in FORM_ROUTES},
    SESSION: by_browser,
}


@dataclass(frozen=True)
class Told:
    """All that somebody outside can see of an answer."""

    status: int
    text: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, answer: httpx.Response) -> Told:
        headers = sorted((name, value) for name, value in answer.headers.items() if name not in MOVING)
        return cls(answer.status_code, answer.text, tuple(headers))


def somebody(server: Server, **bent: object) -> tuple[str, str]:
    user_id, email, password = person(server)
    if bent:
        bend(server, "users", user_id, **bent)
    return email, password


def locked(server: Server) -> tuple[str, str]:
    """Somebody whose account has just been locked: also the right password is refused now."""
    email, password = somebody(server)
    for number in range(GUESSES):
        by_json(V1)(server, email, f"{WRONG}-{number}")
    return email, password


@pytest.mark.clause("enumeration.sign-in")
@pytest.mark.parametrize("way", WAYS)
def test_no_refusal_tells_why(make_server: Callable[..., Server], way: str) -> None:
    server, ask = make_server(), WAYS[way]
    known = somebody(server)
    disabled = somebody(server, enabled=False)
    elsewhere = somebody(server, is_local=False)
    reasons = {
        "wrong password": (known[0], WRONG),
        "unknown": (f"{uuid4().hex}@example.com", WRONG),
        "no address at all": ("nobody", WRONG),
        "disabled, wrong password": (disabled[0], WRONG),
        "disabled, right password": disabled,
        "of an identity provider": elsewhere,
        "locked, right password": locked(server),
    }
    told = {reason: Told.of(ask(server, *pair)) for reason, pair in reasons.items()}
    expected = told["wrong password"]
    assert expected.status in (400, 401)
    assert {reason: it for reason, it in told.items() if it != expected} == {}
    # the counterpart: the right password of an account that is fine is told from all of them
    assert ask(server, *known).status_code == 200


def test_no_refusal_tells_whether_a_client_exists(server: Server) -> None:
    machine, key, gone = service_account(server), access_key(server.admin), service_account(server)
    off = service_account(server)
    answer = server.admin.patch(f"/api/v1/service-accounts/{off.id}", json={"enabled": False})
    assert answer.status_code == 200, answer.text
    server.admin.delete(f"/api/v1/service-accounts/{gone.id}")
    names = [machine.name, machine.client_id, key.client_id, gone.client_id, off.client_id, uuid4().hex]

    def form(route: str, name: str) -> httpx.Response:
        pair = {"client_id": name, "client_secret": "rpk_wrong"}
        return server.client().post(route, data={"grant_type": "client_credentials", **pair})

    def body(name: str) -> httpx.Response:
        return server.client().post(V1, json={"clientId": name, "clientSecret": "rpk_wrong"})

    assert len({Told.of(body(name)) for name in names}) == 1
    for route in FORM_ROUTES:
        assert len({Told.of(form(route, name)) for name in names}) == 1
    assert Told.of(form(FORM_ROUTES[1], machine.name)).status == 401


def test_a_user_name_in_use_elsewhere_is_not_told(server: Server) -> None:
    """Creating a user says that an address is taken only to those who may list users anyway."""
    _, email, password = person(server)
    nobody = server.client(server.token(email, password))
    answers = {
        Told.of(nobody.post("/api/v1/users", json={"email": it}))
        for it in (email, "admin@example.com", f"{uuid4().hex}@example.com")
    }
    assert {it.status for it in answers} == {403}
