"""A worker as its supervisor sees it: a fresh process of the same command, and the link to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from runplane.server.commands.handover import variables, without

_LOOK_SECONDS: Final = 0.01


class Child:
    """A process started by the constructor. It belongs to no event loop, so one can take it from another.

    Raises OSError where the system starts none: out of memory or processes, or the program is gone.

    Fresh and not forked: a process that has opened a database and started threads cannot be copied safely,
    and a new one runs the code and the settings that are installed now.
    """

    def __init__(self, slot: int, run_dir: Path, sockets: list[socket.socket]) -> None:
        self.slot = slot
        self.started_at = time.monotonic()
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        try:
            with theirs:
                # the command that this process was started with
                self.process = subprocess.Popen(  # noqa: S603
                    [sys.executable, *sys.orig_argv[1:]],
                    env=without(os.environ) | variables(slot, run_dir, theirs, sockets),
                    pass_fds=[it.fileno() for it in (theirs, *sockets)],
                )
        except OSError:
            self._link.close()
            raise

    async def ready(self) -> str | None:
        """Wait until it serves: what it has to say to a person. None if it ended before."""
        received = b""
        while not received.endswith(b"\n"):
            part = await self._read()
            if not part:
                return None
            received += part
        return msgspec.json.decode(received, type=str)

    async def gone(self) -> int:
        """Wait until it has ended: its exit code, or the negative number of the signal that killed it."""
        while await self._read():
            pass
        # the system closes the link a moment before the process can be waited for
        while (code := self.process.poll()) is None:  # noqa: ASYNC110 - no event tells of that
            await asyncio.sleep(_LOOK_SECONDS)
        self._link.close()
        return code

    def replaced(self) -> None:
        """Another one serves in its place: have it finish what it has and end."""
        with contextlib.suppress(OSError):
            self._link.send(b"replaced\n")

    def terminate(self) -> None:
        """Have it drain and end."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    async def _read(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._link, 65_536)
        except OSError:
            return b""
