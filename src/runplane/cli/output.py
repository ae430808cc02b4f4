"""What commands print: tables for people, JSON, YAML and names for programs.

Text that came from a server loses its control characters in tables: a name must not move the cursor of
whoever lists it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runplane.cli.failures import WrongUsage

FORMATS: Final = ("table", "wide", "json", "yaml", "name")
_GAP: Final = "   "


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, what it shows of an object, and whether only `wide` has it."""

    heading: str
    show: Callable[[Mapping[str, Any]], Any]
    wide: bool = False


def checked_format(given: str, known: Sequence[str] = FORMATS) -> str:
    """A format's name. Raises WrongUsage."""
    if given not in known:
        raise WrongUsage(f"--output is one of {', '.join(known)}.")
    return given


def rendered(
    objects: Sequence[Mapping[str, Any]], columns: Sequence[Column], output: str, *, name: str = "name"
) -> str:
    """The objects in a format; `name` is the member that names one. Raises WrongUsage."""
    if checked_format(output) in ("json", "yaml"):
        return document(list(objects), output)
    if output == "name":
        return "\n".join(printable(it.get(name)) for it in objects)
    return table(objects, [it for it in columns if output == "wide" or not it.wide])


def document(value: Any, output: str) -> str:
    """One value as JSON or YAML."""
    if output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110).rstrip("\n")


def table(objects: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """The objects in aligned columns under headings."""
    rows = [[it.heading for it in columns]]
    rows += [[printable(column.show(it)) for column in columns] for it in objects]
    widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def details(pairs: Mapping[str, Any]) -> str:
    """One object for people: a line for each member that has a value."""
    width = max(map(len, pairs), default=0) + 1
    return "\n".join(f"{name + ':':<{width}} {printable(it)}" for name, it in pairs.items() if it)


def printable(value: Any) -> str:
    """A value in a cell."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(it if it.isprintable() else "\N{REPLACEMENT CHARACTER}" for it in str(value))
