"""Statements compiled once and run on the raw DBAPI connection.

SQLAlchemy's execution layer costs several times the query itself on one-row reads (reference/performance 5),
so hot reads keep its *language* and skip its *execution*: values travel as bind parameters all the same.
Result columns come back as the driver gives them: booleans are 0 and 1 on SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.expression import ClauseElement

Row = tuple[Any, ...]


class Prepared:
    """One statement, rendered at most once per dialect. Holds no "expanding" parameter.

    `total` belongs to the statement of one page: it counts what the page is a part of, with the same
    parameters.
    """

    __slots__ = ("_rendered", "statement", "total")

    def __init__(self, statement: ClauseElement, total: Prepared | None = None) -> None:
        self.statement = statement
        self.total = total
        self._rendered: dict[str, tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def render(self, dialect: Dialect) -> tuple[str, tuple[str, ...] | None, dict[str, Any]]:
        """SQL text, the order of positional parameters (None where they are named), default values."""
        rendered = self._rendered.get(dialect.name)
        if rendered is None:
            compiled = self.statement.compile(dialect=dialect)
            order = getattr(compiled, "positiontup", None)
            defaults: dict[str, Any] = {**(compiled.params or {})}
            rendered = (str(compiled), tuple(order) if order is not None else None, defaults)
            self._rendered[dialect.name] = rendered
        return rendered


class Listed(NamedTuple):
    """A page that was read: how to count the whole, with which parameters, and how many rows came back."""

    total: Prepared
    params: Mapping[str, Any]
    rows: int


class Reader(Protocol):
    """What a store function that only reads asks for."""

    @property
    def listed(self) -> list[Listed]:
        """The pages of lists that were read, for the kernel's headers."""
        ...

    def one(self, query: Prepared, params: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        ...

    def all(self, query: Prepared, params: Mapping[str, Any]) -> list[Row]:
        """Every row."""
        ...

    def scalar(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        """The first column of the first row, or None."""
        ...


class RawReader:
    """A Reader over a kept DBAPI connection (sqlite3 or psycopg: both have `connection.execute`)."""

    __slots__ = ("_dialect", "listed", "raw", "statements")

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.raw = raw
        self._dialect = dialect
        self.statements = 0
        # the pages of lists that were read, for the kernel's headers
        self.listed: list[Listed] = []

    def _run(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        self.statements += 1
        sql, order, defaults = query.render(self._dialect)
        if order is None:
            return self.raw.execute(sql, {**defaults, **params})
        return self.raw.execute(sql, [params[name] if name in params else defaults[name] for name in order])

    def one(self, query: Prepared, params: Mapping[str, Any]) -> Row | None:
        return self._run(query, params).fetchone()

    def all(self, query: Prepared, params: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = self._run(query, params).fetchall()
        if query.total is not None:
            self.listed.append(Listed(query.total, params, len(rows)))
        return rows

    def scalar(self, query: Prepared, params: Mapping[str, Any]) -> Any:
        row = self._run(query, params).fetchone()
        return None if row is None else row[0]
