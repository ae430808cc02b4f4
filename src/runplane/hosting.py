"""The flags of `runplane admin …`: what may be done on the server's host only.

Beside `main`, because it stands above the server and the command line, and apart from it, because it is a
group of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from runplane.cli.program import say
from runplane.ending import on_host

_CODES: Final = "Exit codes: 0 done, 1 failed, 2 wrong usage, 78 a setting is wrong (one line says which)."

DataFolder = Annotated[
    str | None, typer.Option("--data-dir", metavar="FOLDER", help="Folder of the server's database and keys.")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings; instead of RUNPLANE_CONFIG."),
]


def add_host_commands(admin: typer.Typer) -> None:
    """Put the commands of this module into the group `runplane admin`."""
    admin.command("recover", epilog=_CODES)(recover)
    admin.command("backup", epilog=_CODES)(backup)
    admin.command("restore", epilog=_CODES)(restore)
    admin.command("rotate-keys", epilog=_CODES)(rotate_keys)
    admin.command("rotate-kek", epilog=_CODES)(rotate_kek)
    notices = typer.Typer(help="Try the notices of expiring credentials.", no_args_is_help=True)
    notices.callback()(lambda: None)
    notices.command("test", epilog=_CODES)(try_notices)
    admin.add_typer(notices, name="notices")
    database = typer.Typer(help="Check the database, and bring its schema up to date.", no_args_is_help=True)
    database.command("check", epilog=_CODES)(check)
    database.command("migrate", epilog=_CODES)(migrate)
    admin.add_typer(database, name="db")


def recover(
    email: Annotated[
        str, typer.Argument(metavar="EMAIL", help="E-mail address of a local user, old or new.")
    ],
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Make a local user System administrator, with a temporary password.

    For an installation that nobody can administrate any more. The user is made if there is none. Run it on
    the server's host with the server's settings; the server may keep running. Nobody loses anything.

    Example:

      runplane admin recover ada@example.com --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.admin import recover as run

        run(loaded, email, say)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to make.")],
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Write the database to one file, and read it back.

    The server may keep running. The key-encryption key is not in the file; keep both, apart from each other.
    On PostgreSQL the file is one of pg_dump in custom format.

    Example:

      runplane admin backup runplane-monday.db --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.backup import backup as run

        run(loaded, file, say)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `backup` has made.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Put a backup in the place of the database.

    Stop the server first. On SQLite the present database stays beside the restored one, under a new name. A
    backup of an older release is brought to the present schema by the next start.

    Example:

      runplane admin restore runplane-monday.db --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.cli.asking import agree
        from runplane.server.commands.backup import restore as run

        run(loaded, file, None if yes else agree, say)


def rotate_keys(
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="Only the keys of this tenant, not of every one.")
    ] = "",
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm", metavar="NAME", help="ES256, RS256 or EdDSA; without it that of the present key."
        ),
    ] = "",
    at_once: Annotated[
        bool, typer.Option("--now", help="A key was stolen: end every token that was signed until now.")
    ] = False,
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Sign tokens with a new key.

    The new key is published first and signs after ten minutes, twice the time for which others may keep the
    list of keys. The old one is accepted until its last token has ended, so nobody notices. Run it on the
    server's host with the server's settings. The servers may keep running; they see it within a second.

    With --now the new key signs at once and no other is accepted: all programs have to ask for new tokens.

    Example:

      runplane admin rotate-keys --data-dir ./data

      runplane admin rotate-keys --tenant acme --algorithm RS256 --data-dir ./data

      runplane admin rotate-keys --now --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.keys import rotate_keys as run

        run(loaded, say, tenant=tenant, algorithm=algorithm, at_once=at_once)


def rotate_kek(
    only_host: Annotated[
        bool,
        typer.Option("--only-host", help="Every server of this PostgreSQL database runs on this host."),
    ] = False,
    data_dir: DataFolder = None,
    config: Config = None,
) -> None:
    """Replace the key-encryption key, and seal with the new one what the old one has sealed.

    The key file gets a new key; the old one stays beside it, with the ending .previous, and goes on opening.
    The servers may keep running: they follow the file. Cut at any moment, run it again. Where the key is
    given by a setting, or servers run on several hosts, put the new key into the settings first, and the old
    one into keys.previous_key_encryption_key; the command does the rest.

    Example:

      runplane admin rotate-kek --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.kek import rotate_kek as run

        run(loaded, say, only_host=only_host)


def try_notices(config: Config = None) -> None:
    """Send a sample by every way that notices take, and say what the other end answered.

    It reads the settings of `[notices]` and nothing else: no database, and no server need be there.

    Example:

      runplane admin notices test --config runplane.toml
    """
    with on_host(None, config) as loaded:
        from runplane.server.commands.notices import send_test

        send_test(loaded, say)


def check(data_dir: DataFolder = None, config: Config = None) -> None:
    """Check the database: its schema, its contents, and that its keys can be opened.

    Nothing is changed. It reads all of a SQLite database. The server may keep running.

    Before an upgrade run the check of the newer release. It ends with 0 where servers can be replaced one by
    one, and with 8 where all of them have to be stopped first.

    Example:

      runplane admin db check --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.database import check as run

        run(loaded, say)


def migrate(data_dir: DataFolder = None, config: Config = None) -> None:
    """Bring the schema of the database up to date, as the next start would.

    Example:

      runplane admin db migrate --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.database import upgrade as run

        run(loaded, say)
