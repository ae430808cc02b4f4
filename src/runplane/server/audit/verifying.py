"""Walking a tenant's chain from end to end: unbroken, or the first record that is not as it was written.

The walk is one transaction that sees the log as of one moment, so that a server may seal and prune meanwhile.
It stops at the first fault of a tenant: behind it every hash differs, and a list of all of them says nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from runplane.server.audit import store
from runplane.server.audit.chain import ChainBroken, no_ends, proven_ends
from runplane.server.audit.sealing import GENESIS, AuditKey, Ends
from runplane.server.core.errors import Invalid
from runplane.server.sql.unit import Unit

_CHUNK: Final = 2_000


class Head(NamedTuple):
    """A position and its hash, as somebody noted it outside the database."""

    position: int
    hash: str


@dataclass(slots=True)
class Report:
    """What the walk of one tenant found. `fault` is the end of a sentence; empty for an unbroken chain."""

    tenant_id: int
    rows: int = 0
    first: str = ""
    last: str = ""
    # records that are stored and not sealed yet
    waiting: int = 0
    pruned: int = 0
    pruned_until: str = ""
    head: Head | None = None
    fault: str = ""
    # of what was not the database's to keep: a noted head that retention has passed
    remark: str = ""


class _Fault(Exception):
    pass


def parse_head(text: str) -> tuple[int, Head]:
    """`tenant:position:hash`, as a report prints it. Raises Invalid."""
    tenant, _, rest = text.partition(":")
    position, _, digits = rest.partition(":")
    if not (tenant.isdecimal() and position.isdecimal() and len(digits) == 2 * len(GENESIS)):
        raise Invalid("A head is tenant:position:hash, as `runplane audit verify` prints it.")
    return int(tenant), Head(int(position), digits.lower())


def verify(unit: Unit, open_key: Callable[[], AuditKey], noted: Mapping[int, Head]) -> list[Report]:
    """One report for each tenant. `noted` are heads from before, by tenant. The first thing in a unit."""
    store.hold_still(unit)
    key = open_key()
    reports: list[Report] = []
    for tenant_id in sorted({*store.tenants_in_log(unit), *noted}):
        report = Report(tenant_id)
        reports.append(report)
        try:
            _walk(unit, key, report, noted.get(tenant_id))
        except (_Fault, ChainBroken) as fault:
            report.fault = str(fault)
    return reports


def _walk(unit: Unit, key: AuditKey, report: Report, noted: Head | None) -> None:
    tenant_id = report.tenant_id
    found = proven_ends(unit, key, tenant_id)
    ends = found or no_ends(tenant_id)
    report.pruned, report.pruned_until = ends.pruned_position, ends.pruned_until
    # -1 is of rows that a server has refused; nothing has a place that is deleted already
    if store.has_places(unit, tenant_id, up_to=ends.pruned_position):
        raise _Fault("a record was inserted where retention has deleted")
    _check_noted_start(report, ends, noted)
    before, expected = ends.pruned_hash, ends.pruned_position + 1
    for row in _rows(unit, tenant_id, ends.pruned_position):
        _check_place(row, expected, ends)
        digest = key.digest(row._mapping)
        if row.digest is None or not hmac.compare_digest(bytes(row.digest), digest):
            raise _Fault(f"the content of {_named(row)} was changed")
        before = key.link(before, tenant_id, expected, digest)
        if row.hash is None or not hmac.compare_digest(bytes(row.hash), before):
            raise _Fault(f"{_named(row)} is genuine and stands in another place than it was given")
        if noted is not None and noted.position == expected and noted.hash != before.hex():
            raise _Fault(f"{_named(row)} has another hash than was noted")
        report.rows += 1
        report.first = report.first or row.timestamp
        report.last = row.timestamp
        expected += 1
    if expected <= ends.position:
        raise _Fault(f"{_gap(expected, ends.position)} at the end")
    if found is not None and not hmac.compare_digest(before, ends.hash):
        raise _Fault("the row that holds its ends belongs to another chain")
    if noted is not None and noted.position > ends.position:
        raise _Fault(f"it ends at position {ends.position}, and {noted.position} was noted")
    report.head = Head(ends.position, before.hex())
    _check_waiting(unit, key, report)


def _check_noted_start(report: Report, ends: Ends, noted: Head | None) -> None:
    if noted is None:
        return
    if noted.position < ends.pruned_position:
        report.remark = f"retention has deleted position {noted.position}; its head proves nothing now"
    elif noted.position == ends.pruned_position and noted.hash != ends.pruned_hash.hex():
        raise _Fault(f"position {noted.position} had another hash than was noted")


def _check_place(row: Any, expected: int, ends: Ends) -> None:
    if row.position < expected or row.position > ends.position:
        raise _Fault(f"{_named(row)} was inserted")
    if row.position > expected:
        raise _Fault(f"{_gap(expected, row.position - 1)} before {_named(row)}")


def _check_waiting(unit: Unit, key: AuditKey, report: Report) -> None:
    refused = store.select_refused(unit, report.tenant_id)
    if refused is not None:
        raise _Fault(f"the record {refused.id} of {refused.timestamp} was inserted: no server has written it")
    after = ""
    while rows := store.select_waiting(unit, report.tenant_id, _CHUNK, after):
        for row in rows:
            report.waiting += 1
            # of an older release, and not looked at by a server of this one yet
            adopted = row.digest is None and unit.now <= key.adopt_until
            if not adopted and (
                row.digest is None or not hmac.compare_digest(bytes(row.digest), key.digest(row._mapping))
            ):
                raise _Fault(f"the record {row.id} of {row.timestamp} was inserted: no server has written it")
        after = rows[-1].id


def _rows(unit: Unit, tenant_id: int, pruned: int) -> Iterator[Any]:
    # behind every id of that position
    after = (pruned, "~")
    while rows := store.select_chain(unit, tenant_id, after, _CHUNK):
        yield from rows
        after = (rows[-1].position, rows[-1].id)


def _named(row: Any) -> str:
    return f"the record {row.id} of {row.timestamp} at position {row.position}"


def _gap(first: int, last: int) -> str:
    if first == last:
        return f"the record at position {first} was deleted"
    return f"{last - first + 1} records from position {first} on were deleted"
