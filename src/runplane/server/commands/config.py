"""`runplane config explain`: what every setting is, where its value comes from, and what it means.

The documentation page is made from the same data (tools/docs_pages.py), without the values.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runplane.server.settings import Loaded, Setting, Settings, known_settings
from runplane.server.settings.model import tables
from runplane.server.sql.address import HIDDEN, redacted

_WIDE: Final = 120

_INTRO: Final = """\
# Settings

Every setting of the server. How to give them: [guide](../guides/settings.md). `runplane config explain` shows
the same with the values of one machine and where each comes from.

Where the type says *or file*, the value may stand in a file of its own: `_file` behind the key, or `_FILE`
behind the variable, names it.
"""


def explain(loaded: Loaded, console: Console) -> None:
    """Print every setting with value, source and meaning; as a table where there is room for one."""
    if console.width >= _WIDE:
        console.print(_table(loaded))
        return
    for setting in known_settings():
        head = Text.assemble(
            (setting.key, "bold"),
            " = ",
            shown(setting, loaded.settings),
            (f"  ({loaded.sources[setting.key]})", "dim"),
        )
        console.print(head, soft_wrap=True)
        console.print(Text("    " + _meaning(setting)), soft_wrap=not console.is_terminal)


def shown(setting: Setting, settings: Settings) -> str:
    """The value of `setting` as text that may be read by anybody."""
    value: Any = setting.value(settings)
    if value is None or value in ((), ""):
        return "(not set)"
    if setting.is_secret:
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value)))
    return redacted(value) if setting.key == "database_url" else str(value)


def _table(loaded: Loaded) -> Table:
    table = Table("Setting", "Value", "From", "Meaning", box=None, pad_edge=False, header_style="bold")
    for setting in known_settings():
        value = shown(setting, loaded.settings)
        cells = (setting.key, value, loaded.sources[setting.key], _meaning(setting))
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    return table


def _meaning(setting: Setting) -> str:
    return setting.meta.description or ""


def markdown() -> str:
    """The page docs/reference/settings.md."""
    return "\n".join([_INTRO, *(line for name in tables() for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    yield f"## `[{name}]`" if name else "## Top level"
    yield ""
    yield (inspect.getdoc(tables()[name]) or "") if name else "Keys above the first table of the file."
    yield ""
    yield "| Key | Variable | Default | Type | Meaning |"
    yield "|---|---|---|---|---|"
    for it in known_settings():
        if it.table == name:
            default = f"`{it.default}`" if it.default else ""
            allowed = it.expectation.removeprefix("must be ") + (", *or file*" if it.by_file else "")
            yield f"| `{it.name}` | `{it.variable}` | {default} | {allowed} | {_meaning(it)} |"
    yield ""
