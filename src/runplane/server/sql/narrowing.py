"""How a list shows only what lies in a caller's scopes: which condition, and the values in it.

Without statistics neither database guesses whether a caller sees most of a table or a few rows of it, so the
choice is made here, and each plan hides from the planner the index that serves the other. Whoever sees much
is served row by row in the order asked for. Whoever sees little is served from the scopes: one seek into the
index of paths for each, however long the list is. Scopes that may hold either are counted first, up to SMALL.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Integer, String, and_, bindparam, func, or_
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from runplane.server.core.scope import SYSTEM_PATH, ScopeSet
from runplane.server.sql.dialects import Below, CountBelow, OneOf

MAX_RANGES = 16
"""Scopes of one caller that a row is compared with; of more, the beginnings of its path are looked up."""
SMALL = 2_000
"""So many rows are found from the scopes and sorted; of more, a walk in the order asked for meets enough."""
# What paths are split into.
_TENANT_PARTS, _PROJECT_PARTS = 3, 6


class How:
    """The plans. ALL does not narrow; the others differ in cost only.

    Plain texts: every request looks its statement up by them, and an Enum hashes slowly.
    """

    ALL: Final = "all"
    RANGES: Final = "ranges"
    LENGTHS: Final = "lengths"
    SEEK: Final = "seek"


class Narrowing(NamedTuple):
    """A plan, and how many places for values its condition has: a power of two, so that few shapes do."""

    how: str
    places: int = 0


_ALL = Narrowing(How.ALL)


def looks_small(scopes: ScopeSet | None) -> bool | None:
    """Whether few rows lie in `scopes`; None where that has to be counted."""
    if scopes is None or not scopes.roots:
        return False
    parts = [len(root.split("/")) for root in scopes.roots]
    if min(parts) <= _TENANT_PARTS:
        return False
    if min(parts) >= _PROJECT_PARTS:
        return True
    return None


def choose(scopes: ScopeSet | None, *, small: bool) -> Narrowing:
    """The plan for a caller; None is one whose scopes do not matter. `small` asks for SEEK."""
    if scopes is None or SYSTEM_PATH in scopes.roots:
        return _ALL
    if small and scopes.roots:
        return Narrowing(How.SEEK)
    count = len(scopes.roots)
    if count <= MAX_RANGES:
        return Narrowing(How.RANGES, _places(count))
    return Narrowing(How.LENGTHS, _places(len(_lengths(scopes))))


def _places(count: int) -> int:
    return 1 << (count - 1).bit_length() if count else 0


def _lengths(scopes: ScopeSet) -> list[int]:
    return sorted({len(root) for root in scopes.roots})


def values(narrowing: Narrowing, scopes: ScopeSet | None, prefix: str) -> dict[str, Any]:
    """The parameters of `condition`. Places left over repeat the last value: that changes nothing."""
    if scopes is None or narrowing.how == How.ALL:
        return {}
    roots = scopes.roots
    if narrowing.how == How.SEEK:
        return {f"{prefix}roots": json.dumps(roots)}
    if narrowing.how == How.LENGTHS:
        lengths = _lengths(scopes)
        found: dict[str, Any] = {f"{prefix}roots": json.dumps(roots)}
        for index in range(narrowing.places):
            found[f"{prefix}n{index}"] = lengths[min(index, len(lengths) - 1)]
        return found
    found = {}
    for index in range(narrowing.places):
        root = roots[min(index, len(roots) - 1)]
        found[f"{prefix}r{index}"] = root
        found[f"{prefix}e{index}"] = _after(root)
    return found


def condition(narrowing: Narrowing, path: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether `path` starts with one of the caller's scopes, for RANGES and LENGTHS.

    A thousand ranges are more than SQLite parses, so many scopes are a set in which the beginning of `path`
    is looked up.
    """
    found: list[ColumnElement[bool]] = []
    for index in range(narrowing.places):
        if narrowing.how == How.LENGTHS:
            start = func.substr(path, 1, bindparam(f"{prefix}n{index}", type_=Integer()))
            found.append(OneOf(start, _text(f"{prefix}roots")))
        else:
            found.append(and_(path >= _text(f"{prefix}r{index}"), path < _text(f"{prefix}e{index}")))
    return or_(False, *found)


class Tree(NamedTuple):
    """The columns of a table that scopes are found by; it has an index on tenant and path."""

    key: Column[Any]
    path: Column[str]
    tenant: Column[int]

    def seek(self, tenant_id: BindParameter[int], prefix: str) -> ColumnElement[bool]:
        """Whether a row lies in one of the caller's scopes, for SEEK."""
        return Below(*self, tenant_id, _text(f"{prefix}roots"))

    def how_many(
        self, tenant_id: BindParameter[int], most: BindParameter[int], prefix: str
    ) -> ColumnElement[int]:
        """How many rows lie in the caller's scopes; counting stops at `most`. Parameters as for SEEK."""
        return CountBelow(*self, tenant_id, _text(f"{prefix}roots"), most)


def _after(root: str) -> str:
    """The first text behind everything that starts with `root`: `0` is the character after `/`."""
    return root[:-1] + "0"


def _text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=String())
