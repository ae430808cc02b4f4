"""The supervisor where it gets no process, or one that hangs. Its workers here are real and tiny."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from runplane.server.commands import supervisor as supervising
from runplane.server.commands.child import Child
from runplane.server.commands.failures import FAILED
from runplane.server.commands.supervisor import CannotStart, Supervisor, start_successors
from runplane.server.settings import Loaded
from runplane.server.settings.sources import load_settings

# says that it serves, and ends at a word of the supervisor or with it
WORKER = """
import os, socket
link = socket.socket(fileno=int(os.environ["RUNPLANE_WORKER_DESCRIPTORS"].split()[0]))
link.sendall(b'"here"\\n')
link.recv(64)
"""

# starts, and never serves; a signal to end it does not heed
HANGING = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""


@pytest.fixture
def executable(monkeypatch: pytest.MonkeyPatch) -> str:
    """The program that the supervisor starts, as long as `sys.executable` says so."""
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", WORKER])
    return sys.executable


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fails after half a minute."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def loaded() -> Loaded:
    return load_settings(environ={"RUNPLANE_WORKERS": "1"})


async def supervise_through_an_upgrade(
    folder: Path, program: str, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> tuple[int, list[str]]:
    welcomes: list[str] = []
    reloads: list[None] = []

    def told(words: str) -> bool:
        return any(words in it["event"] for it in logged)

    def reload() -> Loaded:
        reloads.append(None)
        return loaded()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervisor = Supervisor(loaded().settings, [listener], folder, reload=reload, say=welcomes.append)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: bool(welcomes))
        monkeypatch.setattr(sys, "executable", str(folder / "gone"))
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: bool(reloads))
        await until(lambda: told("those not replaced yet stay") or running.done())
        assert not running.done(), "the supervisor ended, and its workers with it"
        monkeypatch.setattr(sys, "executable", program)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: told("workers replaced") or running.done())
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(running, 30), welcomes


# at its end the process goes, and closes the links to its workers
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_program_that_is_gone_for_a_moment_ends_no_worker(
    tmp_path: Path, executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with capture_logs() as logged:
        ended = asyncio.run(supervise_through_an_upgrade(folder, executable, monkeypatch, logged))
    assert ended == (0, ["here"])
    assert not folder.exists()


def test_a_server_alone_that_gets_no_process_is_told_so(
    tmp_path: Path, executable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Child] = []

    async def start() -> None:
        first.extend((await start_successors([0], tmp_path, [])).values())
        monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
        await start_successors([0], tmp_path, [])

    with pytest.raises(CannotStart) as refused:
        asyncio.run(start())
    assert refused.value.code == FAILED
    for it in first:
        it.kill()
        asyncio.run(it.gone())


async def supervise_through_a_hanging_release(
    folder: Path, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> tuple[int, bool]:
    """The exit code, and whether the worker before served on while new ones hung."""
    started: list[str] = []

    def told(words: str) -> bool:
        return any(words in it["event"] for it in logged)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervisor = Supervisor(loaded().settings, [listener], folder, reload=loaded, say=started.append)
        running = asyncio.create_task(supervisor.run())
        await until(lambda: bool(started))
        (before,) = supervisor._living
        monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", HANGING])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: told("those not replaced yet stay"))
        stayed = supervisor._living == {before} and before.process.poll() is None
        monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", WORKER])
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: told("workers replaced"))
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(running, 30), stayed


@pytest.mark.usefixtures("executable")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_new_worker_that_hangs_is_ended_and_the_old_one_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "START_SECONDS", 1.0)
    folder = tmp_path / "run"
    folder.mkdir()
    with capture_logs() as logged:
        ended = asyncio.run(supervise_through_a_hanging_release(folder, monkeypatch, logged))
    assert ended == (0, True)
    (late,) = [it for it in logged if "did not serve in time" in it["event"]]
    assert late["worker"] == 0
    assert "database" in late["event"]
    (told,) = [it for it in logged if "those not replaced yet stay" in it["event"]]
    assert told["signal"] == "SIGKILL"
    assert "SIGHUP" in told["event"]


@pytest.mark.usefixtures("executable")
def test_a_server_alone_waits_for_a_successor_that_hangs_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "START_SECONDS", 1.0)
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", HANGING])
    with pytest.raises(CannotStart) as refused:
        asyncio.run(asyncio.wait_for(start_successors([0], tmp_path, []), 30))
    assert refused.value.code == -signal.SIGKILL
