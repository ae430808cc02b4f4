"""`runplane admin db`: whether the database is sound, and bringing its schema up to date without a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from runplane.server.commands.failures import CommandFailed, RestartAllNeeded
from runplane.server.commands.opening import explained
from runplane.server.commands.sealed import PLACES, listed
from runplane.server.core.clock import SystemClock
from runplane.server.identity.kek_ring import load_ring
from runplane.server.identity.realms import Realms
from runplane.server.identity.sealed.resealing import needing
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.settings import Loaded, Settings
from runplane.server.sql.checking import look
from runplane.server.sql.engine import Database, sqlite_file
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import HEAD, judge, migrate, restart_all
from runplane.server.sql.unit import Units

Say = Callable[[str], None]


def check(loaded: Loaded, say: Say) -> None:
    """Say how the database is and how to upgrade it; fail where something is wrong.

    Raises SettingsError, CommandFailed, and RestartAllNeeded where an upgrade cannot be rolled out.
    """
    with explained(loaded, loaded.settings), opened(loaded) as database:
        found = look(database)
        say(f"Schema: {found.schema or 'none, the database is empty'}; this release has {HEAD}.")
        for fault in found.faults:
            say(f"Fault: {fault}")
        if found.faults:
            raise CommandFailed("The database is damaged; restore a backup.")
        if found.schema != HEAD:
            _compare(database, found.schema, say)
        kek = existing_kek(loaded.settings)
        clock = SystemClock()
        realms = Realms(kek, loaded.settings.public_url, clock=clock)
        units = Units(database, Freshness(), clock)
        units.read(realms.load)
        if found.schema == HEAD:
            _count_sealed(units, kek, say)
    say("The database is sound, and its signing keys open with the key-encryption key.")


def upgrade(loaded: Loaded, say: Say) -> None:
    """Bring the schema up to date. Raises SettingsError and CommandFailed."""
    with explained(loaded, loaded.settings), opened(loaded) as database:
        before = look(database).schema
        migrate(database)
    said = "was up to date" if before == HEAD else f"was brought from {before or 'nothing'} to it"
    say(f"The schema is {HEAD}; it {said}.")


def _compare(database: Database, schema: str | None, say: Say) -> None:
    """Say how this release and the schema get on. Raises SchemaTooNew and CommandFailed."""
    if schema is None:
        raise CommandFailed("The database is empty; run `runplane admin db migrate`, or start the server.")
    if schema > HEAD:
        judge(database)
        say("It was made by a newer release, which this one may run beside.")
    elif restart_all(schema):
        raise RestartAllNeeded(
            f"The schema is not up to date, and servers of schema {schema} cannot run beside {HEAD}: stop "
            "all of them, run `runplane admin db migrate`, then start this release."
        )
    else:
        say(
            "This release can be rolled out: run `runplane admin db migrate`, then replace the servers one "
            "by one."
        )


def _count_sealed(units: Units, kek: KeyEncryptionKey, say: Say) -> None:
    waiting = units.read(lambda unit: needing(unit, kek, PLACES))
    if waiting:
        say(f"Still sealed with an earlier key-encryption key: {listed(waiting)}.")
        say("Keep that key, and run `runplane admin rotate-kek`.")
    else:
        say(f"Everything sealed needs the key-encryption key {kek.fingerprint} and no other.")


def existing_kek(settings: Settings) -> KeyEncryptionKey:
    """The key-encryption key, never a new one. Raises VaultError where there is none."""
    keys = settings.keys
    return load_ring(
        keys.key_encryption_key or keys.key_encryption_key_file, keys.previous_key_encryption_key
    )


@contextlib.contextmanager
def opened(loaded: Loaded) -> Generator[Database]:
    """The database of the settings as it is: not made, and its schema not touched. Raises CommandFailed."""
    file = sqlite_file(loaded.settings.database_url)
    if file is not None and not file.is_file():
        # opening would make a new one
        raise CommandFailed(f"There is no database at {file}.")
    database = Database(loaded.settings.database_url)
    try:
        yield database
    finally:
        database.close()
