"""SQL over columns of sealed values, whatever their table. An empty value is none: its row waits for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from runplane.server.identity.sealed.model import Place
from runplane.server.sql.unit import Unit


def _foreign(place: Place, mark: bytes) -> list[ColumnElement[bool]]:
    column = place.table.c[place.column]
    return [column != b"", func.substr(column, 1, len(mark)) != mark]


def count_foreign(unit: Unit, place: Place, mark: bytes) -> int:
    """How many values begin with another mark than this. Reads the whole table."""
    query = select(func.count()).select_from(place.table).where(*_foreign(place, mark))
    return int(unit.execute(query).scalar_one())


def select_foreign(
    unit: Unit, place: Place, mark: bytes, after: Any, limit: int
) -> list[tuple[dict[str, Any], bytes]]:
    """Up to `limit` rows with such values, by key: columns by name, and the sealed value.

    `after` is the last key of the rows before, None for the first ones.
    """
    columns = place.table.c
    key = columns[place.key]
    names = (place.key, *place.others)
    query = select(*(columns[it] for it in names), columns[place.column]).where(*_foreign(place, mark))
    if after is not None:
        query = query.where(key > after)
    rows = unit.execute(query.order_by(key).limit(limit)).all()
    return [(dict(zip(names, row, strict=False)), bytes(row[-1])) for row in rows]


def replace_sealed(unit: Unit, place: Place, key: Any, before: bytes, after: bytes) -> None:
    """Put `after` where `before` still is; another process may have changed or removed the row."""
    columns = place.table.c
    mine = (columns[place.key] == key, columns[place.column] == before)
    unit.execute(update(place.table).where(*mine).values(**{place.column: after}))
