"""`runplane admin db`: whether the database is sound, and bringing its schema up to date without a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.core.clock import SystemClock
from runplane.server.identity.realms import Realms
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.settings import Loaded
from runplane.server.sql.checking import look
from runplane.server.sql.engine import Database, sqlite_file
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import HEAD, SchemaTooNew, migrate
from runplane.server.sql.unit import Units

Say = Callable[[str], None]


def check(loaded: Loaded, say: Say) -> None:
    """Say how the database is, and fail where something is wrong. Raises SettingsError and CommandFailed."""
    with explained(loaded, loaded.settings), _opened(loaded) as database:
        found = look(database)
        say(f"Schema: {found.schema or 'none, the database is empty'}; this release has {HEAD}.")
        for fault in found.faults:
            say(f"Fault: {fault}")
        if found.faults:
            raise CommandFailed("The database is damaged; restore a backup.")
        if found.schema != HEAD:
            _judge(found.schema)
        keys = loaded.settings.keys
        given = keys.key_encryption_key
        kek = KeyEncryptionKey.load(keys.key_encryption_key_file if given is None else given)
        clock = SystemClock()
        realms = Realms(kek, loaded.settings.public_url, clock=clock)
        Units(database, Freshness(), clock).read(realms.load)
    say("The database is sound, and its signing keys open with the key-encryption key.")


def upgrade(loaded: Loaded, say: Say) -> None:
    """Bring the schema up to date. Raises SettingsError and CommandFailed."""
    with explained(loaded, loaded.settings), _opened(loaded) as database:
        before = look(database).schema
        migrate(database)
    said = "was up to date" if before == HEAD else f"was brought from {before or 'nothing'} to it"
    say(f"The schema is {HEAD}; it {said}.")


def _judge(schema: str | None) -> None:
    if schema is not None and schema > HEAD:
        raise SchemaTooNew(f"The database was made by a newer release, with schema {schema}; run that one.")
    raise CommandFailed("The schema is not up to date; run `runplane admin db migrate`, or start the server.")


@contextlib.contextmanager
def _opened(loaded: Loaded) -> Generator[Database]:
    file = sqlite_file(loaded.settings.database_url)
    if file is not None and not file.is_file():
        # opening would make a new one
        raise CommandFailed(f"There is no database at {file}.")
    database = Database(loaded.settings.database_url)
    try:
        yield database
    finally:
        database.close()
