"""Disks that take no writes: what that is called, and since when it is so.

A database that is away comes back by itself and needs no words. A disk that is full, read-only or broken
waits for a person, so answers, the log and `/readyz` say it. Reads go on meanwhile.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import structlog

_FULL: Final = "The disk of the database is full, so nothing can be stored; free some space on it."
_READ_ONLY: Final = "The disk of the database is read-only, so nothing can be stored; make it writable again."
_BROKEN: Final = "The disk of the database reports errors, so nothing can be stored; replace or repair it."
_OF_SQLITE: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _BROKEN,
}
_OF_POSTGRES: Final = {"53100": _FULL, "58030": _BROKEN}
# extended codes say more in their upper bytes
_PRIMARY: Final = 0xFF


def trouble_of(error: Exception) -> str | None:
    """What a database error says about its disk, as a sentence; None if it is about something else."""
    cause: Any = getattr(error, "orig", error)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _OF_SQLITE.get(code & _PRIMARY)
    return _OF_POSTGRES.get(getattr(cause, "sqlstate", None) or "")


class Storage:
    """Whether the last write reached the disk. Told by writing threads, asked by any."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        """Why nothing can be stored; None while writing works."""
        self._log = structlog.get_logger("storage")

    def failed(self, error: Exception) -> None:
        """A write has failed with `error`."""
        found = trouble_of(error)
        if found is not None and found != self.trouble:
            self.trouble = found
            self._log.error("nothing can be stored", reason=found, cause=str(getattr(error, "orig", error)))

    def worked(self) -> None:
        """A write was committed."""
        if self.trouble is not None:
            self.trouble = None
            self._log.warning("storing works again")
