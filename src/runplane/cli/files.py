"""Files that survive: replaced in one step, and changed by one process at a time.

A reader sees the old file or the new one, whenever the writer is killed. Locks are files beside nothing else
(they are never removed, so that two processes cannot hold locks on two different files of one name), and the
system lets go of them when their process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from runplane.cli.failures import CliError

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
LOCK_SECONDS: Final = 60.0
"""Longer than any call to the server that is made under a lock."""
_PAUSE: Final = 0.05


def read_text(path: Path) -> str:
    """The text of a file as it stands there, line ends included. Raises CliError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise CliError(f"{path}: {error.strerror or 'cannot be read'}.") from None
    except UnicodeDecodeError:
        raise CliError(f"{path}: this is no UTF-8 text.") from None


def replace(path: Path, text: str) -> None:
    """Put `text` in place of what `path` holds. Raises CliError; then the file is as it was.

    A symbolic link stays one: what it points to is replaced. The mode of an existing file is kept, a new one
    is for its owner only.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}{_mark()}{os.getpid()}")
    try:
        _remove_leftovers(target)
        _write(temporary, text, _mode(target))
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CliError(f"{path} could not be written: {error.strerror or error}.") from None


def private_folder(path: Path) -> Path:
    """Make sure that `path` is a folder which only its owner can look into. Raises CliError."""
    try:
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise CliError(f"The folder {path} cannot be used: {error.strerror or error}.") from None
    return path


@contextlib.contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Generator[None]:
    """Hold the lock that `path` names, waiting for it at most `seconds`. Raises CliError."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    except OSError as error:
        raise CliError(f"The lock {path} cannot be opened: {error.strerror or error}.") from None
    try:
        _acquire(handle, path, seconds)
        yield
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CliError(f"Another runplane holds {path}; try again when it is done.") from None
            time.sleep(_PAUSE)
        else:
            return


def _mode(target: Path) -> int:
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        return PRIVATE_FILE


def _write(path: Path, text: str, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mark() -> str:
    # With the machine's name: a home folder on the network has writers whose process ids say nothing here.
    return f".runplane-{socket.gethostname()}-"


def _remove_leftovers(target: Path) -> None:
    """Remove what writers of this machine left behind that were killed."""
    start = f".{target.name}{_mark()}"
    for it in target.parent.iterdir():
        number = it.name.removeprefix(start)
        if it.name.startswith(start) and number.isdecimal() and not _runs(int(number)):
            it.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
