"""One serving process, alone or under a supervisor: from a database and sockets to requests answered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import shutil
import signal
import socket
from collections.abc import Callable

import msgspec
import uvicorn

from runplane.server.app import App, build
from runplane.server.commands.handover import Handover
from runplane.server.commands.opening import explained
from runplane.server.commands.sockets import BACKLOG, taken
from runplane.server.http.accept import Shares
from runplane.server.http.capacity import allowed
from runplane.server.http.drain import DrainingServer
from runplane.server.http.server import KEEP_ALIVE_SECONDS, limited
from runplane.server.settings import Loaded, Settings

Listening = Callable[[DrainingServer, App], None]


def open_app(loaded: Loaded, settings: Settings) -> App:
    """The server over `settings`, with every reason why it cannot start told in one sentence."""
    with explained(loaded, settings):
        return build(settings)


def run(
    loaded: Loaded, sockets: list[socket.socket], listening: Listening, shares: Shares | None = None
) -> None:
    """Serve on copies of `sockets` until a signal; `listening` is called on the event loop once it does.

    From that moment garbage is collected, among what comes after it. `shares` is there if other processes
    serve on the same sockets. Raises SettingsError for settings that cannot work here, CommandFailed for what
    may work later.
    """
    app = open_app(loaded, loaded.settings.listening_on(sockets[0].getsockname()[1]))

    def begun(it: DrainingServer) -> None:
        _collect_from_now_on()
        listening(it, app)

    config = uvicorn.Config(
        app,
        http=limited(allowed(app.settings.connections)),
        ws="none",
        lifespan="on",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        access_log=app.settings.log.requests,
        log_config=None,
        server_header=False,
        # The kernel reads X-Forwarded-For itself, from trusted proxies only.
        proxy_headers=False,
    )
    server = DrainingServer(
        config,
        drain_seconds=app.settings.drain_seconds,
        listening=begun,
        stopping=app.stop_soon,
        let_go=lambda: _close(sockets),
        shares=shares,
    )
    # uvicorn closes what it is given, and the originals may be needed for a successor
    copies = [it.dup() for it in sockets]
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=copies)
    except OSError as error:
        # Two processes may bind one port; the second learns of it when it begins to listen.
        if error.errno != errno.EADDRINUSE:
            raise
        raise taken(*sockets[0].getsockname()[:2]) from None
    finally:
        _close(copies)


def _collect_from_now_on() -> None:
    """Collect garbage, but never look at what a start has made.

    Those 100,000 objects stay as long as the process; each full collection stopped every request for 80 ms
    to find that out, and takes 5 ms without them.
    """
    gc.freeze()
    gc.enable()


def work(loaded: Loaded, given: Handover) -> None:
    """Serve for a supervisor until it says otherwise, ends, or a signal comes. Raises as `run`."""
    # It comes from a terminal that closes; the supervisor decides what it means.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    orphaned = False

    def listening(server: DrainingServer, app: App) -> None:
        def heard() -> None:
            nonlocal orphaned
            # a word means that another worker serves; its end, that the supervisor is gone
            orphaned = not _received(given.link)
            asyncio.get_running_loop().remove_reader(given.link)
            server.leave(replaced=not orphaned)

        asyncio.get_running_loop().add_reader(given.link, heard)
        with contextlib.suppress(OSError):
            given.link.sendall(msgspec.json.encode(app.welcome()) + b"\n")

    shares = Shares(given.run_dir / "connections", given.slot, loaded.settings.workers)
    run(loaded, given.sockets, listening, shares)
    if orphaned:
        # nobody else is left to do it
        shutil.rmtree(given.run_dir, ignore_errors=True)


def _close(sockets: list[socket.socket]) -> None:
    for it in sockets:
        it.close()


def _received(link: socket.socket) -> bytes:
    try:
        return link.recv(64)
    except OSError:
        return b""
