"""Taking SQLite's write lock where several processes want it at once.

SQLite waits for it by sleeping, longer each time, up to a tenth of a second: whoever has waited longest tries
most rarely, and loses against those who have just come. Four busy workers kept single requests waiting for
4.6 s that way, next to the five seconds after which they are refused. Here all try equally often.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any, Final

WAIT_SECONDS: Final = 5.0
"""How long to try before the database counts as too busy."""
_PAUSE_SECONDS: Final = 0.002
# the lowest byte of an extended error code is the error itself
_ERROR: Final = 0xFF


def begin_writing(raw: sqlite3.Connection, known: dict[Any, Any], seconds: float = WAIT_SECONDS) -> None:
    """Begin a transaction of the driver's connection `raw` that may write, trying for `seconds`.

    `known` is kept with the connection. Raises sqlite3.OperationalError.
    """
    if __name__ not in known:
        # what waits is this function; inside the transaction there is nothing left to wait for
        raw.execute("PRAGMA busy_timeout=0")
        known[__name__] = True
    deadline = time.monotonic() + seconds
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _ERROR != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_PAUSE_SECONDS)
