"""What Python's garbage collector looks at in processes that serve: what came after their start."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import ServerProcess

Start = Callable[..., ServerProcess]

pytestmark = pytest.mark.slow

WATCH = """\
import atexit, gc, json, os, pathlib

def tell():
    state = {"enabled": gc.isenabled(), "frozen": gc.get_freeze_count()}
    pathlib.Path(os.environ["GARBAGE_FOLDER"], f"{os.getpid()}.json").write_text(json.dumps(state))

atexit.register(tell)
"""
MOST_OF_A_START = 50_000
"""Objects; the modules of the server alone are more."""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[int, dict[str, int]]]:
    """What each process that has ended says of its collector, by process id."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "told").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "watch")
    monkeypatch.setenv("GARBAGE_FOLDER", str(tmp_path / "told"))
    return lambda: {int(it.stem): json.loads(it.read_text()) for it in (tmp_path / "told").iterdir()}


def test_a_server_collects_what_came_after_its_start(
    start: Start, told: Callable[[], dict[int, dict[str, int]]]
) -> None:
    server = start()
    assert server.terminate() == 0
    state = told()[server.process.pid]
    assert state["enabled"]
    assert state["frozen"] > MOST_OF_A_START


def test_so_does_each_worker_and_a_supervisor_collects_everything(
    start: Start, told: Callable[[], dict[int, dict[str, int]]]
) -> None:
    server = start(workers="2")
    assert server.terminate() == 0
    states = told()
    supervisor = states.pop(server.process.pid)
    assert supervisor == {"enabled": True, "frozen": 0}
    assert len(states) == 2
    for it in states.values():
        assert it["enabled"]
        assert it["frozen"] > MOST_OF_A_START
