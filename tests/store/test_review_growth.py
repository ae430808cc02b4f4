"""Tables that every sign-in and refresh adds to: what is over is forgotten, so that they stay bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.sql.selectable import FromClause

from runplane.server.core.clock import Instant, ManualClock, instant
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import IdentityRules
from runplane.server.identity.sessions import next_refresh_token, open_session
from runplane.server.identity.store import insert_revoked_token, insert_tenant, is_revoked, select_user
from runplane.server.identity.tables import refresh_tokens, revoked_tokens, sessions, users
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import migrate
from runplane.server.sql.unit import Unit, Units

DAY = 86400.0
RULES = IdentityRules()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(time.time())


@pytest.fixture
def units(database_url: str, clock: ManualClock) -> Iterator[Units]:
    database = Database(database_url)
    migrate(database)
    made = Units(database, Freshness(), clock)

    def people(unit: Unit) -> None:
        insert_tenant(unit, 1, "t")
        for name in ("a", "b"):
            values = {
                "id": name, "tenant_id": 1, "email": name, "email_key": name, "is_local": True,
                "enabled": True, "created_by": "x", "created_at": unit.now, "updated_at": unit.now,
            }  # fmt: skip
            unit.execute(insert(users), values)

    made.write(people)
    yield made
    database.close()


def user(unit: Unit, name: str) -> UserRow:
    found = select_user(unit, 1, name)
    assert found is not None
    return found


def rows(units: Units, table: FromClause) -> int:
    return units.read(lambda unit: unit.execute(select(func.count()).select_from(table)).scalar_one())


def test_sessions_that_are_over_go_at_the_next_sign_in(units: Units, clock: ManualClock) -> None:
    for name in ("a", "a", "b"):
        units.write(lambda unit, name=name: open_session(unit, user(unit, name), "cli", RULES))
    clock.advance(RULES.session_seconds - DAY)
    units.write(lambda unit: open_session(unit, user(unit, "a"), "cli", RULES))
    assert rows(units, sessions) == 4
    clock.advance(2 * DAY)
    units.write(lambda unit: open_session(unit, user(unit, "a"), "cli", RULES))
    assert rows(units, sessions) == 3
    assert rows(units, refresh_tokens) == 3


def test_refresh_tokens_that_are_over_go_at_the_next_refresh(units: Units, clock: ManualClock) -> None:
    session_id, _ = units.write(lambda unit: open_session(unit, user(unit, "a"), "cli", RULES))
    ends = instant(clock.epoch() + RULES.session_seconds)
    for _ in range(20):
        clock.advance(DAY)
        units.write(lambda unit: next_refresh_token(unit, session_id, Instant(ends), RULES))
    assert rows(units, refresh_tokens) == RULES.refresh_seconds / DAY


def test_tokens_taken_back_are_remembered_until_they_are_over(units: Units, clock: ManualClock) -> None:
    expires_at = int(clock.epoch()) + 3600
    units.write(lambda unit: insert_revoked_token(unit, 1, "first", expires_at))
    clock.advance(3660)
    units.write(lambda unit: insert_revoked_token(unit, 1, "second", expires_at + 3660))
    assert units.read(lambda unit: is_revoked(unit, "first"))
    clock.advance(2 * 3600)
    units.write(lambda unit: insert_revoked_token(unit, 1, "third", expires_at + 4 * 3600))
    assert not units.read(lambda unit: is_revoked(unit, "first"))
    assert rows(units, revoked_tokens) == 2
