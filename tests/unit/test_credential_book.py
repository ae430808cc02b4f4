"""What token calls remember of credentials, and for how long: on a real database that a test polls itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from runplane.server.core.clock import SystemClock
from runplane.server.core.secrets import digest
from runplane.server.identity.credentials import CredentialBook
from runplane.server.identity.store import insert_tenant
from runplane.server.identity.tables import client_secrets, clients
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import STALE_SECONDS, Freshness
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.migrate import migrate
from runplane.server.sql.unit import Unit, Units

TENANT = 1001
NAME = "robot"
SECRET = "rpk_a-secret"


@dataclass
class Place:
    """A book, the database behind it, and the time that its polls go by."""

    units: Units
    book: CredentialBook
    time: list[float] = field(default_factory=lambda: [0.0])

    def poll(self) -> None:
        self.units.read(self.units.freshness.poll)

    def find(self, name: str = NAME) -> Any:
        return asyncio.run(self.book.find(TENANT, name))

    def change(self, *, tell: bool, **values: Any) -> None:
        """Change the account; `tell` as everything does that changes what a token may."""

        def job(unit: Unit) -> None:
            unit.execute(update(clients).values(**values))
            if tell:
                unit.changed(TENANT)

        self.units.write(job)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    time = [0.0]
    database = Database(f"sqlite:///{tmp_path / 'book.db'}")
    migrate(database)
    freshness = Freshness(lambda: time[0])
    units = Units(database, freshness, SystemClock())
    units.write(_fill)
    lanes = Lanes(units)
    yield Place(units, CredentialBook(lanes, freshness, SystemClock()), time)
    lanes.close()
    database.close()


def _fill(unit: Unit) -> None:
    insert_tenant(unit, TENANT, "runai")
    client = {"id": "1", "tenant_id": TENANT, "kind": "service-account", "name": NAME, "client_id": NAME}
    made = {"enabled": True, "created_by": "test", "created_at": unit.now, "updated_at": unit.now}
    unit.execute(insert(clients), {**client, "owner_id": "", **made})
    secret = {"id": "2", "client_key": "1", "digest": digest(SECRET), "hint": ""}
    unit.execute(insert(client_secrets), {**secret, "created_at": unit.now})


def test_what_was_found_is_remembered_while_the_database_answers(place: Place) -> None:
    """A million token calls would otherwise be as many reads."""
    place.poll()
    first = place.find()
    place.change(tell=False, enabled=False)
    assert place.find() is first


def test_a_change_that_is_told_counts_at_once(place: Place) -> None:
    place.poll()
    assert place.find().client.enabled
    place.change(tell=True, enabled=False)
    assert not place.find().client.enabled


def test_nothing_is_served_from_memory_once_polls_fail(place: Place) -> None:
    """Another replica may have disabled the account, and this one would never hear of it."""
    place.poll()
    assert place.find().client.enabled
    place.change(tell=False, enabled=False)
    place.time[0] += STALE_SECONDS + 0.1
    assert not place.find().client.enabled


def test_who_is_not_known_is_asked_for_again(place: Place) -> None:
    place.poll()
    assert place.find("later") is None
    place.change(tell=False, name="later")
    assert place.find("later").secrets[0].digest == digest(SECRET)
