"""`runplane serve --workers N`: what its processes are to each other, to signals, and to who starts them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.processes import SERVE, ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Start = Callable[..., ServerProcess]

STOP_SECONDS = 10.0
# Enough that the second worker is awake before the first has taken them all.
CONNECTIONS = 240
WRONG_SETTINGS = 78

pytestmark = pytest.mark.slow


def wait_for(what: str, condition: Callable[[], bool], seconds: float = 40.0) -> None:
    """Wait for a condition; fails with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def workers_of(server: ServerProcess) -> set[int]:
    """The processes that a supervisor has started and that have not ended."""
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(it) for it in path.read_text().split() if state_of(int(it)) not in ("", "Z")}


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def environment_of(pid: int) -> dict[str, str]:
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(it.split("=", 1) for it in pairs if "=" in it)


def connections_of(pid: int) -> int:
    """How many sockets a process has open."""
    folder = Path(f"/proc/{pid}/fd")
    return sum("socket" in str(it.readlink()) for it in folder.iterdir())


def events(server: ServerProcess, name: str) -> list[dict[str, object]]:
    """The lines of the log with an event of that name."""
    found = [json.loads(it) for it in server.errors.splitlines() if it.startswith("{") and it.endswith("}")]
    return [it for it in found if it["event"] == name]


def get(server: ServerProcess, path: str) -> tuple[int, str | None]:
    """Status and Connection header of an answer over a connection of its own."""
    connection = connect(server)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("connection")
    finally:
        connection.close()


def lifetime(server: ServerProcess) -> int:
    """Of a new access token, in seconds."""
    return int(server.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)["expiresIn"])


def connect(server: ServerProcess) -> http.client.HTTPConnection:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return http.client.HTTPConnection(host, int(port), timeout=30)


def test_workers_share_a_port_a_database_and_one_welcome(start: Start, database: dict[str, str]) -> None:
    server = start(workers="2", admin_email="", admin_password="", **database)
    first, second = sorted(workers_of(server))
    told = [environment_of(it) for it in (first, second)]
    assert sorted(it["RUNPLANE_WORKER"] for it in told) == ["0", "1"]
    assert len({it["RUNPLANE_WORKER_RUN"] for it in told}) == 2
    folder = Path(told[0]["RUNPLANE_RUN_DIR"])
    assert told[1]["RUNPLANE_RUN_DIR"] == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert server.output.count("is ready at") == 1
    # known to one worker only: the one that filled the database
    assert server.output.count("Temporary password:") == 1
    assert len(events(server, "listening")) == 1
    assert get(server, "/readyz")[0] == 200
    started = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - started < STOP_SECONDS
    assert not folder.exists()
    assert (state_of(first), state_of(second)) == ("", "")


def test_connections_that_come_at_once_are_shared_out(start: Start) -> None:
    server = start(workers="2")
    pids = sorted(workers_of(server))
    before = [connections_of(it) for it in pids]
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    opened: list[socket.socket] = []
    try:
        for _ in range(CONNECTIONS):
            opened.append(socket.socket())
            opened[-1].setblocking(False)
            opened[-1].connect_ex((host, int(port)))

        def gained() -> list[int]:
            return [connections_of(it) - old for it, old in zip(pids, before, strict=True)]

        wait_for("all connections accepted", lambda: sum(gained()) >= CONNECTIONS)
        assert min(gained()) >= CONNECTIONS // 10, gained()
    finally:
        for it in opened:
            it.close()


def test_a_worker_that_dies_is_started_again(start: Start) -> None:
    server = start(workers="2")
    before = workers_of(server)
    victim = min(before)
    number = environment_of(victim)["RUNPLANE_WORKER"]
    os.kill(victim, signal.SIGKILL)
    assert get(server, "/readyz")[0] == 200
    wait_for("another worker", lambda: len(workers_of(server) - before) == 1)
    (new,) = workers_of(server) - before
    wait_for("its environment", lambda: "RUNPLANE_WORKER" in environment_of(new))
    assert environment_of(new)["RUNPLANE_WORKER"] == number
    (line,) = events(server, "a worker ended; another one is started")
    assert (line["worker"], line["signal"]) == (int(number), "SIGKILL")
    assert server.terminate() == 0


def test_workers_end_with_their_supervisor(start: Start) -> None:
    server = start(workers="2")
    pids = workers_of(server)
    folder = Path(environment_of(min(pids))["RUNPLANE_RUN_DIR"])
    server.kill()
    wait_for("the workers to end", lambda: not any(state_of(it) for it in pids), STOP_SECONDS)
    assert not folder.exists()
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_a_worker_that_cannot_start_ends_the_whole(start: Start, launch: Start) -> None:
    """The key file is looked at by the first worker, so the sentence comes once."""
    server = start()
    server.terminate()
    key = server.data_dir / "key-encryption-key"
    key.chmod(0o644)
    broken = launch(workers="3")
    assert broken.process.wait(40) == WRONG_SETTINGS
    assert broken.errors.count("chmod 600") == 1
    assert broken.output == ""


def test_a_variable_of_workers_alone_is_a_wrong_setting(launch: Start) -> None:
    server = launch(worker="2")
    assert server.process.wait(40) == WRONG_SETTINGS
    assert server.errors.startswith("RUNPLANE_WORKER: ")
    assert "RUNPLANE_WORKERS" in server.errors


@pytest.mark.parametrize("workers", [1, 2])
def test_wrong_settings_at_a_reload_change_nothing(start: Start, tmp_path: Path, workers: int) -> None:
    file = tmp_path / "runplane.toml"
    file.write_text(f"workers = {workers}\n")
    server = start(command=[*SERVE, "--config", str(file)])
    before = workers_of(server)
    assert len(before) == (workers if workers > 1 else 0)
    file.write_text(f"workers = {workers}\n[tokens]\nlifetime_seconds = 'soon'\n")
    lines = len(server.errors.splitlines())
    server.process.send_signal(signal.SIGHUP)
    wait_for("the refusal in the log", lambda: "tokens.lifetime_seconds" in server.errors)
    assert len(server.errors.splitlines()) == lines + 1
    assert workers_of(server) == before
    assert get(server, "/readyz")[0] == 200
    assert server.terminate() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_new_worker_that_cannot_start_changes_nothing(start: Start, workers: int) -> None:
    """The settings are in order; what they name is not."""
    server = start(workers=str(workers))
    before = workers_of(server)
    key = server.data_dir / "key-encryption-key"
    key.chmod(0o644)
    server.process.send_signal(signal.SIGHUP)
    wait_for("the refusal in the log", lambda: f'"exit_code":{WRONG_SETTINGS}' in server.errors)
    key.chmod(0o600)
    assert server.errors.count("chmod 600") == 1
    assert workers_of(server) == before
    assert get(server, "/readyz")[0] == 200
    assert server.terminate() == 0


def test_a_reload_takes_new_settings(start: Start, tmp_path: Path) -> None:
    """Also their number; the process that was started stays the one to send signals to."""
    file = tmp_path / "runplane.toml"
    file.write_text("")
    server = start(command=[*SERVE, "--config", str(file)])
    assert lifetime(server) == 3600
    file.write_text("workers = 2\n[tokens]\nlifetime_seconds = 120\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the new workers", lambda: bool(events(server, "workers replaced")))
    assert len(workers_of(server)) == 2
    assert lifetime(server) == 120
    file.write_text("workers = 1\n[tokens]\nlifetime_seconds = 180\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the new worker alone", lambda: len(workers_of(server)) == 1)
    assert lifetime(server) == 180
    assert server.terminate() == 0


def test_a_reload_while_a_server_alone_is_just_replaced_is_not_lost(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "runplane.toml"
    file.write_text("")
    server = start(command=[*SERVE, "--config", str(file)])
    # One is asked until an answer is its last; the other keeps the process for a second more.
    asked, idle = connect(server), connect(server)
    for it in (asked, idle):
        it.request("GET", "/healthz")
        it.getresponse().read()

    def leaves() -> bool:
        asked.request("GET", "/healthz")
        answer = asked.getresponse()
        answer.read()
        return answer.getheader("connection") == "close"

    file.write_text("[tokens]\nlifetime_seconds = 120\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("the old process leaves", leaves)
    file.write_text("[tokens]\nlifetime_seconds = 180\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for("both reloads", lambda: len(events(server, "workers replaced")) == 2)
    for it in (asked, idle):
        it.close()
    wait_for("the worker before is gone", lambda: len(workers_of(server)) == 1)
    assert lifetime(server) == 180
    assert server.terminate() == 0


def test_load_balancers_have_time_to_notice(start: Start) -> None:
    """After the signal: not ready, but serving, and each answer is the last on its connection."""
    server = start(drain_seconds="6")
    assert get(server, "/readyz") == (200, None)
    kept = connect(server)
    server.process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    ask_until_the_last(kept)
    wait_for("not ready", lambda: get(server, "/readyz")[0] == 503)
    assert get(server, "/healthz") == (200, "close")
    kept.close()
    assert server.process.wait(30) == 0
    assert 6.0 <= time.monotonic() - signalled < 6.0 + STOP_SECONDS


def test_a_connection_in_use_is_not_closed_without_a_word(start: Start) -> None:
    """Its client learns from an answer that it is the last; one without requests is closed a second later."""
    server = start()
    idle, busy = connect(server), connect(server)
    idle.request("GET", "/healthz")
    idle.getresponse().read()
    server.process.send_signal(signal.SIGTERM)
    signalled = time.monotonic()
    ask_until_the_last(busy)
    assert idle.sock is not None
    assert idle.sock.recv(1) == b""
    assert time.monotonic() - signalled >= 1.0
    assert server.process.wait(15) == 0
    idle.close()
    busy.close()


def ask_until_the_last(connection: http.client.HTTPConnection) -> None:
    """Ask all the time, without a second try, until an answer says that it is the last."""
    while True:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        if answer.getheader("connection") == "close":
            return
        time.sleep(0.01)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_terminal_that_closes_ends_the_server(tmp_path: Path, start: Start, workers: str) -> None:
    """It sends the signal of a reload, to everything in it."""
    ours, theirs = os.openpty()
    code = "import fcntl,os,sys,termios; os.setsid(); fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0); "
    code += "os.execv(sys.argv[2], sys.argv[2:])"
    try:
        server = start(
            tmp_path / "data",
            command=[sys.executable, "-c", code, str(theirs), *SERVE],
            descriptors=[theirs],
            workers=workers,
        )
        pids = workers_of(server)
    finally:
        os.close(theirs)
        os.close(ours)
    assert server.process.wait(20) == 0
    assert not any(state_of(it) for it in pids)
    assert not events(server, "workers replaced")
