"""Notices before credentials expire: when, to whom, once over all replicas, and never with a secret."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from runplane.server.core.clock import instant
from runplane.server.identity.tables import clients
from runplane.server.notices import store
from runplane.server.notices.model import LEASE_SECONDS, MAX_ATTEMPTS, pause_after
from runplane.server.notices.tables import notices
from support.processes import database_settings
from support.receivers import MailReceiver, WebhookReceiver
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail

MakeServer = Callable[..., Server]
DAY = 86_400
SECRET = "violet-signing-secret"
PASSWORD = "copper-mail-password"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a new database of each kind."""
    return database_settings(request, request.param)


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    """Somebody who takes webhooks."""
    made = WebhookReceiver()
    yield made
    made.close()


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[MailReceiver]:
    """Somebody who takes mail, encrypted and with a password only."""
    made = MailReceiver(tmp_path, login=("runplane", PASSWORD))
    yield made
    made.close()


def telling(hook: WebhookReceiver) -> dict[str, str]:
    """The settings that tell a webhook."""
    return {"notices_webhook_url": hook.url, "notices_webhook_secret": SECRET}


def mailing(mailbox: MailReceiver) -> dict[str, str]:
    """The settings that tell by mail."""
    return {
        "notices_smtp_host": "127.0.0.1",
        "notices_smtp_port": str(mailbox.port),
        "notices_smtp_username": "runplane",
        "notices_smtp_password": PASSWORD,
        "notices_mail_from": "runplane@example.com",
        "notices_mail_to": "ops@example.com, lead@example.com",
        "notices_ca_file": str(mailbox.ca_file),
    }


def step(server: Server) -> int:
    """One look of a server for something to tell; returns the deliveries."""
    return asyncio.run_coroutine_threadsafe(server.app.notices.step(), server.app.loop).result(60)


def admin(server: Server) -> httpx.Client:
    """A client that has just signed in: days may have gone by."""
    return server.client(server.token(ADMIN_EMAIL, ADMIN_PASSWORD))


def credential(server: Server, path: str, name: str, days: float) -> dict[str, Any]:
    """A new credential that ends in `days`."""
    body = {"name": name, "expiresAt": instant(server.clock.epoch() + days * DAY)}
    answer = admin(server).post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return {**answer.json(), **body}


def rows(server: Server) -> list[Any]:
    return server.units.read(lambda unit: [*unit.execute(select(notices))])


def test_a_notice_at_each_number_of_days(
    database: dict[str, str], make_server: MakeServer, hook: WebhookReceiver
) -> None:
    server = make_server(**telling(hook), **database)
    made = credential(server, "service-accounts", "ci-runner", 20)
    assert step(server) == 0
    told = []
    for days in (6.1, 6, 0.5, 6.1, 0.5, 2):
        server.clock.advance(days * DAY)
        step(server)
        assert step(server) == 0
        told.append([it.data["days"] for it in hook.received])
    # 13.9 days are left, then 7.9, 7.4, 1.3, 0.8, and it has ended
    assert told == [[14], [14], [14], [14, 7], [14, 7, 1], [14, 7, 1]]
    first = hook.received[0]
    assert first.is_signed_with(SECRET.encode())
    assert not first.is_signed_with(b"another")
    assert first.headers["content-type"] == "application/json"
    assert first.data["credential"] == {
        "kind": "service-account",
        "id": made["id"],
        "name": "ci-runner",
        "clientId": made["clientId"],
        "owner": None,
        "createdBy": ADMIN_EMAIL,
        "expiresAt": made["expiresAt"],
    }
    assert first.data["text"].startswith(
        "The service account ci-runner (tenant runai) expires in 14 days, at "
    )
    assert len({it.headers["webhook-id"] for it in hook.received}) == 3
    assert all(made["clientSecret"] not in str(it) for it in hook.received)


def test_an_access_key_names_its_owner(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    credential(server, "access-keys", "laptop", 30)
    server.clock.advance(24 * DAY)
    assert step(server) == 1
    (got,) = hook.received
    # the fourteen days passed while nobody looked: the nearest number is told, once
    assert got.data["days"] == 7
    assert got.data["credential"]["kind"] == "access-key"
    assert got.data["credential"]["owner"] == ADMIN_EMAIL
    assert f"access key laptop of {ADMIN_EMAIL}" in got.data["text"]


def test_what_needs_no_notice(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    # who makes it knows that it ends
    credential(server, "access-keys", "for-an-hour", 1 / 24)
    credential(server, "service-accounts", "for-five-days", 5)
    disabled = credential(server, "service-accounts", "disabled", 30)
    answer = admin(server).patch(f"/api/v1/service-accounts/{disabled['id']}", json={"enabled": False})
    assert answer.status_code in (200, 204), answer.text
    assert admin(server).post("/api/v1/service-accounts", json={"name": "endless"}).status_code == 201
    assert step(server) == 0
    server.clock.advance(4.5 * DAY)
    assert step(server) == 1
    assert [it.data["credential"]["name"] for it in hook.received] == ["for-five-days"]
    server.clock.advance(24 * DAY)
    assert step(server) == 0


def test_replicas_tell_once(database: dict[str, str], make_server: MakeServer, hook: WebhookReceiver) -> None:
    first = make_server(**telling(hook), **database)
    shared = {
        "database_url": first.app.settings.database_url,
        "keys_key_encryption_key_file": str(first.app.settings.keys.key_encryption_key_file),
    }
    second = make_server(**telling(hook), **shared)
    for number in range(12):
        credential(first, "service-accounts", f"robot-{number}", 30)
    for it in (first, second):
        it.clock.advance(20 * DAY)
    looks = [
        asyncio.run_coroutine_threadsafe(it.app.notices.step(), it.app.loop) for it in (first, second) * 4
    ]
    assert sum(look.result(60) for look in looks) == 12
    assert sorted(it.data["credential"]["name"] for it in hook.received) == sorted(
        f"robot-{number}" for number in range(12)
    )


def test_a_webhook_that_fails_is_tried_again_later(
    make_server: MakeServer,
    hook: WebhookReceiver,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = make_server(**telling(hook))
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    hook.status = 503
    assert step(server) == 0
    assert step(server) == 0
    assert len(hook.received) == 1, "it was tried again at once"
    server.clock.advance(pause_after(1) + 1)
    step(server)
    assert len(hook.received) == 2
    hook.status = 200
    server.clock.advance(pause_after(1) + 1)
    step(server)
    assert len(hook.received) == 2, "the pause does not grow"
    server.clock.advance(pause_after(2))
    assert step(server) == 1
    # whoever took it, and answered badly, can tell that it is the same
    assert len({it.headers["webhook-id"] for it in hook.received}) == 1
    server.clock.advance(3600)
    assert step(server) == 0
    # to where the log goes depends on whether something before has set it up
    said = caplog.text + "".join(capfd.readouterr())
    assert "503" in said
    assert "canary" not in said
    assert SECRET not in said


def test_a_notice_that_nobody_takes_is_given_up(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    hook.status = 500
    for _ in range(MAX_ATTEMPTS + 3):
        step(server)
        server.clock.advance(pause_after(99) + 1)
    assert len(hook.received) == MAX_ATTEMPTS
    (row,) = rows(server)
    assert (row.sent_at, row.due_at, row.attempts) == (None, None, MAX_ATTEMPTS)


def test_what_a_dead_process_had_taken_goes_out_when_its_lease_ends(
    database: dict[str, str], make_server: MakeServer, hook: WebhookReceiver
) -> None:
    server = make_server(**telling(hook), **database)
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    asyncio.run_coroutine_threadsafe(server.app.notices._decide(), server.app.loop).result(30)
    # it may have sent it or not: nobody knows
    assert server.units.write(lambda unit: store.lease(unit, "webhook")) is not None
    assert step(server) == 0
    server.clock.advance(LEASE_SECONDS + 1)
    assert step(server) == 1


def test_who_lost_its_lease_changes_nothing(
    database: dict[str, str], make_server: MakeServer, hook: WebhookReceiver
) -> None:
    server = make_server(**telling(hook), **database)
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    asyncio.run_coroutine_threadsafe(server.app.notices._decide(), server.app.loop).result(30)
    slow = server.units.write(lambda unit: store.lease(unit, "webhook"))
    server.clock.advance(LEASE_SECONDS + 1)
    present = server.units.write(lambda unit: store.lease(unit, "webhook"))
    assert slow is not None
    assert present is not None
    before = rows(server)
    server.units.write(lambda unit: store.settle(unit, slow, sent=True))
    server.units.write(lambda unit: store.postpone(unit, slow, unit.now))
    server.units.write(lambda unit: store.withdraw(unit, slow))
    assert rows(server) == before
    server.units.write(lambda unit: store.settle(unit, present, sent=True))
    assert rows(server)[0].sent_at is not None


def test_another_end_is_told_of_too(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    made = credential(server, "service-accounts", "ci", 20)
    server.clock.advance(7 * DAY)
    assert step(server) == 1
    later = {"expiresAt": instant(server.clock.epoch() + 40 * DAY)}
    answer = admin(server).patch(f"/api/v1/service-accounts/{made['id']}", json=later)
    assert answer.status_code in (200, 204), answer.text
    server.clock.advance(7 * DAY)
    assert step(server) == 0, "of an end that is no more"
    server.clock.advance(20 * DAY)
    assert step(server) == 1
    assert [it.data["credential"]["expiresAt"] for it in hook.received] == [
        made["expiresAt"],
        later["expiresAt"],
    ]


def test_what_changes_before_a_notice_goes_out_counts(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    made = [credential(server, "service-accounts", f"robot-{it}", 30) for it in range(2)]
    server.clock.advance(17 * DAY)
    asyncio.run_coroutine_threadsafe(server.app.notices._decide(), server.app.loop).result(30)
    assert len(rows(server)) == 2
    server.units.write(
        lambda unit: unit.execute(update(clients).where(clients.c.id == made[0]["id"]).values(enabled=False))
    )
    assert admin(server).delete(f"/api/v1/service-accounts/{made[1]['id']}").status_code in (200, 204)
    step(server)
    assert hook.received == []
    assert rows(server) == []


def test_mail(make_server: MakeServer, mailbox: MailReceiver) -> None:
    server = make_server(**mailing(mailbox))
    made = credential(server, "service-accounts", "ci-runner", 30)
    server.clock.advance(24 * DAY)
    assert step(server) == 1
    assert step(server) == 0
    (mail,) = mailbox.received
    assert mailbox.recipients == [["ops@example.com", "lead@example.com"]]
    assert mailbox.encrypted == [True]
    assert mail["subject"] == "service account ci-runner of runai expires in 6 days"
    assert (mail["from"], mail["to"]) == ("runplane@example.com", "ops@example.com, lead@example.com")
    text = mail.get_content()
    assert made["expiresAt"] in text
    assert made["clientId"] in text
    assert made["clientSecret"] not in mail.as_string()


def test_a_way_that_is_blocked_does_not_hold_up_the_other(
    make_server: MakeServer, hook: WebhookReceiver, mailbox: MailReceiver
) -> None:
    server = make_server(**telling(hook), **mailing(mailbox))
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    hook.status = 500
    assert step(server) == 1
    server.clock.advance(3600)
    hook.status = 200
    assert step(server) == 1
    assert (len(mailbox.received), len(hook.received)) == (1, 2)


def test_the_days_are_a_setting(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook), notices_days="30, 2")
    credential(server, "service-accounts", "ci", 60)
    for days in (29, 2, 27.5):
        server.clock.advance(days * DAY)
        step(server)
    assert [it.data["days"] for it in hook.received] == [30, 2]


def test_notices_of_long_ago_are_forgotten(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    credential(server, "service-accounts", "old", 30)
    server.clock.advance(17 * DAY)
    step(server)
    credential(server, "service-accounts", "new", 60)
    server.clock.advance(50 * DAY)
    step(server)
    assert [it.data["credential"]["name"] for it in hook.received] == ["old", "new"]
    assert len(rows(server)) == 1


@pytest.mark.slow
def test_the_running_server_looks_by_itself(make_server: MakeServer, hook: WebhookReceiver) -> None:
    server = make_server(**telling(hook))
    credential(server, "service-accounts", "ci", 30)
    server.clock.advance(17 * DAY)
    # a start looks at once
    server.restart()
    deadline = time.monotonic() + 30
    while not hook.received:
        assert time.monotonic() < deadline, "no notice"
        time.sleep(0.01)
