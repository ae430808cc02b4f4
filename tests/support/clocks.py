"""Servers whose clock is wrong, or jumps while they run: libfaketime, loaded into their processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import unavailable

_PLACES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/local/lib")
_LIBRARY = "libfaketimeMT.so.1"
# Python sleeps until an instant of the monotonic clock, which the library moves although it is told not to.
_SERVE = """
import select, sys, time
time.sleep = lambda seconds: select.poll().poll(seconds * 1000)
sys.argv = ["runplane", "serve"]
from runplane.main import main
main()
"""


class FakeClock:
    """The clock of a server process, `offset` seconds off. What waits for a time to pass does not see it."""

    def __init__(self, file: Path, offset: float) -> None:
        self._file = file
        self.shift(offset)

    def shift(self, offset: float) -> None:
        """Let the clock jump, also under a server that runs."""
        # replaced in one step: a reader must not see half of it
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{offset:+.0f}\n")
        fresh.replace(self._file)

    @property
    def command(self) -> list[str]:
        """`runplane serve` with this clock."""
        return [
            "/usr/bin/env",
            f"LD_PRELOAD={library()}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            *(sys.executable, "-c", _SERVE),
        ]


def library() -> Path:
    """The library. Skips where it is not installed."""
    found = [it for place in _PLACES for it in Path(place).glob(f"**/faketime/{_LIBRARY}")]
    if not found:
        unavailable("faketime", "libfaketime is not installed here (apt-get install faketime)")
    return found[0]


@pytest.fixture
def clocks(tmp_path: Path) -> Callable[[float], FakeClock]:
    """Call it with an offset in seconds for a clock."""
    library()
    made: list[FakeClock] = []

    def make(offset: float) -> FakeClock:
        made.append(FakeClock(tmp_path / f"clock{len(made)}", offset))
        return made[-1]

    return make
