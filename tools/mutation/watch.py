"""Pytest plugin: which tests run through which lines of some modules, and how long each test takes.

The server runs in threads of the test process, so a line is ascribed to the test that runs at the time. A
test that fails here, where nothing is broken, is left out: it could not tell a mutant from the original.
"""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import coverage
import pytest

_QUIET: Final = ("-q", "-n0", "--tb=line", "-p", "no:randomly", "--continue-on-collection-errors")
_LEFT_OUT: Final = ("postgres", "browser")
# Slow, and the judge of the access control: every persona against every operation.
_SLOW_AND_WANTED: Final = "tests/authz/"


class Watch:
    """Chooses the tests, tells coverage whose lines it counts, and takes the time."""

    def __init__(self, counter: coverage.Coverage) -> None:
        self._counter = counter
        self._took: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    @property
    def seconds(self) -> dict[str, float]:
        """How long each test that passed took, with what its fixtures took."""
        return {test: took for test, took in self._took.items() if test not in self.failed}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        wanted = [it for it in items if _is_wanted(it)]
        config.hook.pytest_deselected(items=[it for it in items if not _is_wanted(it)])
        items[:] = wanted

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._counter.switch_context(item.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        self._counter.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._took[report.nodeid] += report.duration
        if not report.passed:
            self.failed.add(report.nodeid)


def run(sources: list[str], data: Path, files: list[str]) -> int:
    """Run the tests of `files` under coverage of `sources`, for `data` and `data`.seconds.

    What is there of other tests stays; without `files` all tests run and nothing stays. Both get the time at
    which this began. Returns how many tests can tell a mutant from the original.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    began = time.time()
    counter = coverage.Coverage(data_file=str(data), source=sources, config_file=False)
    watch = Watch(counter)
    kept = data.with_suffix(".seconds")
    seconds: dict[str, float] = {}
    if files:
        counter.load()
        seconds = {it: took for it, took in json.loads(kept.read_text()).items() if _file(it) not in files}
    else:
        counter.erase()
    counter.start()
    pytest.main([*_QUIET, *files], plugins=[watch])
    counter.stop()
    counter.save()
    seconds |= watch.seconds
    kept.write_text(json.dumps(seconds))
    os.utime(data, (began, began))
    return len(seconds)


def _file(test: str) -> str:
    return test.partition("::")[0]


def _is_wanted(item: pytest.Item) -> bool:
    if any(item.get_closest_marker(it) for it in _LEFT_OUT):
        return False
    return item.get_closest_marker("slow") is None or item.nodeid.startswith(_SLOW_AND_WANTED)
