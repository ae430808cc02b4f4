"""Fills an existing database without the API: thousands of rows, in one transaction.

Over the API each person would cost a slow password hash, which is not what is measured here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runplane.server.bootstrap import FIRST_TENANT
from runplane.server.core.clock import SystemClock
from runplane.server.core.ids import new_id
from runplane.server.identity.store import insert_user
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.unit import Unit, Units


def add_people(database: Path | str, count: int) -> list[str]:
    """Store `count` local users in the first tenant of an existing database, a file or URL; their ids."""
    ids = [new_id() for _ in range(count)]

    def job(unit: Unit) -> None:
        for number, user_id in enumerate(ids):
            email = f"person-{number:05d}@bench.example.com"
            unit_row = {
                "id": user_id,
                "tenant_id": FIRST_TENANT,
                "email": email,
                "email_key": email,
                "is_local": True,
                "enabled": True,
                "created_by": "bench",
                "created_at": unit.now,
                "updated_at": unit.now,
            }
            insert_user(unit, unit_row)

    write(database, job)
    return ids


def write(database: Path | str, job: Callable[[Unit], None]) -> None:
    """Run `job` in one transaction of an existing database: a file of SQLite, or a URL."""
    opened = Database(f"sqlite:///{database}" if isinstance(database, Path) else database)
    try:
        Units(opened, Freshness(), SystemClock()).write(job)
    finally:
        opened.close()
