"""How many connections a process holds, and which one goes when there are too many.

A limit that only refuses newcomers hands the server to whoever opens connections and leaves them idle. Here
the newcomer gets in and an idle connection goes, so that only requests in work can fill the server.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterable
from itertools import islice
from typing import Final, Protocol

_OTHER_FILES: Final = 128
"""Descriptors for the database, the log, keys and connections to issuers of tokens."""
_LOOK_AT: Final = 256


class Connection(Protocol):
    """What there is to know of a connection here."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is in work."""
        ...

    def give_up(self) -> None:
        """Close it at once, without a word."""
        ...


def allowed(wanted: int) -> int:
    """How many of `wanted` connections this process may have open.

    Raises its limit on open files as far as the system lets it: the usual 1024 is there for programs that
    use select().
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        # a system may have a lower limit than it says
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(soft - _OTHER_FILES, 1))


def make_room(connections: Iterable[Connection], newcomer: Connection) -> bool:
    """Give up an idle connection for `newcomer`; False if none was found among some.

    The order of a set is as good as chance, so nobody can aim at the connection of another.
    """
    for it in islice(connections, _LOOK_AT):
        if it is not newcomer and it.is_idle:
            it.give_up()
            return True
    return False
