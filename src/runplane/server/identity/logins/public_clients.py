"""The OAuth clients that people sign in through: programs without a secret, known by name.

They are data and not rows: each is a program that is already on people's machines, and none can be added at
run time. None of them proves what it is, so what protects a sign-in is where the code is sent: to a listener
on the person's own machine (RFC 8252 section 7.3), or to a page of this server that shows it for copying.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

CODE_PAGE: Final = "/oauth-code"
"""The page of this server that shows a code, for terminals on another machine than the browser."""

SIGNED_OUT_PAGE: Final = "/sign-in"

_LOOPBACK_HOSTS: Final = ("127.0.0.1", "[::1]", "localhost")
# Where the listeners of kubelogin, of the older command line and of ours wait. kubelogin uses the bare host.
_LOOPBACK_PATHS: Final = ("", "/", "/callback")
_LISTENERS: Final = tuple(f"http://{host}{path}" for host in _LOOPBACK_HOSTS for path in _LOOPBACK_PATHS)
_LOOPBACK: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::([0-9]{1,5}))?(/[^?#]*)?")


@dataclass(frozen=True, slots=True)
class PublicClient:
    """A program people sign in through. `listeners` are redirect URIs without their port."""

    id: str
    name: str
    listeners: tuple[str, ...] = _LISTENERS


_ALL: Final = (
    PublicClient("runplane-cli", "runplane command line"),
    PublicClient("runai-cli", "Run:ai command line"),
    PublicClient("runai-cli-sso", "Run:ai command line with single sign-on"),
    PublicClient("cli", "Command line"),
    # what API servers of Kubernetes trust, and so what kubelogin is set up with
    PublicClient("runai", "Kubernetes command line"),
)
PUBLIC_CLIENTS: Final[Mapping[str, PublicClient]] = MappingProxyType({it.id: it for it in _ALL})


def takes_redirect(client: PublicClient, uri: str, public_url: str) -> bool:
    """Whether a code for `client` may be sent to `uri`: equal to a registered one, loopback ports excepted.

    RFC 9700 section 2.1 wants an exact comparison of text; RFC 8252 section 7.3 the exception.
    """
    return uri == f"{public_url}{CODE_PAGE}" or _is_listener(client, uri)


def takes_sign_out_redirect(client: PublicClient | None, uri: str, public_url: str) -> bool:
    """Whether a browser that was signed out may be sent to `uri`. Without a client: to this server only."""
    if uri in (public_url, f"{public_url}/", f"{public_url}{SIGNED_OUT_PAGE}"):
        return True
    return client is not None and _is_listener(client, uri)


def is_loopback(uri: str) -> bool:
    """Whether a redirect URI stays on the person's own machine."""
    return _LOOPBACK.fullmatch(uri) is not None


def _is_listener(client: PublicClient, uri: str) -> bool:
    found = _LOOPBACK.fullmatch(uri)
    if found is None:
        return False
    origin, port, path = found.groups()
    return (port is None or 0 < int(port) < 65536) and f"{origin}{path or ''}" in client.listeners
