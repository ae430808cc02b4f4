"""One process without a supervisor, the usual way to run; on SIGHUP it becomes the supervisor of workers.

That way a single server is replaced as smoothly as many: the new process is ready before the old one stops,
and whoever started `runplane serve` keeps the process number that he knows.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from runplane.server.app import App
from runplane.server.commands.child import Child
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.sockets import shown
from runplane.server.commands.supervisor import (
    CannotStart,
    has_terminal,
    make_run_dir,
    start_successors,
    told_of,
)
from runplane.server.commands.worker import run
from runplane.server.http.drain import DrainingServer
from runplane.server.settings import Loaded, Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Successors:
    """Workers that serve in the place of this process, and what to supervise them with."""

    settings: Settings
    run_dir: Path
    children: dict[int, Child]


class Alone:
    """Serves on `sockets`; `reload` reads the settings again, `say` gets the welcome."""

    def __init__(
        self,
        loaded: Loaded,
        sockets: list[socket.socket],
        reload: Callable[[], Loaded],
        say: Callable[[str], None],
    ) -> None:
        self._loaded = loaded
        self._sockets = sockets
        self._reload = reload
        self._say = say
        self._successors: Successors | None = None
        self._replacing: asyncio.Task[None] | None = None
        self._has_terminal = has_terminal()
        self._log = structlog.get_logger("serve")

    def serve(self) -> Successors | None:
        """Serve until a signal; returns who serves now, if it was SIGHUP. Raises as `worker.run`."""
        run(self._loaded, self._sockets, self._listening)
        return self._successors

    def _listening(self, server: DrainingServer, app: App) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hung_up, server)
        self._log.info("listening", addresses=shown(self._sockets), public_url=app.settings.public_url)
        self._say(app.welcome())

    def _hung_up(self, server: DrainingServer) -> None:
        if self._has_terminal and not has_terminal():
            # A terminal that closes sends the same signal.
            server.leave(replaced=False)
        elif self._successors is not None:
            # for the supervisor that this process is about to become; blocked, it waits for it (see _replace)
            signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
        elif self._replacing is None or self._replacing.done():
            self._replacing = asyncio.create_task(self._replace(server))

    async def _replace(self, server: DrainingServer) -> None:
        try:
            settings = self._reload().settings
        except SettingsError as error:
            self._log.error("settings not read again; the server goes on as it is", problem=str(error))
            return
        self._log.info("replacing this process", workers=settings.workers)
        try:
            run_dir = make_run_dir()
        except CommandFailed as error:
            self._log.error("a new process cannot start; this one goes on", problem=str(error))
            return
        try:
            children = await start_successors(range(settings.workers), run_dir, self._sockets)
        except CannotStart as error:
            shutil.rmtree(run_dir, ignore_errors=True)
            self._log.error("a new process cannot start; this one goes on", **told_of(error.code))
            return
        if server.should_exit:
            # Asked to end meanwhile: the workers see the link to this process go, and end too.
            return
        self._successors = Successors(settings, run_dir, children)
        # Between two event loops nobody would hear it, and the process would die of it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        server.leave(replaced=True)
