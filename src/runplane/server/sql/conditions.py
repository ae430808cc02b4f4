"""One field compared with one value: a term of `filterBy`, or free text, as SQL and its parameter.

Both databases must answer alike, so text is compared by code point and "contains" and its kin ignore the case
of ASCII letters only. NULL matches `!=` and `!@`, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Boolean, Float, String, bindparam, or_
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import NullType, TypeEngine

from runplane.server.core.listing import Condition, Kind, Operator
from runplane.server.sql.dialects import CodePoints, Lowered

_ESCAPE = "!"
_ESCAPES = str.maketrans({mark: _ESCAPE + mark for mark in "!%_"})


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=String())


def contains(columns: Iterable[ColumnElement[Any]], name: str) -> ColumnElement[bool]:
    """Whether one of `columns` holds the text of the parameter `name` (see `anywhere`)."""
    return or_(False, *(_like(column, name) for column in columns))


def anywhere(text: str) -> str:
    """The value of the parameter of `contains`."""
    return f"%{_pattern(text)}%"


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


def compare(column: ColumnElement[Any], kind: Kind, operator: Operator, name: str) -> ColumnElement[bool]:
    """The condition on `column`, which holds values of `kind`, and the parameter `name`."""
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


def parameter(condition: Condition, column: ColumnElement[Any]) -> Any:
    """The value of the parameter of `compare`."""
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
