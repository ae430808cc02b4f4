"""The short spellings of host commands, and what the host may ask about the audit log.

`runplane backup`, `restore` and `db` are those of `runplane admin`, the same functions under a name that is
looked for first. Beside `hosting`, for the same reason as that.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from runplane.cli.program import say
from runplane.ending import on_host
from runplane.hosting import Config, DataFolder, backup, check, migrate, restore

_CODES: Final = "Exit codes: 0 done, 1 failed, 2 wrong usage, 78 a setting is wrong (one line says which)."
_VERIFY_CODES: Final = (
    "Exit codes: 0 unbroken, 9 broken, 1 could not be checked, 2 wrong usage, 78 a setting is wrong."
)


def add_short_commands(program: typer.Typer) -> None:
    """Put the short spellings into the program, and `verify` into its group `audit`."""
    program.command("backup", epilog=_CODES)(backup)
    program.command("restore", epilog=_CODES)(restore)
    database = typer.Typer(help="Check the database, and bring its schema up to date.", no_args_is_help=True)
    database.command("check", epilog=_CODES)(check)
    database.command("migrate", epilog=_CODES)(migrate)
    program.add_typer(database, name="db")
    # The command line has a group of this name; LazyGroup puts both together.
    audit = typer.Typer(help="Read the audit log.", no_args_is_help=True)
    audit.callback()(lambda: None)
    audit.command("verify", epilog=_VERIFY_CODES)(verify)
    program.add_typer(audit, name="audit")


def verify(
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head", metavar="HEAD", help="A head that this command printed earlier; may be repeated."
        ),
    ] = None,
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Check that no record of the audit log was changed, deleted or inserted.

    It walks the chain of every tenant and says from when to when it is unbroken, or which record is the first
    that is not as a server has written it, and how. Keep the printed heads elsewhere: given to a later run,
    they show that the end of the log was not cut off either. Run it on the server's host with the server's
    settings; the server may keep running, and nothing is changed.

    Example:

      runplane audit verify --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.audit import verify_log

        verify_log(loaded, say, head or ())
