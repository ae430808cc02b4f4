"""What every way of a notice has: how it is asked to deliver, and how it tells what went wrong.

The addresses are the operator's, so unlike those of trusts they may lie anywhere, the own machine included.
None is ever logged whole: the address of a webhook often holds a secret.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final, Protocol

from runplane.server.notices.model import Notice

_SHOWN: Final = 200


class NotDelivered(Exception):
    """The other end did not take a notice. One sentence for the operator, without any secret."""


class Channel(Protocol):
    """A way to deliver notices."""

    @property
    def name(self) -> str:
        """As it is stored and logged."""
        ...

    @property
    def target(self) -> str:
        """Where it leads, without anything secret."""
        ...

    async def send(self, notice: Notice) -> str:
        """Deliver; returns what the other end answered. Raises NotDelivered."""
        ...


def shown(data: bytes) -> str:
    """The beginning of what somebody else said, as one printable line."""
    text = data[:_SHOWN].decode("utf-8", "replace")
    return " ".join("".join(it if it.isprintable() else " " for it in text).split())


def tls(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that checks certificates, by the system's authorities and those of a file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def why(target: str, error: BaseException) -> str:
    """A sentence for a connection that failed, with what can be done where that is known."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {target} is not trusted; notices.ca_file can add its authority."
        if isinstance(cause, ssl.SSLError):
            return f"{target} does not speak TLS as it was asked to."
        if isinstance(cause, ConnectionRefusedError):
            return f"Nothing listens at {target}."
        cause = cause.__cause__ or cause.__context__
    return f"{target} cannot be reached, or ended the connection."
