"""Figures of tests that measure: how often something was tried, and what came out.

A test says `trials(3, 100)`: three rounds in the suite, a hundred with RUNPLANE_FULL=1 (`make faults`). What
it measured goes to the fixture `figure`; the figures of all tests stand together at the end of the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest

FULL: Final = os.environ.get("RUNPLANE_FULL", "") == "1"
_PROPERTY: Final = "figure"

Figure = Callable[[str, object], None]


def trials(few: int, full: int) -> int:
    """How many rounds to run: `few` in the suite, `full` where the figures are wanted."""
    return full if FULL else few


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Call it with a name and a value (with its unit) to have both printed after the run."""

    def record(name: str, value: object) -> None:
        # one line: the name and what was measured, also where the test ran in another process
        record_property(_PROPERTY, f"{name}: {value}")

    return record


def printed(reports: Iterable[Any]) -> list[str]:
    """The figures of finished tests as lines, each under its test, in the order of the tests' names."""
    lines: list[str] = []
    for report in sorted(reports, key=lambda it: it.nodeid):
        found = [str(value) for name, value in report.user_properties if name == _PROPERTY]
        if found:
            lines += [report.nodeid, *(f"    {it}" for it in found)]
    return lines
