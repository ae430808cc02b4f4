"""Audit records on the wire: snake case, as the contract has them, and as cells of a CSV file.

Optional members that have no value are left out: the contract does not let them be null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.api.audit.model import COLUMNS
from runplane.server.core.spreadsheet import cell
from runplane.server.http.operation import Wire
from runplane.server.sql.prepared import Row

_METADATA = COLUMNS.index("metadata")
_TENANT = COLUMNS.index("tenant_id")
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode


class AuditQuery(Wire):
    """The span of time, both ends included: date and time with `Z`, an offset, or no zone for UTC."""

    start: str
    end: str


class AuditFileQuery(AuditQuery):
    """The span of time and the notation, CSV or JSON. The official client spells it `fileType`."""

    file_type: str | None = msgspec.field(name="file_type", default=None)
    file_type_camel: str | None = msgspec.field(name="fileType", default=None)


class AuditRecordOut(msgspec.Struct, kw_only=True):
    """One change, refusal or sign-in."""

    id: str
    timestamp: str
    tenant_id: str
    subject: str
    subject_type: str
    source_ip: str | UnsetType = UNSET
    action: str
    http_method: str
    url: str
    entity_type: str | UnsetType = UNSET
    entity_name: str | UnsetType = UNSET
    entity_id: str | UnsetType = UNSET
    result: str
    http_status_code: int
    cluster_name: str | UnsetType = UNSET
    cluster_id: str | UnsetType = UNSET
    request_id: str
    metadata: dict[str, str]


class AuditLogOut(msgspec.Struct, kw_only=True):
    """A page of the log. `next` is the offset of the following page, left out on the last one."""

    total: int
    next: int | UnsetType = UNSET
    audit_logs: list[AuditRecordOut]


def present(row: Row) -> AuditRecordOut:
    """A row of `store.COLUMNS` as the contract shows it."""
    values: dict[str, Any] = {
        name: value for name, value in zip(COLUMNS, row, strict=True) if value is not None
    }
    values["tenant_id"] = str(values["tenant_id"])
    values["metadata"] = _read_metadata(values.get("metadata", "{}"))
    return AuditRecordOut(**values)


def as_json_file(chunks: Iterable[Sequence[Row]]) -> bytes:
    """The records as one JSON array."""
    encode = msgspec.json.Encoder().encode
    file = bytearray(b"[")
    for rows in chunks:
        for row in rows:
            file += encode(present(row))
            file += b",\n"
    if len(file) > 1:
        del file[-2:]
    file += b"]\n"
    return bytes(file)


def as_csv_file(chunks: Iterable[Sequence[Row]]) -> bytes:
    """The records as CSV (RFC 4180) in UTF-8, names in the first line, metadata as JSON text."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for rows in chunks:
        writer.writerows([cell(value) for value in row] for row in rows)
    return file.getvalue().encode("utf-8")
