"""What a field may hold that takes one of a few values, for the sentence about one that it does not.

msgspec says that a value is none of them, and not which there are. Its types are walked along the path that
it names in its error, so this costs nothing while nobody errs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

_STEP: Final = re.compile(r"\.([^.\[]+)|\[[^\]]*\]")


@lru_cache(maxsize=128)
def choices(kind: Any, place: str) -> tuple[str, ...]:
    """The values that `kind` takes at `place` (`.items[0].type`), empty where it takes others as well.

    They are written as JSON has them, without quotes.
    """
    found = _below(_type_info(kind))
    for step in _STEP.finditer(place):
        found = [below for it in found for below in _below(_one_step(it, step[1]))]
    return tuple(value for it in found for value in _values(it))


@lru_cache(maxsize=128)
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _below(info: inspect.Type | None) -> list[inspect.Type]:
    """The types that `info` may stand for."""
    if info is None:
        return []
    if isinstance(info, inspect.UnionType):
        return [below for it in info.types for below in _below(it)]
    if isinstance(info, inspect.Metadata):
        return _below(info.type)
    return [info]


def _one_step(info: inspect.Type, name: str | None) -> inspect.Type | None:
    if isinstance(info, inspect.StructType):
        return next((it.type for it in info.fields if it.encode_name == name), None)
    if isinstance(info, inspect.DictType):
        return info.value_type
    if isinstance(info, (inspect.ListType, inspect.VarTupleType)):
        return info.item_type
    return None


def _values(info: inspect.Type) -> list[str]:
    values: list[Any] = []
    if isinstance(info, inspect.LiteralType):
        values = list(info.values)
    elif isinstance(info, inspect.EnumType):
        values = [it.value for it in info.cls]
    return [msgspec.json.encode(it).decode().strip('"') for it in values]
