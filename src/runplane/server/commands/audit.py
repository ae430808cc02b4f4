"""`runplane audit verify`: whether the audit log is as the servers have written it.

On the host and not over the API: it needs the key-encryption key, reads all of the log, and whoever asks
should not have to believe the server that is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from runplane.server.audit.chain import ADOPT_SECONDS
from runplane.server.audit.sealing import AuditKey
from runplane.server.audit.store import select_audit_key
from runplane.server.audit.verifying import Head, Report, parse_head, verify
from runplane.server.commands.database import existing_kek, opened
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.core.clock import Instant, SystemClock, instant, to_epoch
from runplane.server.core.errors import Invalid
from runplane.server.identity.store import select_tenants
from runplane.server.settings import Loaded
from runplane.server.sql.engine import Database
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.migrate import HEAD, current
from runplane.server.sql.unit import Unit, Units

Say = Callable[[str], None]

BROKEN: Final = 9


class ChainNotWhole(CommandFailed):
    """The log is not as the servers have written it."""

    code = BROKEN


def verify_log(loaded: Loaded, say: Say, heads: Iterable[str] = ()) -> None:
    """Walk the chain of every tenant and say how it is. `heads` are what earlier runs have printed.

    Raises SettingsError, CommandFailed where it could not be checked, ChainNotWhole for a broken one.
    """
    with explained(loaded, loaded.settings), opened(loaded) as database:
        noted = _noted(heads)
        _require_schema(database)
        kek = existing_kek(loaded.settings)

        def job(unit: Unit) -> tuple[list[Report], dict[int, str], AuditKey]:
            # first of all, since it settles what the whole unit sees
            reports = verify(unit, lambda: _key(unit, kek), noted)
            return reports, {int(it[0]): str(it[1]) for it in select_tenants(unit)}, _key(unit, kek)

        reports, names, key = Units(database, Freshness(), SystemClock()).read(job)
    if not reports:
        say("The audit log is empty.")
    for it in reports:
        _tell(it, f"Tenant {names.get(it.tenant_id, it.tenant_id)}", say)
    if key.adopt_until:
        # it is sealed: whoever has the log adopted anew, by deleting its key, cannot hide when
        made = instant(to_epoch(Instant(key.adopt_until)) - ADOPT_SECONDS)
        say(f"What was there when the log got its key, at {made}, was taken as it was found.")
    if any(it.fault for it in reports):
        raise ChainNotWhole("The audit log is not as the servers have written it.")


def _noted(heads: Iterable[str]) -> dict[int, Head]:
    try:
        return dict(map(parse_head, heads))
    except Invalid as error:
        raise CommandFailed(error.message) from error


def _require_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        found = current(connection)
    if found is None or found < HEAD:
        raise CommandFailed("The schema is not up to date; run `runplane db migrate`, or start the server.")


def _key(unit: Unit, kek: Any) -> AuditKey:
    sealed = select_audit_key(unit)
    if sealed is None:
        raise CommandFailed("The log has no key yet; start the server once.")
    return AuditKey.opened(kek, sealed)


def _tell(report: Report, who: str, say: Say) -> None:
    if report.fault:
        say(f"{who}: BROKEN after {_records(report.rows)}: {report.fault}.")
        return
    span = f", unbroken from {report.first} to {report.last}" if report.rows else ""
    waiting = f"; {_records(report.waiting)} not sealed yet" if report.waiting else ""
    say(f"{who}: {_records(report.rows)}{span}{waiting}.")
    if report.pruned:
        say(f"    Retention has deleted {_records(report.pruned)}, the newest of {report.pruned_until}.")
    if report.remark:
        say(f"    Note: {report.remark}.")
    if report.head is not None:
        say(f"    Head: {report.tenant_id}:{report.head.position}:{report.head.hash}")


def _records(number: int) -> str:
    return f"{number} record{'' if number == 1 else 's'}"
