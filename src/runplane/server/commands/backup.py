"""`runplane admin backup` and `restore`: the database as one file, and back.

The key-encryption key is not in the file, so that a stolen backup alone cannot issue tokens. A backup gets
its name only when it is whole and was read back; a restore keeps the database that it replaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Final

from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.settings import Loaded
from runplane.server.sql.checking import in_use, postgres_address
from runplane.server.sql.engine import Database, sqlite_file
from runplane.server.sql.migrate import HEAD

Say = Callable[[str], None]

_PAGES: Final = 1024
"""Pages copied at a time: writers wait for no longer than this takes, a few milliseconds."""
_MAGIC: Final = b"SQLite format 3\0"
_MOST_SAID: Final = 10_000
# All tables of the database, which is runplane's own, but those that an extension has brought.
_EMPTY: Final = """
DO $$
DECLARE found record;
BEGIN
  FOR found IN
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT EXISTS (
      SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('DROP TABLE IF EXISTS %I.%I CASCADE', found.nspname, found.relname);
  END LOOP;
END $$;
"""


def backup(loaded: Loaded, file: Path, say: Say) -> None:
    """Write the database to a new file, beside a running server. Raises SettingsError and CommandFailed."""
    if file.exists():
        raise CommandFailed(f"{file} exists already; give a new name.")
    part = file.with_name(f"{file.name}.part")
    with explained(loaded, loaded.settings), _whole(part):
        found = sqlite_file(loaded.settings.database_url)
        if found is None:
            _run(loaded, "pg_dump", "--format=custom", f"--file={part}")
            _run(loaded, "pg_restore", "--list", str(part), address=False)
            schema = ""
        else:
            schema = f" with schema {_copy(_existing(found), part)}"
        _sync(part)
        part.replace(file)
        _sync(file.parent)
    say(f"{file} holds the database{schema}, {file.stat().st_size} bytes, and was read back.")
    say("The key-encryption key is not in it; keep that elsewhere: without it no backup can be used.")


def restore(loaded: Loaded, file: Path, agreed: Callable[[str], bool] | None, say: Say) -> None:
    """Put a backup in the place of the database, after asking. Raises SettingsError and CommandFailed."""
    with explained(loaded, loaded.settings):
        if not file.is_file():
            raise CommandFailed(f"There is no file {file}.")
        found = sqlite_file(loaded.settings.database_url)
        if found is None:
            _run(loaded, "pg_restore", "--list", str(file), address=False)
            _require_alone(loaded)
        else:
            _check(file)
        if agreed is not None and not agreed("Replace the database with this backup?"):
            raise CommandFailed("Nothing was restored.")
        if found is None:
            _refill(loaded, file)
            kept = None
        else:
            kept = _replace(found, file)
    say(f"The database is that of {file}.")
    if kept is not None:
        say(f"What was there before is {kept}.")
    say(
        "Start the server; look through the access rules, for what was deleted since the backup exists again."
    )


def _require_alone(loaded: Loaded) -> None:
    database = Database(loaded.settings.database_url)
    try:
        if in_use(database):
            raise CommandFailed("The database is in use; stop every server of it first.")
    finally:
        database.close()


def _copy(source: Path, part: Path) -> str:
    """Copy a database that may be written to meanwhile; returns the schema of the copy."""
    part.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live:
        live.execute("PRAGMA busy_timeout=5000")
        with contextlib.closing(sqlite3.connect(part)) as copy:
            live.backup(copy, pages=_PAGES, sleep=0.01)
            # one file, without the write-ahead log that the copy would otherwise ask for
            copy.execute("PRAGMA journal_mode=DELETE")
    return _check(part)


def _check(file: Path) -> str:
    """The schema of a backup that can be used. Raises CommandFailed for any other."""
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise CommandFailed(f"{file} is no SQLite database.")
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            faults = [str(it) for (it,) in copy.execute("PRAGMA integrity_check") if it != "ok"]
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError:
        raise CommandFailed(f"{file} is damaged or no database of runplane.") from None
    if faults or row is None:
        raise CommandFailed(f"{file} is damaged: {faults[0] if faults else 'it has no schema'}.")
    schema = str(row[0])
    if schema > HEAD:
        raise CommandFailed(f"{file} has schema {schema}, made by a newer release; this one knows {HEAD}.")
    return schema


def _replace(target: Path, file: Path) -> Path | None:
    """Put a copy of a backup in the place of a database that nobody uses; returns the old one's new name."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = None
    if target.exists():
        _require_unused(target)
        kept = _free_name(target)
        os.link(target, kept)
    part = target.with_name(f"{target.name}.part")
    with _whole(part):
        part.touch(mode=0o600)
        shutil.copyfile(file, part)
        # root may run this, and the server is somebody else
        if os.geteuid() == 0:
            like = (target if kept is not None else target.parent).stat()
            os.chown(part, like.st_uid, like.st_gid)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    return kept


def _require_unused(target: Path) -> None:
    """Bring the write-ahead log into the database, which only works where no server has it open."""
    try:
        with contextlib.closing(sqlite3.connect(target, timeout=0, isolation_level=None)) as old:
            old.execute("PRAGMA locking_mode=EXCLUSIVE")
            old.execute("PRAGMA journal_mode=DELETE")
            old.execute("BEGIN EXCLUSIVE")
            old.execute("COMMIT")
    except sqlite3.OperationalError:
        raise CommandFailed(f"{target} is in use; stop the server first.") from None
    except sqlite3.DatabaseError:
        # A damaged one may be what the backup is needed for.
        for ending in ("-wal", "-shm"):
            target.with_name(target.name + ending).unlink(missing_ok=True)


def _free_name(target: Path) -> Path:
    number = 1
    while (kept := target.with_name(f"{target.name}.before-restore-{number}")).exists():
        number += 1
    return kept


def _existing(found: Path) -> Path:
    if not found.is_file():
        raise CommandFailed(f"There is no database at {found}.")
    return found


def _refill(loaded: Loaded, file: Path) -> None:
    """Have a PostgreSQL database hold what a backup holds and no other table, in one transaction.

    pg_restore alone drops only what is in the file: a table of a newer schema would stay, and keep those that
    it refers to from being dropped. Raises CommandFailed.
    """
    url, environment = _address(loaded)
    with (
        _started("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={url}",
                 environment=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as target,
        _started("pg_restore", "--clean", "--if-exists", "--no-owner", "--file=-", str(file),
                 environment=environment, stdout=subprocess.PIPE) as source,
    ):  # fmt: skip
        whole = _poured(source, target)
    # psql first: where it stops, pg_restore only finds that nobody reads
    target.require_success()
    source.require_success()
    if not whole:
        raise CommandFailed("psql ended before it had read all of the backup; nothing was changed.")


def _poured(source: _Program, target: _Program) -> bool:
    """Hand on a whole script between a beginning and its commit; without the commit nothing has happened."""
    into, out = target.process.stdin, source.process.stdout
    if into is None or out is None:
        raise TypeError("both programs must have been started with a pipe")
    try:
        into.write(f"BEGIN;\nSET LOCAL client_min_messages = warning;\n{_EMPTY}".encode())
        shutil.copyfileobj(out, into)
        if source.process.wait() == 0:
            into.write(b"\nCOMMIT;\n")
        into.close()
    except BrokenPipeError:
        return False
    finally:
        # of what is left in it nothing can be written any more
        with contextlib.suppress(BrokenPipeError):
            into.close()
        out.close()
    return True


class _Program:
    """A program of PostgreSQL that runs, and what it says."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        self.name = name
        self.process = process
        self._said = said
        self._words = ""

    def wait(self) -> None:
        """Until it has ended."""
        self.process.wait()
        self._said.seek(0)
        self._words = self._said.read(_MOST_SAID).decode("utf-8", "replace").strip()

    def require_success(self) -> None:
        """Raises CommandFailed with its own words."""
        if self.process.returncode != 0:
            said = self._words.splitlines()
            raise CommandFailed(said[0] if said else f"{self.name} failed with {self.process.returncode}.")


@contextlib.contextmanager
def _started(
    name: str, *arguments: str, environment: dict[str, str], stdout: int, stdin: int = subprocess.DEVNULL
) -> Generator[_Program]:
    """A program that runs; at the end it is waited for, and after an error it is ended."""
    with tempfile.TemporaryFile() as said:
        try:
            # the programs' names are ours, and the address is the operator's own
            process = subprocess.Popen(  # noqa: S603
                [name, *arguments], env=environment, stdin=stdin, stdout=stdout, stderr=said
            )
        except FileNotFoundError:
            raise CommandFailed(_missing(name)) from None
        program = _Program(name, process, said)
        try:
            yield program
        except BaseException:
            process.kill()
            raise
        finally:
            program.wait()


def _run(loaded: Loaded, program: str, *arguments: str, address: bool = True) -> None:
    """Run a program of PostgreSQL on the database. Raises CommandFailed with its own words."""
    url, environment = _address(loaded)
    command = [program, *arguments, *([f"--dbname={url}"] if address else [])]
    try:
        # the programs' names are ours, and the address is the operator's own
        done = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CommandFailed(_missing(program)) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise CommandFailed(said[0] if said else f"{program} failed with code {done.returncode}.")


def _address(loaded: Loaded) -> tuple[str, dict[str, str]]:
    """The address of the database, and the environment of a program that is to reach it."""
    url, password = postgres_address(loaded.settings.database_url)
    # The password is in the environment: arguments can be read by everybody on the host.
    return url, {**os.environ, "PGPASSWORD": password} if password else dict(os.environ)


def _missing(program: str) -> str:
    return f"{program} is not installed; install PostgreSQL's client programs (postgresql-client)."


@contextlib.contextmanager
def _whole(part: Path) -> Generator[None]:
    """Leave no part of a file behind."""
    part.unlink(missing_ok=True)
    try:
        yield
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
