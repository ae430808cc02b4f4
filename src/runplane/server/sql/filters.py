"""From a `Page` to SQL: one statement per *shape* of question, compiled once and kept.

A shape is which fields are compared how, which order, whether there is free text, and how many scopes the
caller holds. Values are never part of it: they travel as bind parameters. The page and the count of a shape
are built by the same function, so that the two cannot disagree.

Both databases must answer alike, so text is ordered by code point and NULL sorts before everything else
(what a comparison means: sql.conditions; how a caller's scopes narrow a list: sql.narrowing).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    Select,
    String,
    bindparam,
    case,
    false,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import NullType

from runplane.server.core.listing import Field, Kind, Listing, Operator, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.sql import conditions, narrowing
from runplane.server.sql.dialects import CodePoints
from runplane.server.sql.narrowing import How, Narrowing, Tree
from runplane.server.sql.prepared import Prepared, Reader

MAX_WEIGHT = 2048
"""Size of the statements kept per list, in terms (about 4 KB each); the one unused longest goes first."""

# Every parameter of ours starts with this, so that none meets one of the caller's.
_PREFIX = "lq_"
_SEARCH = f"{_PREFIX}search"
LIMIT, _OFFSET = f"{_PREFIX}limit", f"{_PREFIX}offset"
"""Parameter of a page: how many rows are read, one more than it shows where `peek` was asked for."""
MOST = f"{_PREFIX}most"
"""Parameter of `Prepared.total`: where counting stops."""
TENANT = "tenant_id"
"""Parameter of lists that are built with `tenant`: whose rows are listed."""
DEEP = 500
"""Pages from this offset on pass over keys in an index instead of whole rows."""


@dataclass(frozen=True, slots=True)
class _Shape:
    counting: bool
    terms: tuple[tuple[str, Operator], ...]
    searching: bool
    sort: tuple[str, bool] | None
    limited: bool
    narrowing: Narrowing
    # Rows are looked up after their keys were counted off: see DEEP.
    deep: bool
    few: bool
    extra: Hashable

    @property
    def weight(self) -> int:
        return 1 + len(self.terms) + self.narrowing.places


class ListQuery:
    """The statements of one list. Build it once, beside the tables; safe to use from any thread.

    `select` says what a row is and may narrow it with constants. `columns` gives each field of `listing` its
    column, `key` the primary key, `path` the scope path that `scopes` narrows by.

    `tenant` is for the lists that grow with an organization: they read one table, `key`, `path` and `tenant`
    are columns of it, and it has indexes on tenant and key and on tenant and path. Such a list is narrowed to
    the tenant that the parameter TENANT names, and its plans do not depend on statistics (sql.narrowing).
    Raises ValueError for a field without a column or with one of the wrong type.
    """

    def __init__(
        self,
        listing: Listing,
        select: Select[Any],
        columns: Mapping[str, ColumnElement[Any]],
        key: ColumnElement[Any],
        path: ColumnElement[str] | None = None,
        tenant: Column[int] | None = None,
    ) -> None:
        self.listing = listing
        self._select = select
        self._columns = dict(columns)
        self._key = key
        self._path = path
        self._tenant = tenant
        self._tree = _tree(key, path, tenant)
        self._sight = None if self._tree is None else _sight(self._tree)
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
        few: bool = False,
        small: bool = False,
        peek: bool = False,
    ) -> tuple[Prepared, dict[str, Any]]:
        """The statement for the rows of `page` and its parameters.

        `scopes` None means that the caller's scopes do not narrow this list; an empty set finds nothing.
        `where` adds conditions whose values are `bindparam("name")`, given by the caller beside these
        parameters; each different `where` needs its own `shape_key`. `few` says that `where` finds a few keys
        of a tenant's rows by itself, so that nothing else should look for rows; `small` is what `is_small`
        said. `peek` reads one row more
        than asked, for `core.listing.cut`. Raises ValueError for scopes on a list without a path, for a value
        inside `where`, and for two different `where` with one `shape_key`.
        """
        shape = self._shape(page, scopes, shape_key, counting=False, few=few, small=small)
        params = self._params(page, scopes, shape)
        if page.limit is not None:
            params[LIMIT] = page.limit + peek
            params[_OFFSET] = page.offset
        return self._prepared(shape, where), params

    def count(
        self,
        page: Page,
        *,
        scopes: ScopeSet | None = None,
        where: Sequence[ColumnElement[bool]] = (),
        shape_key: Hashable = (),
        few: bool = False,
        small: bool = False,
    ) -> tuple[Prepared, dict[str, Any]]:
        """The statement for the number of rows on all pages together; arguments as for `page`."""
        shape = self._shape(page, scopes, shape_key, counting=True, few=few, small=small)
        return self._prepared(shape, where), self._params(page, scopes, shape)

    def is_small(self, reader: Reader, tenant_id: int, scopes: ScopeSet | None) -> bool:
        """Whether so few rows lie in `scopes` that a page is best served from them.

        It changes what a page costs, never what is on it.
        """
        if self._sight is None:
            return False
        small = narrowing.looks_small(scopes)
        if small is not None:
            return small
        most = narrowing.SMALL
        plan = narrowing.choose(scopes, small=True)
        params = {**narrowing.values(plan, scopes, _PREFIX), TENANT: tenant_id, MOST: most + 1}
        return reader.scalar(self._sight, params) <= most

    def _shape(
        self,
        page: Page,
        scopes: ScopeSet | None,
        extra: Hashable,
        *,
        counting: bool,
        few: bool = False,
        small: bool = False,
    ) -> _Shape:
        if scopes is not None and self._path is None:
            raise ValueError(f"{self.listing.name}: this list has no path that scopes could narrow by")
        return _Shape(
            counting=counting,
            terms=tuple((condition.field.name, condition.operator) for condition in page.conditions),
            searching=page.search is not None,
            sort=None if counting or page.sort is None else (page.sort[0].name, page.sort[1]),
            limited=not counting and page.limit is not None,
            narrowing=narrowing.choose(scopes, small=small and self._tree is not None),
            deep=not counting and self._tenant is not None and page.limit is not None and page.offset >= DEEP,
            few=few,
            extra=extra,
        )

    def _params(self, page: Page, scopes: ScopeSet | None, shape: _Shape) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for index, condition in enumerate(page.conditions):
            params[f"{_PREFIX}f{index}"] = conditions.parameter(
                condition, self._columns[condition.field.name]
            )
        if page.search is not None:
            params[_SEARCH] = conditions.anywhere(page.search)
        if shape.narrowing.how != How.ALL:
            params |= narrowing.values(shape.narrowing, scopes, _PREFIX)
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
        total = replace(shape, counting=True, sort=None, deep=False)
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
        keys = rows.with_only_columns(self._key, maintain_column_froms=True).order_by(None)
        if shape.counting:
            # A subquery, so that DISTINCT and GROUP BY of the list count as they list.
            if shape.limited:
                keys = keys.limit(bindparam(MOST, type_=BigInteger()))
            return select(func.count()).select_from(keys.subquery())
        order = self._order(shape.sort)
        if shape.deep:
            passed = _sliced(keys.order_by(*order)).correlate(None)
            return self._select.where(self._key.in_(passed)).order_by(None).order_by(*order)
        rows = rows.order_by(None).order_by(*order)
        return _sliced(rows) if shape.limited else rows

    def _conditions(self, shape: _Shape) -> list[ColumnElement[bool]]:
        found = self._narrowed(shape)
        for index, (name, operator) in enumerate(shape.terms):
            kind = self.listing.fields[name].kind
            found.append(conditions.compare(self._columns[name], kind, operator, f"{_PREFIX}f{index}"))
        if shape.searching:
            found.append(conditions.contains(self._search_columns, _SEARCH))
        return found

    def _narrowed(self, shape: _Shape) -> list[ColumnElement[bool]]:
        plan = shape.narrowing
        tenant_id = _tenant_id()
        if self._tenant is None:
            if self._path is None or plan.how == How.ALL:
                return []
            return [narrowing.condition(plan, CodePoints(self._path), _PREFIX)]
        seeking = plan.how == How.SEEK
        # An expression is never found in an index: whatever finds few keys is the only way to the rows.
        tenant = self._tenant + literal_column("0", Integer()) if seeking or shape.few else self._tenant
        if seeking and self._tree is not None:
            return [self._tree.seek(tenant_id, _PREFIX), tenant == tenant_id]
        if self._path is None or plan.how == How.ALL:
            return [tenant == tenant_id]
        inside = narrowing.condition(plan, CodePoints(self._path), _PREFIX)
        # The number of everything is read off the index of paths. A page of somebody who sees most rows comes
        # in the order of an index instead, and what is filtered from the index of that: no plan looks into
        # CASE, and PostgreSQL takes it for true of every second row.
        everything = shape.counting and not (shape.terms or shape.searching or shape.few)
        return [inside if everything else case((inside, true()), else_=false()), tenant == tenant_id]

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


def _tenant_id() -> BindParameter[int]:
    return bindparam(TENANT, type_=Integer())


def _sight(tree: Tree) -> Prepared:
    """How many rows a caller's scopes hold."""
    most = bindparam(MOST, type_=BigInteger())
    return Prepared(select(tree.how_many(_tenant_id(), most, _PREFIX)))


def _tree(
    key: ColumnElement[Any], path: ColumnElement[str] | None, tenant: Column[int] | None
) -> Tree | None:
    if tenant is None or path is None:
        return None
    if not (isinstance(key, Column) and isinstance(path, Column) and key.table is path.table is tenant.table):
        raise ValueError(f"{tenant}: the key and the path of such a list are columns of the same table")
    return Tree(key, path, tenant)


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


def _sliced(rows: Select[Any]) -> Select[Any]:
    limit, offset = bindparam(LIMIT, type_=BigInteger()), bindparam(_OFFSET, type_=BigInteger())
    return rows.limit(limit).offset(offset)
