"""How PATCH changes a stored customization: members are merged, attributes by their key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

Json = dict[str, Any]


def merged(before: Json | None, changes: Mapping[str, Any] | None) -> Json | None:
    """`before` with `changes` laid over it, object by object; None clears the whole."""
    if changes is None:
        return None
    after: Json = dict(before or {})
    for name, value in changes.items():
        known = after.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            after[name] = merged(cast(Json, known), cast(Json, value))
        else:
            after[name] = value
    return after


def attributes(customization: Json | None) -> list[Json]:
    """The added attributes of a customization, none where there is none."""
    return cast(list[Json], (customization or {}).get("attributes") or [])


def merged_customization(before: Json | None, changes: Json | None) -> Json | None:
    """As `merged`; `attributes` are added to those there are, or replace the one of the same key, and
    `attributesToRemove` names those that go."""
    if changes is None:
        return None
    rest = {name: it for name, it in changes.items() if name not in ("attributes", "attributesToRemove")}
    after = merged(before, rest)
    if after is None or not {"attributes", "attributesToRemove"} & changes.keys():
        return after
    known = {it["key"]: it for it in (*attributes(before), *attributes(changes))}
    gone = set(cast(list[str], changes.get("attributesToRemove") or []))
    return {**after, "attributes": [it for key, it in known.items() if key not in gone]}
