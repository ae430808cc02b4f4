"""Bytes on a socket and the answers that come back, taken apart without an HTTP library.

A library would repair or refuse what these tests send, and would stop reading after the first answer.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Any

_SECONDS = 30.0
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n")


@dataclass(frozen=True)
class Said:
    """Everything a connection brought back, and whether the server ended it."""

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer, in order."""
        return [int(code) for code in _STATUS.findall(self.raw)]

    @property
    def head(self) -> bytes:
        """The headers of the first answer, in lower case."""
        return self.raw.partition(b"\r\n\r\n")[0].lower()


def say(server: Any, *pieces: bytes) -> Said:
    """Send the pieces one after the other, then end our half and read until the server has ended its own.

    Ending our half lets a server that waits for more say so at once, so that no test waits for a time-out.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=_SECONDS) as connection:
        # one packet for each piece
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                found += chunk
        except TimeoutError:
            return Said(found, closed=False)
        except OSError:
            # refused while we still sent: what had arrived before counts
            return Said(found, closed=True)
    return Said(found, closed=True)


def converse(server: Any, data: bytes, answers: int | None = None) -> Said:
    """Send and keep our half open: `closed` then says that the server ended the connection by itself.

    Reads until the server closes, or until as many answers have begun as are expected.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=_SECONDS) as connection:
        found = b""
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                found += chunk
                if answers is not None and len(_STATUS.findall(found)) >= answers:
                    return Said(found, closed=False)
        except TimeoutError:
            return Said(found, closed=False)
        except ConnectionError:
            return Said(found, closed=True)
    return Said(found, closed=True)
