"""`runplane deprecated-calls`: the server's ledger of deprecated calls, for whoever has to move scripts.

A table is for eyes and gets cut to the terminal's width; `--json` prints every row as the server keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runplane.cli.organization.command import Login
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.server import Refused

PATH: Final = "/api/v1/administration/deprecated-calls"


def show(login: Login, say: Callable[[str], None], *, as_json: bool, console: Console | None = None) -> None:
    """Print the ledger of the caller's tenant. Raises OrganizationError."""
    api, _ = login.connect()
    with api:
        try:
            rows = api.every(PATH, "deprecatedCalls")
        except Refused as error:
            raise OrganizationError([str(error)]) from None
    if as_json:
        say(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        say("Nobody has called a deprecated operation.")
    else:
        (console or Console()).print(table(rows))


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows of the ledger for a terminal."""
    shown = Table("Principal", "User agent", "Route", "Call instead", "Calls", "Last seen")
    shown.columns[4].justify = "right"
    for column in shown.columns:
        # Addresses have no spaces to break at, and half an address is none.
        column.overflow = "fold"
    for row in rows:
        route = f"{row['method']} {row['path']}"
        calls, seen = str(row["calls"]), row["lastSeen"]
        # Plain text: what a program calls itself must not be read as markup.
        cells = (row["subject"], row["userAgent"], route, row["successor"] or "nothing", calls, seen)
        shown.add_row(*(Text(it) for it in cells))
    return shown
