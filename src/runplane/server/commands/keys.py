"""`runplane admin rotate-keys`: new signing keys, while servers run.

It writes to the database only. Each server sees it at its next look there, within a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runplane.server import logs
from runplane.server.app import Stores
from runplane.server.bootstrap import REALM
from runplane.server.commands.admin import opened
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.identity.jose import ALGORITHMS, DEFAULT_ALGORITHM
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.rotation import (
    Rotated,
    ahead_seconds,
    algorithm_of,
    record,
    replace,
    rotate,
)
from runplane.server.identity.service import Identity
from runplane.server.identity.store import select_tenants
from runplane.server.settings import Loaded
from runplane.server.sql.unit import Unit

Plan = list[tuple[int, str, SigningKey]]

_SUBJECT: Final = "runplane admin rotate-keys"


def rotate_keys(
    loaded: Loaded,
    say: Callable[[str], None],
    *,
    tenant: str = "",
    algorithm: str = "",
    at_once: bool = False,
) -> None:
    """Give one tenant, or every one, a new signing key and say from when on it signs.

    Without `algorithm` the new key is of the kind of the last one. With `at_once` no earlier key is worth
    anything any more. Raises SettingsError and CommandFailed.
    """
    settings = loaded.settings
    logs.configure("warning", settings.log.format)
    if algorithm and algorithm not in ALGORITHMS:
        raise CommandFailed(f"The algorithm is one of {', '.join(ALGORITHMS)}.")

    def work(stores: Stores, identity: Identity) -> list[Rotated]:
        # made before the transaction: a key for RS256 takes up to a second
        plan = stores.units.read(lambda unit: _plan(unit, tenant, algorithm))
        return stores.units.write(lambda unit: _carry_out(unit, identity, plan, at_once=at_once))

    with explained(loaded, settings):
        done = opened(loaded, work)
    for it in done:
        say(f"Tenant {it.tenant}: the new key {it.kid} ({it.algorithm}) signs from {it.signs_from} on.")
        if not at_once:
            say(f"The keys before it verify until {it.old_until}.")
    if at_once:
        say("No access token or ID token from before is accepted any more. Sessions and credentials stay.")
        say(f"Who keeps the list of keys may accept old tokens for another {settings.keys.kept_seconds} s.")
    if algorithm and algorithm != settings.tokens.algorithm and any(it.tenant == REALM for it in done):
        say(f"Set tokens.algorithm to {algorithm} too, or the next start publishes another key.")


def _plan(unit: Unit, name: str, algorithm: str) -> Plan:
    """A key for each tenant that is meant. Raises CommandFailed for a name that no tenant has."""
    meant = [it for it in sorted(select_tenants(unit)) if name in ("", it[1])]
    if not meant:
        raise CommandFailed(f"There is no tenant with the name {name}.")
    return [
        (it, realm, SigningKey.generate(unit.now, algorithm or algorithm_of(unit, it) or DEFAULT_ALGORITHM))
        for it, realm in meant
    ]


def _carry_out(unit: Unit, identity: Identity, plan: Plan, *, at_once: bool) -> list[Rotated]:
    done: list[Rotated] = []
    for tenant_id, realm, key in plan:
        if at_once:
            rotated = replace(unit, identity.kek, tenant_id, realm, key)
        else:
            ahead = ahead_seconds(identity.rules.keys_kept_seconds)
            rotated = rotate(unit, identity.kek, tenant_id, realm, key, ahead)
        record(unit, identity.journal, tenant_id, rotated, subject=_SUBJECT, by="command line on the host")
        done.append(rotated)
    return done
