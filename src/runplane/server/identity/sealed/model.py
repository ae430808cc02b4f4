"""Where sealed values are stored. Each place is another part's; `commands.sealed` lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, Any]
"""A row's values by column."""
Names: TypeAlias = Mapping[int, str]
"""The names of tenants by id."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values: `key` is the primary key of its table.

    `context` says what a row's value is bound to, from the values of `key` and of `others`.
    """

    name: str
    table: Any
    key: str
    column: str
    context: Callable[[Values, Names], bytes]
    others: tuple[str, ...] = ()
