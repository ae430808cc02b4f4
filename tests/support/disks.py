"""Disks that can be filled, cut off or made read-only, and system calls made to fail.

All of it needs root, and parts of it programs that a plain container lacks: then the test skips and says what
was missing.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import unavailable
from support.processes import ServerProcess

PATIENCE = 30.0


def run(requirement: str, *command: str) -> None:
    """Run a command that needs root. Skips the test, naming `requirement`, where it cannot work."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError as error:
        unavailable(requirement, f"this cannot be tried here: there is no {error.filename}")
    except subprocess.CalledProcessError as error:
        unavailable(requirement, f"this cannot be tried here: {command[0]}: {error.stderr.strip()}")


class Disk:
    """A folder with a file system of its own, mounted until `remove`."""

    def __init__(self, folder: Path) -> None:
        self.mounted = folder / "disk"
        self.mounted.mkdir(parents=True)

    @property
    def data(self) -> Path:
        """Where a server may keep its data: the root of a file system holds lost+found."""
        return self.mounted / "data"

    def remove(self) -> None:
        """Take it away; whatever used it must have ended."""
        subprocess.run(["umount", str(self.mounted)], check=True, timeout=PATIENCE)


class Image(Disk):
    """An ext4 file system in a file. What `file` holds at a moment is what a power cut then would leave."""

    def __init__(self, folder: Path, copied: Path | None = None) -> None:
        super().__init__(folder)
        self.file = folder / "disk.img"
        if copied is None:
            with self.file.open("wb") as made:
                made.truncate(64 * 1024 * 1024)
            run("loop-mounts", "mkfs.ext4", "-q", str(self.file))
        else:
            run("loop-mounts", "cp", "--sparse=always", str(copied), str(self.file))
        run("loop-mounts", "mount", "-o", "loop", str(self.file), str(self.mounted))

    def abort(self) -> None:
        """Do what ext4 does when its disk fails: refuse every write from now on, also to open files."""
        run("loop-mounts", "mount", "-o", "remount,abort", str(self.mounted))


class SmallDisk(Disk):
    """A file system in memory of a certain size, in bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        super().__init__(folder)
        run("tmpfs", "mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(self.mounted))

    @property
    def _filler(self) -> Path:
        return self.mounted / "filler"

    def fill(self) -> None:
        """Take all the space that is left."""
        block = b"\0" * 4096
        with self._filler.open("ab", buffering=0) as file:
            while True:
                try:
                    file.write(block)
                except OSError:
                    return

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink()


@pytest.fixture
def images(tmp_path: Path) -> Iterator[Callable[..., Image]]:
    """Call it for a file system in a file, empty or a copy of the file of another; gone with the test."""
    made: list[Image] = []

    def make(copied: Path | None = None) -> Image:
        made.append(Image(tmp_path / f"image{len(made)}", copied))
        return made[-1]

    yield make
    for it in made:
        it.remove()


@pytest.fixture
def small_disks(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Call it with a size in bytes for a file system of that size; gone with the test."""
    made: list[SmallDisk] = []

    def make(size: int) -> SmallDisk:
        made.append(SmallDisk(tmp_path / f"small{len(made)}", size))
        return made[-1]

    yield make
    for it in made:
        it.remove()


class Trace:
    """What strace has written so far."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def lines(self) -> list[str]:
        """The system calls, each with the number of its thread in front."""
        return self._file.read_text("utf-8", errors="replace").splitlines()

    def injected(self) -> int:
        """How many calls were made to fail."""
        return sum("(INJECTED)" in it for it in self.lines())


@contextmanager
def traced(server: ServerProcess, log: Path, *options: str) -> Generator[Trace]:
    """Watch every thread of a server with strace and its `options`, which may make calls fail."""
    if shutil.which("strace") is None:
        unavailable("strace", "strace is not installed here")
    errors = log.with_suffix(".err")
    with errors.open("wb") as sink:
        process = subprocess.Popen(
            ["strace", "-f", "-p", str(server.process.pid), "-o", str(log), *options],
            stdout=sink,
            stderr=sink,
        )
    try:
        _wait_until_attached(process, server.process.pid, errors)
        yield Trace(log)
    finally:
        # It lets go of the server at SIGINT; killed, it might leave threads stopped.
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def _wait_until_attached(process: subprocess.Popen[bytes], pid: int, errors: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        tasks = Path(f"/proc/{pid}/task")
        tracers = [tracer_of(it) for it in tasks.iterdir()]
        if tracers and all(it == process.pid for it in tracers):
            return
        if process.poll() is not None:
            unavailable("strace", f"strace cannot attach here: {errors.read_text().strip()}")
        assert time.monotonic() < deadline, "strace has not attached"
        time.sleep(0.02)


def tracer_of(task: Path) -> int:
    """The process that traces a thread, 0 for none or a thread that has ended."""
    try:
        status = (task / "status").read_text()
    except OSError:
        return 0
    return int(status.partition("TracerPid:")[2].split(None, 1)[0])
