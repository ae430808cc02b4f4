"""`runplane healthcheck`: asks the server on this host whether it is well, for containers without curl.

It finds the server through the same settings, so what it asks is what was configured; nothing is opened but
one connection.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from typing import Final

from runplane.server.commands.failures import CommandFailed
from runplane.server.settings import Loaded, SettingsError

_SECONDS: Final = 5.0
# listening on every address is asked for at this one
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def healthcheck(loaded: Loaded, say: Callable[[str], None], *, alive: bool) -> None:
    """Ask `/readyz`, or `/healthz` if `alive`.

    Raises SettingsError, and CommandFailed unless the answer is 200.
    """
    settings = loaded.settings
    if settings.port == 0:
        raise SettingsError(loaded.where("port"), "must be a fixed port to ask the server there.")
    path = "/healthz" if alive else "/readyz"
    host = _LOOPBACK.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        reason = "it took too long" if isinstance(error, socket.timeout) else "it cannot be reached"
        raise CommandFailed(f"No answer from the server on port {settings.port}: {reason}.") from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise CommandFailed(f"The server on port {settings.port} answers {path} with {status}.")
    say("alive" if alive else "ready")
