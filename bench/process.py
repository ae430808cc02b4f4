"""Server processes: started on one core, asked for the CPU time and memory of their whole tree, stopped.

CPU time and not wall time is what a result rests on: other work on the machine takes wall time from a server
but leaves its CPU-seconds nearly alone.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 90.0
_STOP_SECONDS = 20.0


class BenchError(Exception):
    """The measurement cannot go on; the text says why and what to do."""


class Server:
    """A running server process, pinned to its cores. Use as a context manager."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        core: int | str,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        beside: Sequence[int] = (),
    ) -> None:
        self.name = name
        # other processes, with their children, whose CPU time is on its bill
        self._beside = tuple(beside)
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**_clean_environment(), **(env or {})},
                cwd=cwd,
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self, answers: Callable[[], bool], pause: float = 0.02) -> None:
        """Return once `answers()` is true; a refused connection counts as no. Raises BenchError."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if answers():
                    return
            except OSError:
                pass
            time.sleep(pause)
        raise BenchError(f"{self.name} did not start; it wrote:\n{self._tail()}")

    def cpu_seconds(self) -> float:
        """User and system time of the process tree so far."""
        return sum(_cpu_seconds(pid) for pid in self._tree())

    def rss_mb(self) -> float:
        """Resident memory of the process tree now, in MB of 10^6 bytes; not of what runs beside it."""
        return sum(_rss_bytes(pid) for pid in _tree(self._process.pid)) / 1e6

    def stop(self) -> None:
        """End the process the way an operator does. Raises BenchError when it has to be killed."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise BenchError(f"{self.name} did not stop within {_STOP_SECONDS:.0f} s.") from None

    def pause(self) -> None:
        """Have it wait, so that what it does by itself costs others nothing."""
        for pid in _tree(self._process.pid):
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on after `pause`."""
        for pid in reversed(_tree(self._process.pid)):
            os.kill(pid, signal.SIGCONT)

    def _tree(self) -> list[int]:
        return [pid for root in (self._process.pid, *self._beside) for pid in _tree(root)]

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def two_cores() -> tuple[int, int]:
    """The core for the server and the core for the load. Raises BenchError on a machine with one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("The bench needs two cores: one for the server, one for the load.")
    return cores[0], cores[1]


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found.extend(int(child) for child in task.read_text().split())
    return found


def _clean_environment() -> dict[str, str]:
    # A developer's own settings must not reach the server that is measured, nor a PYTHONDONTWRITEBYTECODE,
    # with which every start would compile every module again.
    kept = os.environ.items()
    return {name: value for name, value in kept if not name.startswith(("RUNPLANE_", "PYTHON"))}


def _cpu_seconds(pid: int) -> float:
    # The command's name may hold spaces and brackets, so fields are counted from behind it (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    # utime, stime, and those of children that have ended
    return sum(int(field) for field in fields[11:15]) / _TICKS


def _rss_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
