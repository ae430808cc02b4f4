"""`runplane serve`: from settings to a listening server, in this process or in workers under it.

The socket is bound before the database is opened: a port that is taken then changes nothing on disk, and with
`port = 0` the public address is known before anything is built on it. What serves is imported only where it
is needed, so that a supervisor stays small.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import os
import socket
from collections.abc import Callable

from runplane.server import logs
from runplane.server.commands.handover import SLOT, Handover, handed_over
from runplane.server.commands.sockets import given_sockets, listen, listen_sockets
from runplane.server.settings import Loaded, SettingsError

# <malloc.h>
_M_MMAP_THRESHOLD = -3

Reload = Callable[[], Loaded]
Say = Callable[[str], None]


def serve(loaded: Loaded, reload: Reload, say: Say) -> int:
    """Serve until a signal ends the process; returns its exit code.

    `say` gets the welcome once requests are accepted, and `reload` reads the settings again. Raises
    SettingsError for settings that cannot work here, CommandFailed for what may work later.
    """
    # Keys and data are nobody else's business, also in a folder that existed before.
    os.umask(0o077)
    logs.configure(loaded.settings.log.level, loaded.settings.log.format)
    given = handed_over(os.environ)
    if given is not None:
        return _work(loaded, given)
    if SLOT in os.environ:
        raise SettingsError(SLOT, "is set by the server itself; for their number set RUNPLANE_WORKERS.")
    sockets = given_sockets(os.environ) or listen_sockets(loaded.settings.host, loaded.settings.port)
    with contextlib.ExitStack() as stack:
        for it in sockets:
            stack.enter_context(it)
        if loaded.settings.workers == 1:
            return _alone(loaded, sockets, reload, say)
        return _supervise(loaded, sockets, reload, say)


def _work(loaded: Loaded, given: Handover) -> int:
    _prepare()
    from runplane.server.commands.worker import work  # noqa: PLC0415

    _make_data_dir(loaded)
    work(loaded, given)
    return 0


def _alone(loaded: Loaded, sockets: list[socket.socket], reload: Reload, say: Say) -> int:
    """Serve in this process; once SIGHUP has put workers in its place, supervise them."""
    _prepare()
    from runplane.server.commands.alone import Alone  # noqa: PLC0415

    _make_data_dir(loaded)
    successors = Alone(loaded, sockets, reload, say).serve()
    if successors is None:
        return 0
    from runplane.server.commands.supervisor import Supervisor  # noqa: PLC0415

    async def run() -> int:
        supervisor = Supervisor(successors.settings, sockets, successors.run_dir, reload=reload, say=say)
        return await supervisor.run(successors.children)

    return asyncio.run(run())


def _supervise(loaded: Loaded, sockets: list[socket.socket], reload: Reload, say: Say) -> int:
    from runplane.server.commands.supervisor import Supervisor, make_run_dir  # noqa: PLC0415

    listen(sockets)
    _make_data_dir(loaded)

    async def run() -> int:
        return await Supervisor(loaded.settings, sockets, make_run_dir(), reload=reload, say=say).run()

    return asyncio.run(run())


def _prepare() -> None:
    """What a process that serves does before it loads the server."""
    _return_large_blocks()
    # modules stay: to look for garbage among them takes a seventh of a start (`worker.run` ends this)
    gc.disable()


def _return_large_blocks() -> None:
    """Have glibc give the 19 MiB of a password hash back to the system: it keeps such blocks after the first.

    Does nothing with another C library.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)


def _make_data_dir(loaded: Loaded) -> None:
    path = loaded.settings.data_dir
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise SettingsError(
            loaded.where("data_dir"), f"the folder {path} cannot be made: {reason}."
        ) from error
