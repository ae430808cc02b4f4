"""Finding out that a disk takes writes again, where nobody happens to write."""

from __future__ import annotations

import contextlib

from runplane.server.core.errors import Unavailable
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.unit import Unit


async def storage_trouble(lanes: Lanes) -> str | None:
    """Why nothing can be stored, None while writing works. Tries a write only after one has failed.

    On PostgreSQL the next write of somebody finds out; no small one is sure to need what another one lacked.
    """
    units = lanes.units
    if units.storage.trouble is not None and units.database.is_sqlite:
        with contextlib.suppress(Unavailable):
            await lanes.write(_touch)
    return units.storage.trouble


def _touch(unit: Unit) -> None:
    """Change a number in the file's header that means nothing to anybody: one page is written and synced."""
    cursor = unit.raw.execute("PRAGMA user_version")
    unit.raw.execute(f"PRAGMA user_version = {(cursor.fetchone()[0] + 1) % 2}")
