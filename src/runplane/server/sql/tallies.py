"""Numbers of rows that are remembered for as long as nothing in a tenant changes.

The contract wants the exact total in each page of some lists, and a count to the end takes as long as the
list is. A number is kept with the tenant's version that it was counted at. Whoever asks reads the version
first, in the same transaction, so that a change committed by any process is seen at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

KEPT = 512
"""Numbers that are remembered; the one unused longest goes first."""


class Tallies:
    """Key → the number of rows at a version. Safe to use from any thread."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, key: Hashable, version: int) -> int | None:
        """The number that was counted at `version`."""
        with self._lock:
            kept = self._numbers.get(key)
            if kept is None or kept[0] != version:
                return None
            self._numbers.move_to_end(key)
            return kept[1]

    def keep(self, key: Hashable, version: int, number: int) -> None:
        """Remember a number that was counted after `version` was read."""
        with self._lock:
            self._numbers[key] = (version, number)
            self._numbers.move_to_end(key)
            while len(self._numbers) > KEPT:
                self._numbers.popitem(last=False)
