"""Looking for what a key-encryption key has sealed, in every column of every table."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import LargeBinary, select

from runplane.server.identity.vault import MARK
from runplane.server.sql.schema import metadata
from runplane.server.sql.unit import Unit, Units


def marked(units: Units, mark: bytes) -> Counter[str]:
    """How many values begin with `mark`, by table and column: whatever is stored as bytes is looked at."""

    def job(unit: Unit) -> Counter[str]:
        found: Counter[str] = Counter()
        for table in metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary):
                    values = unit.execute(select(column).where(column.is_not(None))).scalars()
                    found[f"{table.name}.{column.name}"] = sum(bytes(it)[:MARK] == mark for it in values)
        return +found

    return units.read(job)
