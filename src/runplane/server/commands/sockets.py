"""The sockets a server listens on: bound here, or handed over by systemd.

A socket outlives the process that accepts on it for as long as anybody holds it, and the system queues
connections on it meanwhile. That is what restarts without a refused connection rest on.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping
from typing import Final

from runplane.server.commands.failures import CommandFailed

BACKLOG: Final = 2048
# as the manual page sd_listen_fds(3) has it
_FIRST_GIVEN: Final = 3
_GIVEN: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def given_sockets(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """The sockets that systemd opened for this process (sd_listen_fds(3)); none without socket activation.

    Takes the variables out of `environ`: they are not for the processes started from here. Raises
    CommandFailed for a socket that HTTP over TCP cannot be served on.
    """
    pid, number, _ = (environ.pop(name, "") for name in _GIVEN)
    if pid != str(os.getpid()) or not number.isdecimal():
        return []
    return adopt(range(_FIRST_GIVEN, _FIRST_GIVEN + int(number)))


def adopt(descriptors: range | list[int]) -> list[socket.socket]:
    """The sockets behind inherited descriptors. Raises CommandFailed for what is no listening TCP socket."""
    found: list[socket.socket] = []
    for number in descriptors:
        try:
            it = socket.socket(fileno=number)
            it.set_inheritable(False)
            listens = bool(it.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        except OSError:
            raise CommandFailed(f"Descriptor {number} was handed over and is not an open socket.") from None
        if it.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
            raise CommandFailed(
                f"Descriptor {number} was handed over and is not a listening TCP socket; use ListenStream= "
                "with a port, and Accept=no."
            )
        found.append(it)
    return found


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


def listen(sockets: list[socket.socket]) -> None:
    """Have connections queue from now on. Raises CommandFailed where another process has the port."""
    for it in sockets:
        try:
            it.listen(BACKLOG)
        except OSError as error:
            # Two processes may bind one port; the second learns of it when it begins to listen.
            if error.errno != errno.EADDRINUSE:
                raise
            host, port = it.getsockname()[:2]
            raise taken(host, port) from None


def shown(sockets: list[socket.socket]) -> list[str]:
    """The addresses of sockets as a person writes them."""
    return [_shown(*it.getsockname()[:2]) for it in sockets]


def taken(host: str, port: int) -> CommandFailed:
    """The refusal of a port that another process listens on."""
    return CommandFailed(f"Port {port} of {host} is in use; set RUNPLANE_PORT (or --port) to another one.")


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


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refused(host: str, port: int, problem: OSError | None) -> CommandFailed:
    if problem is not None and problem.errno == errno.EADDRINUSE:
        return taken(host, port)
    if problem is not None and problem.errno == errno.EACCES:
        return CommandFailed(f"Port {port} is for privileged processes; set RUNPLANE_PORT to one above 1023.")
    return CommandFailed(f"{host} is not an address of this machine; set RUNPLANE_HOST to one that is.")
