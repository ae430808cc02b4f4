"""Writing the audit log: changes in their own transaction, sign-ins and refusals group-committed.

A change and its audit row are one commit, so neither exists without the other. Sign-ins and refusals repeat
in bursts; identical ones within one interval become one row with a `count`.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec

from runplane.server.audit.ledger import Ledger
from runplane.server.audit.sealing import AuditKey
from runplane.server.audit.store import insert_rows
from runplane.server.core.clock import Clock, Instant, now
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import scrub
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.unit import Unit

SUCCEEDED = "Succeeded"
FAILED = "Failed"

ACTION_OF_METHOD = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete", "GET": "read"}

_MAX_METADATA = 10
_MAX_TEXT = 500


class Origin(msgspec.Struct, frozen=True):
    """Where a record comes from: who, from where, with which request."""

    tenant_id: int
    subject: str
    subject_type: str
    source_ip: str
    http_method: str
    url: str
    request_id: str = ""


class Note(msgspec.Struct):
    """What a handler tells about the object it changed. Never put a secret here."""

    entity_type: str = ""
    entity_id: str = ""
    entity_name: str = ""
    metadata: dict[str, str] = {}

    def target(self, entity_id: object, entity_name: str = "", **metadata: object) -> None:
        """Name the object, and up to ten facts about the change, such as `fields="enabled"`."""
        self.entity_id = str(entity_id)
        self.entity_name = entity_name
        if metadata:
            self.metadata = {**self.metadata, **{key: str(value) for key, value in metadata.items()}}


class Journal:
    """The recorder. `write` runs inside a unit; the others return at once and store within 0.1 s."""

    def __init__(self, group: GroupCommit, clock: Clock, key: AuditKey) -> None:
        self._group = group
        self._clock = clock
        self.key = key
        self.ledger = Ledger(group, clock)

    def write(self, unit: Unit, origin: Origin, action: str, status: int, note: Note) -> None:
        """Record a change that `unit` makes."""
        insert_rows(unit, [self._row(unit.now, origin, action, SUCCEEDED, status, note, 1)])

    def refused(self, origin: Origin, action: str, status: int, note: Note) -> None:
        """Record a request that was refused after its caller was known."""
        self._gather(origin, action, FAILED, status, note)

    def signed_in(self, origin: Origin, status: int, note: Note) -> None:
        """Record a sign-in, successful when `status` is 200."""
        self._gather(origin, "sign-in", SUCCEEDED if status == 200 else FAILED, status, note)

    def _gather(self, origin: Origin, action: str, result: str, status: int, note: Note) -> None:
        key = (
            origin.tenant_id,
            origin.subject,
            origin.source_ip,
            origin.http_method,
            origin.url,
            action,
            status,
            note.entity_id,
            # a token with a scope is another thing than one without
            note.metadata.get("tokenScope", ""),
        )
        record = self._group.pending(self._store).get(key)
        if record is not None:
            record[-1] += 1
            return
        self._group.put(self._store, key, [now(self._clock), origin, action, result, status, note, 1])

    def _store(self, unit: Unit, records: dict[Hashable, Any]) -> None:
        insert_rows(unit, [self._row(*record) for record in records.values()])

    def _row(self, *record: Any) -> dict[str, Any]:
        made = _row(*record)
        # what proves later that this server wrote it; its place in the chain comes after the commit
        made["digest"] = self.key.digest(made)
        return made


def _row(
    at: Instant, origin: Origin, action: str, result: str, status: int, note: Note, count: int
) -> dict[str, Any]:
    metadata = dict(note.metadata)
    if count > 1:
        metadata["count"] = str(count)
    kept = {key[:60]: value[:_MAX_TEXT] for key, value in list(metadata.items())[:_MAX_METADATA]}
    return {
        "id": new_id(),
        "tenant_id": origin.tenant_id,
        "timestamp": at,
        "subject": scrub(origin.subject)[:_MAX_TEXT],
        "subject_type": origin.subject_type,
        "source_ip": origin.source_ip,
        "action": action,
        "http_method": origin.http_method,
        # People put secrets where ids belong, and what a refusal names may be a good one.
        "url": scrub(origin.url)[:2000],
        "entity_type": note.entity_type or None,
        "entity_name": note.entity_name[:_MAX_TEXT] or None,
        "entity_id": note.entity_id[:_MAX_TEXT] or None,
        "result": result,
        "http_status_code": status,
        "request_id": origin.request_id or new_id(),
        "metadata": msgspec.json.encode(kept).decode() if kept else None,
    }
