"""Runs some tests with a mutant, each time in a process of its own, and says how they ended.

Quick: forked from a process that has collected all tests, with the code of the loaded functions replaced.
Fresh: a new interpreter that imports the mutant, for what is computed while a module is loaded.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tools.mutation.changes import Change
from tools.mutation.mutant import Mutant

QUIET: Final = (
    "-q",
    "-x",
    "-s",
    "-n0",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "--timeout=60",
    "--tb=no",
)
_CANNOT: Final = 98
_FELL: Final = 99


@dataclass(frozen=True, slots=True)
class Ran:
    """How tests ended: pytest's code (None: they hung), the first that failed, whether the mutant was met."""

    code: int | None
    failed: str = ""
    there: bool = False


class Runs:
    """Pytest plugin: once the tests are collected, does `work` in place of running them all."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._items: dict[str, pytest.Item] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {it.nodeid: it for it in session.items}
        self._work()
        return True

    def has(self, test: str) -> bool:
        """Whether the test is there to be run."""
        return test in self._items

    def quick(self, mutant: Mutant | None, tests: list[str], limit: float) -> Ran | None:
        """Run tests for at most `limit` seconds, on the original where there is no mutant.

        None where the loaded module cannot be changed, or the end says nothing of the mutant.
        """
        with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            pid = os.fork()
            if pid == 0:
                _die_with(lambda: self._in_child(mutant, tests, folder), folder)
            ran = _ended(pid, folder, limit)
        return None if ran.code in (_CANNOT, _FELL) else ran

    def _in_child(self, mutant: Mutant | None, tests: list[str], folder: Path) -> int:
        if mutant is not None and mutant.module not in sys.modules:
            mutant.install((folder / "there").touch)
        elif mutant is not None:
            if not mutant.replace():
                return _CANNOT
            (folder / "there").touch()
        items = [self._items[it] for it in tests]
        failure = _FirstFailure(folder)
        items[0].config.pluginmanager.register(failure)
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if failure.seen:
                return 1
        return 0


def fresh(mutant: Mutant | None, tests: list[str], limit: float, *arguments: str) -> Ran:
    """Run tests for at most `limit` seconds in an interpreter that has imported nothing yet."""
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        change = mutant and [str(mutant.file), mutant.change.node, mutant.change.line, mutant.change.kind]
        (folder / "task").write_text(json.dumps([change, [*arguments, *tests], sys.path]))
        command = [sys.executable, "-m", "tools.mutation.runs", str(folder)]
        home = Path(__file__).resolve().parent.parent.parent
        started = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(home)})
        ran = _ended(started.pid, folder, limit)
        started.returncode = 0  # it has been waited for
        if ran.code == _FELL:
            raise RuntimeError((folder / "log").read_text())
    return ran


def _ended(pid: int, folder: Path, limit: float) -> Ran:
    descriptor = os.pidfd_open(pid)
    ended, _, _ = select.select([descriptor], [], [], limit)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # it, or what it left running
    _, status = os.waitpid(pid, 0)
    os.close(descriptor)
    failed = folder / "failed"
    return Ran(
        os.waitstatus_to_exitcode(status) if ended else None,
        json.loads(failed.read_text()) if failed.exists() else "",
        (folder / "there").exists(),
    )


class _FirstFailure:
    """Pytest plugin: writes down which test failed first."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "failed"
        self.seen = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.seen:
            self._file.write_text(json.dumps(report.nodeid))
            self.seen = True


def _die_with(work: Callable[[], int], folder: Path) -> None:
    """Do the work and end this process with its code, whatever happens: it must not go on as its parent."""
    code = _FELL
    try:
        os.setpgid(0, 0)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # What the tests make goes with the mutant.
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        code = work()
    except BaseException:  # noqa: BLE001 - see above
        traceback.print_exc()
    finally:
        os._exit(code)


def _fresh_process(folder: Path) -> int:
    change, arguments, path = json.loads((folder / "task").read_text())
    sys.path[:] = path
    if change:
        mutant = Mutant(Path(change[0]), Change(change[1], change[2], change[3]))
        mutant.install((folder / "there").touch)
    return int(pytest.main([*QUIET, *arguments], plugins=[_FirstFailure(folder)]))


if __name__ == "__main__":
    _die_with(lambda: _fresh_process(Path(sys.argv[1])), Path(sys.argv[1]))
