"""`runplane deprecated-calls`: the server's ledger of deprecated calls, for whoever has to move scripts."""

from __future__ import annotations

from typing import Final

import typer

from runplane.cli.connect import Target
from runplane.cli.options import CaFile, ContextName, Output, Server
from runplane.cli.program import say, single, told

PATH: Final = "/api/v1/administration/deprecated-calls"


def deprecated_calls() -> typer.Typer:
    """The command."""
    return single("deprecated-calls", _list)


def _list(
    *, output: Output = "table", server: Server = None, context: ContextName = None, ca_file: CaFile = None
) -> None:
    """List who still calls deprecated operations, and what each should call instead.

    The latest calls first.

    Example:

      runplane deprecated-calls -o json
    """
    with told():
        from runplane.cli.connect import connect
        from runplane.cli.output import Column, checked_format, rendered

        checked_format(output)
        columns = (
            Column("CALLER", lambda it: it["subject"]),
            Column("PROGRAM", lambda it: it["userAgent"]),
            Column("ROUTE", lambda it: f"{it['method']} {it['path']}"),
            Column("CALL INSTEAD", lambda it: it["successor"] or "nothing"),
            Column("CALLS", lambda it: it["calls"]),
            Column("LAST SEEN", lambda it: it["lastSeen"]),
            Column("FIRST SEEN", lambda it: it["firstSeen"], wide=True),
        )
        with connect(Target(server, context, ca_file)) as api:
            rows = api.every(PATH, "deprecatedCalls")
        if rows or output in ("json", "yaml"):
            say(rendered(rows, columns, output, name="path"))
        elif output != "name":
            say("Nobody has called a deprecated operation.")
