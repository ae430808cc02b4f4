"""What ends at an instant has ended at that instant, not a moment later; on a clock that stands still.

Ends are promised to others: the answer of a token call, a certificate of an audit, a device's countdown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import jwt
import pytest
from sqlalchemy import Table, func, select

from runplane.server.core.clock import instant
from runplane.server.identity.clients.model import MAX_OVERLAP
from runplane.server.identity.logins.codes import CODE_SECONDS
from runplane.server.identity.logins.devices import DEVICE_SECONDS
from runplane.server.identity.logins.requests import REQUEST_SECONDS
from runplane.server.identity.logins.tables import authorization_codes
from runplane.server.identity.rotation import LONGEST_TOKEN, MARGIN, ahead_seconds
from runplane.server.identity.schedule import RotationSchedule
from runplane.server.identity.tables import refresh_tokens, sessions
from support.accounts import TOKEN, accepted, sign_in
from support.credentials import ACCESS_KEYS, SERVICE_ACCOUNTS, acts, opens
from support.logins import SESSION, Program, answer_device, begin_device, browser, poll
from support.server import Server

pytestmark = pytest.mark.detail

MOMENT = 0.001


@dataclass
class Still:
    """A server whose clock only moves when it is told to."""

    server: Server
    now: float

    def epoch(self) -> float:
        return self.now

    def before(self, end: float) -> None:
        """The last moment before an end; half of one more, because fractions of seconds are not exact."""
        self.now = end - MOMENT + MOMENT / 2

    def at(self, end: float) -> None:
        self.now = end


@pytest.fixture
def still(make_server: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> Still:
    server = make_server(keys_rotate_days="0")
    standing = Still(server, float(int(time.time())))
    monkeypatch.setattr(server.clock, "epoch", standing.epoch)
    return standing


def test_a_service_account_and_its_tokens(still: Still) -> None:
    end = still.now + 600
    made = SERVICE_ACCOUNTS.create(still.server.admin, expiresAt=instant(end))
    token = still.server.client_token(made["clientId"], made["_secret"])
    still.before(end)
    assert opens(still.server, made["clientId"], made["_secret"])
    assert accepted(still.server, token)
    still.at(end)
    assert not opens(still.server, made["clientId"], made["_secret"])
    assert not accepted(still.server, token)


def test_an_end_must_lie_in_the_future(still: Still) -> None:
    for end, code in ((still.now, 400), (still.now + MOMENT, 201)):
        body = {"name": f"n{code}", "expiresAt": instant(end)}
        assert still.server.admin.post(SERVICE_ACCOUNTS.path, json=body).status_code == code


def test_a_key_leaves_none_behind_that_lives_longer(still: Still) -> None:
    end = still.now + 600
    made = ACCESS_KEYS.create(still.server.admin, expiresAt=instant(end))
    key = acts(still.server, made)
    for end_of_another, code in ((end, 201), (end + MOMENT, 400)):
        body = {"name": f"n{code}", "expiresAt": instant(end_of_another)}
        assert key.post(ACCESS_KEYS.path, json=body).status_code == code


def test_a_secret_that_was_renewed(still: Still) -> None:
    made = SERVICE_ACCOUNTS.create(still.server.admin)
    SERVICE_ACCOUNTS.renew(still.server.admin, made["id"], overlap="30d")
    end = still.now + MAX_OVERLAP
    still.before(end)
    assert opens(still.server, made["clientId"], made["_secret"])
    admin = still.server.client(sign_in(still.server)["access_token"])
    assert len(SERVICE_ACCOUNTS.get(admin, made["id"])["secrets"]) == 2
    still.at(end)
    assert not opens(still.server, made["clientId"], made["_secret"])
    assert len(SERVICE_ACCOUNTS.get(admin, made["id"])["secrets"]) == 1


def test_a_device_that_waits(still: Still) -> None:
    end = still.now + DEVICE_SECONDS
    asking, approved = begin_device(still.server), begin_device(still.server)
    assert poll(still.server, asking).json()["error"] == "authorization_pending"
    # as often as it was told to, and not too often
    still.now += asking["interval"]
    assert poll(still.server, asking).json()["error"] == "authorization_pending"
    person = browser(still.server)
    still.before(end)
    assert poll(still.server, asking).json()["error"] == "authorization_pending"
    assert answer_device(person, approved).status_code == 204
    still.at(end)
    assert poll(still.server, asking).json()["error"] == "expired_token"
    assert poll(still.server, approved).json()["error"] == "expired_token"
    assert answer_device(person, asking).status_code == 404


def test_how_long_it_is_known_that_a_code_was(still: Still) -> None:
    program, waiting = Program(still.server), begin_device(still.server)
    program.code(browser(still.server))

    def codes() -> int | None:
        query = select(func.count()).select_from(authorization_codes)
        return still.server.units.read(lambda unit: unit.execute(query).scalar())

    gone = still.now + CODE_SECONDS + 3600
    still.before(gone)
    program.code(browser(still.server))
    assert codes() == 2
    still.at(gone)
    program.code(browser(still.server))
    assert codes() == 2
    gone = gone - CODE_SECONDS + DEVICE_SECONDS
    still.before(gone)
    begin_device(still.server)
    assert poll(still.server, waiting).json()["error"] == "expired_token"
    still.at(gone)
    begin_device(still.server)
    assert poll(still.server, waiting).json()["error"] == "invalid_grant"


def test_a_sign_in_of_a_program(still: Still) -> None:
    person, program = browser(still.server), Program(still.server)
    end = still.now + REQUEST_SECONDS
    request = f"{SESSION}/authorizations/{program.request_id()}"
    still.before(end)
    assert person.get(request).status_code == 200
    still.at(end)
    assert person.get(request).status_code == 404
    late, early = program.code(person), program.code(person)
    still.before(end + CODE_SECONDS)
    assert program.redeem(early).status_code == 200
    still.at(end + CODE_SECONDS)
    assert program.redeem(late).json()["error"] == "invalid_grant"


def lives(person: httpx.Client) -> bool:
    """Whether a browser's session gives its page a token, for somebody who is there."""
    return person.post(f"{SESSION}/token", json={"active": True}).status_code == 200


def test_a_session_of_a_browser(still: Still) -> None:
    person, program = browser(still.server), Program(still.server)
    end = still.now + still.server.app.identity.rules.browser_seconds
    while still.now + 900 < end:
        still.now += 900
        assert lives(person)
    still.before(end)
    code = program.code(person)
    assert lives(person)
    still.at(end)
    # it was used a moment ago, and hears the true reason
    assert person.post(f"{SESSION}/token", json={"active": True}).json()["reason"] == "expired"
    # what was agreed to in it is over with it
    assert program.redeem(code).json()["error"] == "invalid_grant"


def test_a_session_of_a_browser_in_which_nothing_is_done(still: Still) -> None:
    limit = "/api/v1/security/settings/browserSessionTimeout"
    assert still.server.admin.put(limit, json={"idleTimeout": 5}).is_success
    begun, used = browser(still.server), browser(still.server)
    end = still.now + 300
    still.before(end)
    assert lives(used)
    still.at(end)
    assert lives(used)
    assert not lives(begun)


def test_a_refresh_token_and_the_session_it_keeps(still: Still) -> None:
    rules = still.server.app.identity.rules

    def refresh(token: str) -> dict[str, str]:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "cli"}
        return still.server.client().post(TOKEN, data=form).json()

    ends = still.now + rules.session_seconds
    unused, used = sign_in(still.server), sign_in(still.server)
    still.before(still.now + rules.refresh_seconds)
    used = refresh(used["refresh_token"])
    still.at(ends - rules.session_seconds + rules.refresh_seconds)
    assert refresh(unused["refresh_token"])["error"] == "invalid_grant"
    while still.now + rules.refresh_seconds < ends:
        still.now += rules.refresh_seconds - 3600
        used = refresh(used["refresh_token"])
    still.at(ends - 60)
    used = refresh(used["refresh_token"])
    # no longer than the session, also where a server knows the token by heart
    assert used["expires_in"] == 60
    assert accepted(still.server, used["access_token"])
    still.at(ends - 1)
    last = refresh(used["refresh_token"])
    still.at(ends)
    assert not accepted(still.server, used["access_token"])
    assert not accepted(still.server, last["access_token"])
    assert refresh(last["refresh_token"])["error"] == "invalid_grant"


def test_what_is_over_is_forgotten_with_the_next_of_its_kind(still: Still) -> None:
    rules = still.server.app.identity.rules

    def stored(table: Table) -> int | None:
        query = select(func.count()).select_from(table)
        return still.server.units.read(lambda unit: unit.execute(query).scalar())

    def refresh(token: str) -> str:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "cli"}
        return still.server.client().post(TOKEN, data=form).json()["refresh_token"]

    began, first = still.now, sign_in(still.server)["refresh_token"]
    still.before(began + rules.refresh_seconds)
    second = refresh(first)
    assert stored(refresh_tokens) == 2
    still.at(began + rules.refresh_seconds)
    refresh(second)
    assert stored(refresh_tokens) == 2
    still.before(began + rules.session_seconds)
    sign_in(still.server)
    assert stored(sessions) == 2
    still.at(began + rules.session_seconds)
    sign_in(still.server)
    assert stored(sessions) == 2


def test_a_temporary_password(still: Still) -> None:
    made = still.server.admin.post("/api/v1/users", json={"email": "new@example.com"}).json()
    end = still.now + still.server.app.identity.rules.temporary_seconds
    still.before(end)
    signed_in = still.server.client(still.server.token("new@example.com", made["tempPassword"]))
    still.at(end)
    body = {"currentPassword": made["tempPassword"], "newPassword": "copper-lantern-eight-maps"}
    assert "expired" in signed_in.post("/api/v1/me/password", json=body).json()["message"]
    form = {"grantType": "password", "username": "new@example.com", "password": made["tempPassword"]}
    assert still.server.client().post("/api/v1/token", json=form).status_code == 400


def test_a_signing_key(still: Still) -> None:
    """It is old, signs and dies at the very instants that its rotation told."""
    server, ahead = still.server, ahead_seconds(300)
    schedule = RotationSchedule(server.app.identity, ahead)
    realms = server.app.identity.realms

    def step() -> list[str]:
        work = asyncio.run_coroutine_threadsafe(schedule.step(), server.app.loop)
        return [it.kid for it in work.result(30)]

    def signer() -> str:
        return jwt.get_unverified_header(sign_in(server)["access_token"])["kid"]

    def polled() -> None:
        """What a poll of the database does."""
        server.units.read(lambda unit: realms.keep_up(unit, realms._versions))

    first = signer()
    still.now += 2 * ahead
    [second] = step()
    began = still.now
    server.units.read(realms.load)
    still.before(began + ahead)
    assert (step(), signer()) == ([], first)
    still.at(began + ahead)
    polled()
    assert signer() == second
    # the next one may begin to wait when this one has begun to sign
    [third] = step()
    dies = began + ahead + LONGEST_TOKEN + MARGIN
    server.units.read(realms.load)
    still.before(dies)
    polled()
    assert realms.by_tenant(1001).kids == {first, second, third}
    still.at(dies)
    polled()
    assert realms.by_tenant(1001).kids == {second, third}
