"""`runplane serve`: from settings to a listening server, in this process.

The socket is bound before the database is opened: a port that is taken then changes nothing on disk, and with
`port = 0` the public address is known before anything is built on it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Generator

import structlog
import uvicorn

from runplane.server import logs
from runplane.server.app import App, build
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.opening import explained
from runplane.server.http.server import DeadlineProtocol
from runplane.server.settings import Loaded, Settings, SettingsError

_BACKLOG = 2048
# <malloc.h>
_M_MMAP_THRESHOLD = -3
# Requests get this long to finish. With what follows it fits into the ten seconds that `docker stop` waits.
_SHUTDOWN_SECONDS = 8


class _Server(uvicorn.Server):
    """uvicorn that says when it listens."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._announce()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals ask the server to stop, and it ends with 0.

        uvicorn would have the process die of the signal once it has stopped, and whoever runs it would read
        that as a failure.
        """
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def serve(loaded: Loaded, say: Callable[[str], None]) -> None:
    """Serve until a signal ends the process; `say` gets the welcome once requests are accepted.

    Raises SettingsError for settings that cannot work here, CommandFailed for what may work later.
    """
    settings = loaded.settings
    # Keys and data are nobody else's business, also in a folder that existed before.
    os.umask(0o077)
    _return_large_blocks()
    logs.configure(settings.log.level, settings.log.format)
    sockets = listen_sockets(settings.host, settings.port)
    with contextlib.ExitStack() as stack:
        for it in sockets:
            stack.enter_context(it)
        _make_data_dir(loaded)
        app = open_app(loaded, settings.listening_on(sockets[0].getsockname()[1]))
        _run(app, sockets, say)


def _return_large_blocks() -> None:
    """Have glibc give the 19 MiB of a password hash back to the system: it keeps such blocks after the first.

    Does nothing with another C library.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1024 * 1024)


def _run(app: App, sockets: list[socket.socket], say: Callable[[str], None]) -> None:
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws="none",
        lifespan="on",
        backlog=_BACKLOG,
        access_log=app.settings.log.requests,
        log_config=None,
        server_header=False,
        # The kernel reads X-Forwarded-For itself, from trusted proxies only.
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    log = structlog.get_logger("serve")

    def announce() -> None:
        log.info("listening", addresses=[_shown(it) for it in sockets], public_url=app.settings.public_url)
        say(app.welcome())

    try:
        with contextlib.suppress(KeyboardInterrupt):
            _Server(config, announce).run(sockets=sockets)
    except OSError as error:
        # Two processes may bind one port; the second learns of it when it begins to listen.
        if error.errno != errno.EADDRINUSE:
            raise
        raise _taken(app.settings.host, app.settings.port) from None


def open_app(loaded: Loaded, settings: Settings) -> App:
    """The server over `settings`, with every reason why it cannot start told in one sentence."""
    with explained(loaded, settings):
        return build(settings)


def listen_sockets(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of `host`, on one port: `port`, or a free one for 0.

    They do not accept connections yet. Raises CommandFailed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise CommandFailed(f"The address {host} is not known here; set RUNPLANE_HOST to another.") from None
    sockets: list[socket.socket] = []
    problem: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(_bound(family, (address[0], port, *address[2:])))
            port = sockets[0].getsockname()[1]
        except OSError as error:
            problem = error
            # A name may stand for addresses of a kind that this machine lacks.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if sockets and (problem is None or problem.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)):
        return sockets
    for it in sockets:
        it.close()
    raise _refused(host, port, problem)


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _shown(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(host: str, port: int, problem: OSError | None) -> CommandFailed:
    if problem is not None and problem.errno == errno.EADDRINUSE:
        return _taken(host, port)
    if problem is not None and problem.errno == errno.EACCES:
        return CommandFailed(f"Port {port} is for privileged processes; set RUNPLANE_PORT to one above 1023.")
    return CommandFailed(f"{host} is not an address of this machine; set RUNPLANE_HOST to one that is.")


def _taken(host: str, port: int) -> CommandFailed:
    return CommandFailed(f"Port {port} of {host} is in use; set RUNPLANE_PORT (or --port) to another one.")


def _make_data_dir(loaded: Loaded) -> None:
    path = loaded.settings.data_dir
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise SettingsError(
            loaded.where("data_dir"), f"the folder {path} cannot be made: {reason}."
        ) from error
