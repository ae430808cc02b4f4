"""Clients made of bare sockets, for what no HTTP library would send; and what a process takes."""

from __future__ import annotations

import resource
import selectors
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from conftest import unavailable
from support.processes import ServerProcess

_SPARE_FILES = 256


def need_files(number: int) -> None:
    """Let this process, and those it starts, open `number` files. Skips where the system does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = number + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            unavailable("files", f"a process may open {hard} files here, and this takes {needed}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def address_of(server: ServerProcess) -> tuple[str, int]:
    """Where a server listens."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def connect(server: ServerProcess, data: bytes = b"", *, receive_buffer: int = 0) -> socket.socket:
    """A connection that has sent `data`; `receive_buffer` in bytes makes it one that soon takes no more."""
    made = socket.socket()
    if receive_buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(30)
    made.connect(address_of(server))
    made.sendall(data)
    return made


def wait_until_closed(connections: Iterable[socket.socket], seconds: float) -> tuple[int, bytes, float]:
    """Read until the server has closed all of them, or `seconds` have passed.

    Returns how many are still open, the beginning of what one of them was told, and the seconds it took.
    """
    started = time.monotonic()
    told = b""
    with selectors.DefaultSelector() as selector:
        for it in connections:
            it.setblocking(False)
            selector.register(it, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() - started < seconds:
            for key, _ in selector.select(0.5):
                it = key.fileobj
                assert isinstance(it, socket.socket)
                received = b""
                with suppress(ConnectionError, BlockingIOError):
                    received = it.recv(65536)
                told = told or received[:200]
                if not received:
                    selector.unregister(it)
        return len(selector.get_map()), told, time.monotonic() - started


def memory_of(server: ServerProcess) -> float:
    """Resident memory of a server, in MB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split(None, 1)[0]) / 1024


def sockets_of(server: ServerProcess) -> int:
    """How many sockets a server has open."""
    found = 0
    for it in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(OSError):
            found += str(it.readlink()).startswith("socket:")
    return found


def wait_for_sockets(server: ServerProcess, most: int, seconds: float) -> float:
    """Wait until a server has at most so many sockets; returns the seconds that took."""
    started = time.monotonic()
    while sockets_of(server) > most:
        assert time.monotonic() - started < seconds, f"{sockets_of(server)} sockets are still open"
        time.sleep(0.1)
    return time.monotonic() - started
