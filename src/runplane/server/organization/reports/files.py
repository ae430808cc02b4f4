"""The file of a report: CSV (RFC 4180), the names of the columns in the first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from runplane.server.core.spreadsheet import cell
from runplane.server.organization.reports.model import COLUMNS, GroupBy

_UNBOUNDED = "unlimited"
_QUOTA = "gpu_quota"


def as_csv(groups: GroupBy, rows: Iterable[Sequence[Any]]) -> str:
    """Rows of `COLUMNS[groups]` as text; without rows it is the first line alone."""
    columns = COLUMNS[groups]
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_text(name, value) for name, value in zip(columns, row, strict=True)])
    return file.getvalue()


def _text(column: str, value: Any) -> str:
    # A quota is never unreported: the control plane itself keeps it, and none means no bound.
    return _UNBOUNDED if column == _QUOTA and value is None else cell(value)
