"""`runplane admin rotate-kek`: another key-encryption key, while servers run.

Only a key file can be replaced from here. A key in the settings is the operator's to change, on every host;
then the command only seals again what the key before has sealed. Which of the two is to be done follows from
the database: where anything still needs another key, that comes first, and so a command that was cut is
finished by the next one before anything else begins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runplane.server import logs
from runplane.server.app import Stores
from runplane.server.audit.journal import Note, Origin
from runplane.server.commands.admin import opened
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.commands.sealed import PLACES, listed
from runplane.server.identity.kek_ring import only_one, renew
from runplane.server.identity.sealed.resealing import needing, reseal
from runplane.server.identity.service import Identity
from runplane.server.identity.tenants import FIRST_TENANT
from runplane.server.identity.vault import VaultError
from runplane.server.settings import Loaded

Say = Callable[[str], None]


def rotate_kek(loaded: Loaded, say: Say, *, only_host: bool = False) -> None:
    """Replace the key file, where there is one, and seal everything again.

    `only_host` says, for PostgreSQL, that no server elsewhere has a copy of the file. Raises SettingsError
    and CommandFailed.
    """
    settings = loaded.settings
    logs.configure("warning", settings.log.format)
    by_text = settings.keys.key_encryption_key is not None
    file = None if by_text else settings.keys.key_encryption_key_file
    swapped = settings.keys.previous_key_encryption_key is not None

    def work(stores: Stores, identity: Identity) -> None:
        before = identity.kek.fingerprint
        if stores.units.read(lambda unit: needing(unit, identity.kek, PLACES)):
            say("Some values are sealed with an earlier key; they are sealed again, and the key stays.")
        elif swapped:
            say("Everything is sealed with the present key. Take keys.previous_key_encryption_key away.")
            return
        else:
            _replace(file, say, shared=not (stores.database.is_sqlite or only_host))
        _seal_again(stores, identity, before, say)

    with explained(loaded, settings):
        if file is None:
            opened(loaded, work)
            return
        try:
            with only_one(file):
                opened(loaded, work)
        except BlockingIOError:
            raise CommandFailed(
                f"Somebody else is replacing {file} right now; wait for that to end."
            ) from None


def _replace(file: Path | None, say: Say, *, shared: bool) -> None:
    if file is None:
        raise CommandFailed(
            "The key is given by a setting: put a new one there (openssl rand -base64 32) and this one into "
            "keys.previous_key_encryption_key on every host, restart the servers, and run this again."
        )
    if shared:
        raise CommandFailed(
            "Servers on other hosts would not see a new key file. If there are none, add --only-host; else "
            "put the new key and the previous one into the settings of every host, and run this then."
        )
    try:
        new = renew(file)
    except VaultError as error:
        raise CommandFailed(str(error)) from error
    say(f"{file} holds the new key {new.fingerprint}; the one before is {file}.previous.")


def _seal_again(stores: Stores, identity: Identity, before: str, say: Say) -> None:
    kek = identity.kek
    done = reseal(stores.units, kek, PLACES)
    facts = {
        "before": before,
        "sealedAgain": str(sum(it.done for it in done)),
        "by": "command line on the host",
    }
    origin = Origin(FIRST_TENANT, "runplane admin rotate-kek", "App", "", "", "")
    note = Note("key-encryption-key", kek.fingerprint, metadata=facts)
    stores.units.write(lambda unit: identity.journal.write(unit, origin, "rotate", 200, note))
    say(f"Sealed again: {listed({it.place: it.done for it in done if it.done}) or 'nothing'}.")
    closed = [it for it in done if it.closed]
    if closed:
        raise CommandFailed(f"Of the {closed[0].place} not all could be opened: {closed[0].closed}")
    left = stores.units.read(lambda unit: needing(unit, kek, PLACES))
    if left:
        raise CommandFailed(f"Meanwhile servers sealed {listed(left)} with another key; run this once more.")
    say("Keep the key before with the backups of its time; nothing in the database needs it any more.")
