"""From a `Page` to SQL: one statement per *shape* of question, compiled once and kept.

A shape is which fields are compared how, which order, whether there is free text, and how many scopes the
caller holds. Values are never part of it: they travel as bind parameters. The page and the count of a shape
are built by the same function, so that the two cannot disagree.

Both databases must answer alike, so text is compared by code point, "contains" and its kin ignore the case
of ASCII letters only, and NULL sorts before everything else. NULL matches `!=` and `!@`, nothing else.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import NullType, TypeEngine

from runplane.server.core.listing import Condition, Field, Kind, Listing, Operator, Page
from runplane.server.core.scope import SYSTEM_PATH, ScopeSet
from runplane.server.sql.dialects import CodePoints, Lowered, OneOf
from runplane.server.sql.prepared import Prepared

MAX_RANGES = 16
"""Scopes of one caller that become index ranges; more of them become one lookup per length of path."""
MAX_WEIGHT = 2048
"""Size of the statements kept per list, in terms (about 4 KB each); the one unused longest goes first."""

# Every parameter of ours starts with this, so that none meets one of the caller's.
_PREFIX = "lq_"
_SEARCH, _ROOTS = f"{_PREFIX}search", f"{_PREFIX}roots"
_LIMIT, _OFFSET = f"{_PREFIX}limit", f"{_PREFIX}offset"
MOST = f"{_PREFIX}most"
"""Parameter of `Prepared.total`: where counting stops."""
_ESCAPE = "!"
_ESCAPES = str.maketrans({mark: _ESCAPE + mark for mark in "!%_"})


@dataclass(frozen=True, slots=True)
class _Shape:
    counting: bool
    terms: tuple[tuple[str, Operator], ...]
    searching: bool
    sort: tuple[str, bool] | None
    limited: bool
    # Slots for roots (or, when there are many, for lengths of roots), None where nothing narrows.
    scopes: int | None
    many: bool
    extra: Hashable

    @property
    def weight(self) -> int:
        return 1 + len(self.terms) + (self.scopes or 0)


class ListQuery:
    """The statements of one list. Build it once, beside the tables; safe to use from any thread.

    `select` says what a row is and may narrow it with constants. `columns` gives each field of `listing` its
    column, `key` the primary key, `path` the scope path that `scopes` narrows by.
    Raises ValueError for a field without a column or with one of the wrong type.
    """

    def __init__(
        self,
        listing: Listing,
        select: Select[Any],
        columns: Mapping[str, ColumnElement[Any]],
        key: ColumnElement[Any],
        path: ColumnElement[str] | None = None,
    ) -> None:
        self.listing = listing
        self._select = select
        self._columns = dict(columns)
        self._key = key
        self._path = path
        self._search_columns = [columns[field.name] for field in listing.searched]
        self._kept: OrderedDict[_Shape, tuple[Prepared, tuple[ColumnElement[bool], ...]]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()
        for field in listing.fields.values():
            _check_column(listing, field, columns.get(field.name))

    def page(
        self,
        page: Page,
        *,
        scopes: ScopeSet | None = None,
        where: Sequence[ColumnElement[bool]] = (),
        shape_key: Hashable = (),
        peek: bool = False,
    ) -> tuple[Prepared, dict[str, Any]]:
        """The statement for the rows of `page` and its parameters.

        `scopes` None means that the caller's scopes do not narrow this list; an empty set finds nothing.
        `where` adds conditions whose values are `bindparam("name")`, given by the caller beside these
        parameters; each different `where` needs its own `shape_key`. `peek` reads one row more than asked,
        for `core.listing.cut`. Raises ValueError for scopes on a list without a path, for a value inside
        `where`, and for two different `where` with one `shape_key`.
        """
        shape = self._shape(page, scopes, shape_key, counting=False)
        params = self._params(page, scopes, shape)
        if page.limit is not None:
            params[_LIMIT] = page.limit + peek
            params[_OFFSET] = page.offset
        return self._prepared(shape, where), params

    def count(
        self,
        page: Page,
        *,
        scopes: ScopeSet | None = None,
        where: Sequence[ColumnElement[bool]] = (),
        shape_key: Hashable = (),
    ) -> tuple[Prepared, dict[str, Any]]:
        """The statement for the number of rows on all pages together; arguments as for `page`."""
        shape = self._shape(page, scopes, shape_key, counting=True)
        return self._prepared(shape, where), self._params(page, scopes, shape)

    def _shape(self, page: Page, scopes: ScopeSet | None, extra: Hashable, *, counting: bool) -> _Shape:
        if scopes is not None and self._path is None:
            raise ValueError(f"{self.listing.name}: this list has no path that scopes could narrow by")
        narrowed = scopes is not None and SYSTEM_PATH not in scopes.roots
        return _Shape(
            counting=counting,
            terms=tuple((condition.field.name, condition.operator) for condition in page.conditions),
            searching=page.search is not None,
            sort=None if counting or page.sort is None else (page.sort[0].name, page.sort[1]),
            limited=not counting and page.limit is not None,
            scopes=_slots(scopes) if scopes is not None and narrowed else None,
            many=narrowed and scopes is not None and len(scopes.roots) > MAX_RANGES,
            extra=extra,
        )

    def _params(self, page: Page, scopes: ScopeSet | None, shape: _Shape) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for index, condition in enumerate(page.conditions):
            params[f"{_PREFIX}f{index}"] = _parameter(condition, self._columns[condition.field.name])
        if page.search is not None:
            params[_SEARCH] = f"%{_pattern(page.search)}%"
        if scopes is not None and shape.scopes:
            params |= _scope_parameters(scopes, shape)
        return params

    def _prepared(self, shape: _Shape, where: Sequence[ColumnElement[bool]]) -> Prepared:
        with self._lock:
            kept = self._kept.get(shape)
            if kept is not None:
                self._kept.move_to_end(shape)
        if kept is None:
            for clause in where:
                _refuse_values(clause)
            kept = (self._statement(shape, where), tuple(where))
            self._keep(shape, kept)
        elif not _same(kept[1], where):
            # Another statement than the one asked for would be run: that could show rows of another tenant.
            raise ValueError(
                f"{self.listing.name}: two different `where` share the shape_key {shape.extra!r}"
            )
        return kept[0]

    def _statement(self, shape: _Shape, where: Sequence[ColumnElement[bool]]) -> Prepared:
        if not shape.limited:
            return Prepared(self._build(shape, where))
        total = replace(shape, counting=True, sort=None)
        return Prepared(self._build(shape, where), Prepared(self._build(total, where)))

    def _keep(self, shape: _Shape, entry: tuple[Prepared, tuple[ColumnElement[bool], ...]]) -> None:
        with self._lock:
            if shape not in self._kept:
                self._weight += shape.weight
            self._kept[shape] = entry
            while self._weight > MAX_WEIGHT and len(self._kept) > 1:
                dropped, _ = self._kept.popitem(last=False)
                self._weight -= dropped.weight

    def _build(self, shape: _Shape, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
        rows = self._select.where(*self._conditions(shape), *where)
        if shape.counting:
            # A subquery, so that DISTINCT and GROUP BY of the list count as they list.
            keys = rows.with_only_columns(self._key, maintain_column_froms=True).order_by(None)
            if shape.limited:
                keys = keys.limit(bindparam(MOST, type_=BigInteger()))
            return select(func.count()).select_from(keys.subquery())
        rows = rows.order_by(None).order_by(*self._order(shape.sort))
        if shape.limited:
            rows = rows.limit(bindparam(_LIMIT, type_=BigInteger()))
            rows = rows.offset(bindparam(_OFFSET, type_=BigInteger()))
        return rows

    def _conditions(self, shape: _Shape) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self._path is not None and shape.scopes is not None:
            found.append(_within(CodePoints(self._path), shape))
        for index, (name, operator) in enumerate(shape.terms):
            kind = self.listing.fields[name].kind
            found.append(_compare(self._columns[name], kind, operator, f"{_PREFIX}f{index}"))
        if shape.searching:
            found.append(or_(False, *(_like(column, _SEARCH) for column in self._search_columns)))
        return found

    def _order(self, sort: tuple[str, bool] | None) -> list[ColumnElement[Any]]:
        """The order asked for, then the key in the same direction, so that one index serves both ways."""
        descending = sort is not None and sort[1]
        columns = [self._key] if sort is None else [self._columns[sort[0]], self._key]
        if columns[0] is self._key:
            columns = columns[:1]
        return [self._ordered(column, descending=descending) for column in columns]

    def _ordered(self, column: ColumnElement[Any], *, descending: bool) -> ColumnElement[Any]:
        term = CodePoints(column) if isinstance(column.type, String) else column
        ordered = term.desc() if descending else term.asc()
        if column is self._key or self._never_null(column):
            # PostgreSQL uses a plain index for a plain order only.
            return ordered
        return ordered.nulls_last() if descending else ordered.nulls_first()

    def _never_null(self, column: ColumnElement[Any]) -> bool:
        # A table that stands in FROM by itself is not on the nullable side of an outer join.
        return (
            isinstance(column, Column)
            and not column.nullable
            and any(column.table is source for source in self._select.get_final_froms())
        )


def _check_column(listing: Listing, field: Field, column: ColumnElement[Any] | None) -> None:
    if column is None:
        raise ValueError(f"{listing.name}: the field {field.name} has no column")
    textual = field.kind in (Kind.TEXT, Kind.TIME)
    if not isinstance(column.type, NullType) and isinstance(column.type, String) is not textual:
        raise ValueError(f"{listing.name}: {field.name} is {field.kind.value}, its column is {column.type!r}")


def _refuse_values(clause: ColumnElement[bool]) -> None:
    """A value inside a kept statement would answer the next caller too."""
    for element in visitors.iterate(clause):
        if isinstance(element, BindParameter):
            name = element.key
            if not element.required or element.expanding or name.startswith(_PREFIX):
                raise ValueError(f"{clause}: give values as bindparam(name), not starting with {_PREFIX}")


def _same(kept: Sequence[ColumnElement[bool]], asked: Sequence[ColumnElement[bool]]) -> bool:
    return len(kept) == len(asked) and all(
        one is other or one.compare(other) for one, other in zip(kept, asked, strict=True)
    )


def _slots(scopes: ScopeSet) -> int:
    """How many scope conditions the statement has: a power of two, so that few shapes serve every caller."""
    count = len(scopes.roots)
    if count > MAX_RANGES:
        count = len(_lengths(scopes))
    return 1 << (count - 1).bit_length() if count else 0


def _lengths(scopes: ScopeSet) -> list[int]:
    return sorted({len(root) for root in scopes.roots})


def _scope_parameters(scopes: ScopeSet, shape: _Shape) -> dict[str, Any]:
    """Slots that are left over repeat the last value: a condition that is already there."""
    params: dict[str, Any] = {}
    if shape.many:
        lengths = _lengths(scopes)
        params[_ROOTS] = json.dumps(scopes.roots)
        for index in range(shape.scopes or 0):
            params[f"{_PREFIX}n{index}"] = lengths[min(index, len(lengths) - 1)]
        return params
    for index in range(shape.scopes or 0):
        root = scopes.roots[min(index, len(scopes.roots) - 1)]
        params[f"{_PREFIX}r{index}"] = root
        params[f"{_PREFIX}e{index}"] = _after(root)
    return params


def _within(path: ColumnElement[str], shape: _Shape) -> ColumnElement[bool]:
    """Whether `path` starts with one of the caller's roots.

    Few roots are ranges, which an index answers. Many are a set in which the beginning of `path` is looked
    up, once for each length that roots have: a thousand ranges are more than SQLite parses.
    """
    found: list[ColumnElement[bool]] = []
    for index in range(shape.scopes or 0):
        if shape.many:
            start = func.substr(path, 1, bindparam(f"{_PREFIX}n{index}", type_=Integer()))
            found.append(OneOf(start, _text(_ROOTS)))
        else:
            found.append(and_(path >= _text(f"{_PREFIX}r{index}"), path < _text(f"{_PREFIX}e{index}")))
    return or_(False, *found)


def _after(root: str) -> str:
    """The first text behind everything that starts with `root`: `0` is the character after `/`."""
    return root[:-1] + "0"


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=String())


def _like(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return Lowered(column).like(_text(name), escape=_ESCAPE)


def _not_like(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return or_(Lowered(column).not_like(_text(name), escape=_ESCAPE), column.is_(None))


_PATTERNS: Mapping[Operator, tuple[str, str]] = {
    Operator.CONTAINS: ("%", "%"),
    Operator.NOT_CONTAINS: ("%", "%"),
    Operator.STARTS: ("", "%"),
    Operator.ENDS: ("%", ""),
}
_COMPARISONS: Mapping[Operator, Callable[[ColumnElement[Any], Any], ColumnElement[bool]]] = {
    Operator.EQUAL: lambda column, value: column == value,
    Operator.NOT_EQUAL: lambda column, value: or_(column != value, column.is_(None)),
    Operator.AT_MOST: lambda column, value: column <= value,
    Operator.AT_LEAST: lambda column, value: column >= value,
}


def _compare(column: ColumnElement[Any], kind: Kind, operator: Operator, name: str) -> ColumnElement[bool]:
    if operator in _PATTERNS:
        return (_not_like if operator is Operator.NOT_CONTAINS else _like)(column, name)
    if kind in (Kind.TEXT, Kind.TIME):
        return _COMPARISONS[operator](CodePoints(column), _text(name))
    return _COMPARISONS[operator](column, bindparam(name, type_=_bind_type(kind, column)))


def _bind_type(kind: Kind, column: ColumnElement[Any]) -> TypeEngine[Any]:
    """Wide enough for every value the parser lets through: PostgreSQL casts parameters to it."""
    if kind is Kind.NUMBER:
        return Float(53)
    return Boolean() if kind is Kind.BOOLEAN and _is_boolean(column) else BigInteger()


def _is_boolean(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, Boolean | NullType)


def _parameter(condition: Condition, column: ColumnElement[Any]) -> Any:
    value = condition.value
    if condition.operator in _PATTERNS:
        before, after = _PATTERNS[condition.operator]
        return f"{before}{_pattern(str(value))}{after}"
    if condition.field.kind is Kind.BOOLEAN and not _is_boolean(column):
        return int(value)
    return value


def _pattern(text: str) -> str:
    """`text` for LIKE, in lower case. Bytes know no letters but those of ASCII."""
    return text.encode().lower().decode().translate(_ESCAPES)
