"""Listings as data: the fields a list can be filtered, sorted and searched by, and one page asked of it.

Contract 1 ("filterBy", "Sorting", "Pagination"). The types know neither query strings (http.listing) nor SQL
(sql.filters). A list that deviates — fewer operators for users, another name for `limit` in the audit log —
says so in its `Listing`; no code is written for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

Value = str | int | float | bool
R = TypeVar("R")


class Kind(Enum):
    """What the values of a field are. TIME is an instant of core.clock, so it compares as text."""

    TEXT = "text"
    TIME = "time"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Operator(StrEnum):
    """The comparisons of `filterBy`, by their spelling on the wire: each is two characters long."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    AT_MOST = "<="
    AT_LEAST = ">="
    CONTAINS = "=@"
    NOT_CONTAINS = "!@"
    STARTS = "=^"
    ENDS = "=$"


_EQUALITY = (Operator.EQUAL, Operator.NOT_EQUAL)
_RANGE = (*_EQUALITY, Operator.AT_MOST, Operator.AT_LEAST)
_PARTS = (Operator.CONTAINS, Operator.NOT_CONTAINS, Operator.STARTS, Operator.ENDS)
# What SQL can answer for a kind, and what a field of that kind takes unless it says otherwise.
_POSSIBLE = {
    Kind.TEXT: (*_RANGE, *_PARTS),
    Kind.TIME: _RANGE,
    Kind.INTEGER: _RANGE,
    Kind.NUMBER: _RANGE,
    Kind.BOOLEAN: _EQUALITY,
}
_DEFAULT = {**_POSSIBLE, Kind.TEXT: (*_EQUALITY, *_PARTS)}


@dataclass(frozen=True, slots=True, init=False)
class Field:
    """One name a list understands.

    `filter` and `sort` say in which parameters it may stand, `search` that free text looks into it. `choices`
    are the only values `==` and `!=` take. `operators` replaces the default of the kind.
    Raises ValueError for a declaration that no query could obey.
    """

    name: str
    kind: Kind
    filter: bool
    sort: bool
    search: bool
    operators: tuple[Operator, ...]
    choices: tuple[str, ...] | None

    def __init__(
        self,
        name: str,
        kind: Kind = Kind.TEXT,
        *,
        filter: bool = True,  # noqa: A002 - reads as the parameter it permits
        sort: bool = True,
        search: bool = False,
        operators: Iterable[Operator] | None = None,
        choices: Iterable[str] | None = None,
    ) -> None:
        allowed = _DEFAULT[kind] if operators is None else tuple(operators)
        if any(operator not in _POSSIBLE[kind] for operator in allowed):
            raise ValueError(f"{name}: {kind.value} values cannot be compared with all of {allowed}")
        if kind is not Kind.TEXT and (search or choices is not None):
            raise ValueError(f"{name}: only text has choices or is searched")
        if not (name.isascii() and name.replace("_", "").isalnum()):
            raise ValueError(f"{name!r}: a field is named with letters, digits and underscores")
        values = (name, kind, filter, sort, search, allowed, None if choices is None else tuple(choices))
        for slot, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, slot, value)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The members that wrap a list on the wire; `items=None` is a bare array.

    `next` holds the offset of the next page, `total` the number of rows that match, `displayed` the number on
    this page. None leaves the member out.
    """

    items: str | None
    next: str | None = None
    total: str | None = None
    displayed: str | None = None


class Listing:
    """What one list offers. Build it once, beside the operation; it never changes.

    `limit_name` is the parameter that carries the page size. `default_sort` is (field, descending) where the
    contract promises an order. A list with `paged=False` always answers whole.
    Raises ValueError for fields that a client could not tell apart.
    """

    __slots__ = (
        "default_limit",
        "default_sort",
        "envelope",
        "fields",
        "limit_name",
        "max_limit",
        "name",
        "paged",
    )

    def __init__(
        self,
        name: str,
        *fields: Field,
        envelope: Envelope,
        default_limit: int = 50,
        max_limit: int = 500,
        default_sort: tuple[str, bool] | None = None,
        paged: bool = True,
        limit_name: str = "limit",
    ) -> None:
        self.name: Final = name
        self.envelope: Final = envelope
        self.default_limit: Final = default_limit
        self.max_limit: Final = max_limit
        self.paged: Final = paged
        self.limit_name: Final = limit_name
        self.fields: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in fields})
        # Clients that leak enum members lose case and separators, so names must differ in more than these.
        if len({fold(field.name) for field in fields}) != len(fields):
            raise ValueError(f"{name}: two fields differ only in case, `_` or `-`")
        if not 1 <= default_limit <= max_limit:
            raise ValueError(f"{name}: the default page size {default_limit} is not within 1 to {max_limit}")
        if default_sort is not None and default_sort[0] not in self.fields:
            raise ValueError(f"{name}: sorted by {default_sort[0]!r}, which is not a field")
        self.default_sort: Final = (
            None if default_sort is None else (self.fields[default_sort[0]], default_sort[1])
        )

    @property
    def searched(self) -> tuple[Field, ...]:
        """The fields free text looks into."""
        return tuple(field for field in self.fields.values() if field.search)


@dataclass(frozen=True, slots=True)
class Condition:
    """One term of `filterBy`. `value` already has the type of the field."""

    field: Field
    operator: Operator
    value: Value


PLAIN_ROWS: Final = 150
"""How far into a list the event loop itself may read."""


@dataclass(frozen=True, slots=True)
class Page:
    """One question to a list: conditions joined by AND, free text, order, and the slice.

    `sort` is (field, descending). `limit` is None for a list that answers whole.
    """

    conditions: tuple[Condition, ...] = ()
    search: str | None = None
    sort: tuple[Field, bool] | None = None
    offset: int = 0
    limit: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether all pages together have every row there is."""
        return not self.conditions and self.search is None

    @property
    def is_plain(self) -> bool:
        """Whether an index answers it at once: near the start of the list, in its own order, unfiltered."""
        return (
            not self.conditions
            and self.search is None
            and self.sort is None
            and self.offset + (self.limit or 0) <= PLAIN_ROWS
        )


WHOLE: Final = Page()
"""The page of an operation that has no list."""


def fold(name: str) -> str:
    """`name` without case, `_` and `-`: all that survives when a client prints an enum member."""
    return name.replace("_", "").replace("-", "").lower()


def cut(page: Page, rows: Sequence[R]) -> tuple[Sequence[R], int | None]:
    """The rows of `page`, and the offset of the next page or None on the last.

    `rows` must have been read with one row more than the limit (`ListQuery.page(..., peek=True)`).
    """
    if page.limit is None or len(rows) <= page.limit:
        return rows, None
    return rows[: page.limit], page.offset + page.limit
