"""Fetching from addresses that others chose, without becoming their tool (OWASP SSRF, ASVS 5.0 1.3.6).

Whoever manages trusts says where this server connects to, and it stands inside a network that the manager
may not see. So: https only, one resolution, every address it gives must be public, the connection goes to the
very address that was looked at, no redirect is followed, and size and time are bounded. An operator names the
issuers of the own network in the settings.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from functools import partial
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from runplane.server.core.marks import CURRENT
from runplane.server.identity.trusts.keys import IssuerFailed

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_BYTES: Final = 256 * 1024
SECONDS: Final = 5.0
"""For a whole fetch: resolving, connecting, and every byte of the answer."""

# What is_global lets through and nobody may be sent to: metadata of clouds, protocol assignments, old relays.
_REFUSED: Final[tuple[Network, ...]] = tuple(
    ip_network(it) for it in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20")
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
# All that is assigned for the public to reach (RFC 4291 section 2.4): beyond lie local translators to IPv4,
# segment identifiers, and what nobody has been given yet, all of which is_global lets through.
_UNICAST: Final = IPv6Network("2000::/3")


class Guard:
    """Decides which addresses may be connected to.

    `internal` holds what the operator allows beside public addresses: networks (CIDR), and names of hosts. A
    named host may lie anywhere but link-local, where clouds keep their metadata.
    """

    def __init__(self, internal: Sequence[str]) -> None:
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in internal:
            try:
                self._networks.append(ip_network(entry))
            except ValueError:
                self._hosts.add(entry.lower().rstrip("."))

    def allows(self, host: str, address: Address) -> bool:
        """Whether a connection to `address`, which `host` resolved to, may be made."""
        meant = _meant(address)
        if any(it.version == meant.version and meant in it for it in self._networks):
            return True
        if host.lower().rstrip(".") in self._hosts:
            return not (meant.is_link_local or meant.is_multicast or meant.is_unspecified)
        refused = any(it.version == meant.version and meant in it for it in _REFUSED)
        reachable = isinstance(meant, IPv4Address) or meant in _UNICAST
        return reachable and meant.is_global and not meant.is_multicast and not refused


def _meant(address: Address) -> Address:
    """The address that is really reached: an IPv6 address may wrap an IPv4 one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def check_address(url: str) -> str:
    """The host of an https address. Raises IssuerFailed for any other and for one with a user."""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url or len(url) > 2000:
        raise IssuerFailed("The issuer names an address that is not a plain https address.")
    return parts.hostname or ""  # pyright: ignore[reportPossiblyUnboundVariable]


class Fetcher:
    """Gets documents from https addresses. `ca_file` holds authorities to trust beside the system's."""

    def __init__(self, internal: Sequence[str] = (), ca_file: Path | None = None) -> None:
        self._guard = Guard(internal)
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    async def get(self, url: str) -> bytes:
        """The body of an answer with status 200. Raises IssuerFailed."""
        host = check_address(url)
        try:
            async with asyncio.timeout(SECONDS):
                return await self._get(url)
        except TimeoutError:
            raise IssuerFailed(f"{host} did not answer within {SECONDS:.0f} seconds.") from None

    async def _get(self, url: str) -> bytes:
        # A server without trusts never needs it.
        import httpcore  # noqa: PLC0415

        from runplane.server.identity.trusts.transport import ResolvingBackend  # noqa: PLC0415

        host = check_address(url)
        backend = ResolvingBackend(partial(self._resolve, host))
        try:
            async with httpcore.AsyncConnectionPool(
                ssl_context=self._context(), network_backend=backend, max_connections=1
            ) as pool:
                return await self._read(pool, url, host)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise IssuerFailed(_sentence(host, error)) from None

    async def _read(self, pool: Any, url: str, host: str) -> bytes:
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "runplane"}
        marks = CURRENT.get()
        if marks is not None and marks.trace_id:
            headers["traceparent"] = marks.traceparent
        async with pool.stream("GET", url, headers=headers) as answer:
            if answer.status != 200:
                raise IssuerFailed(f"{host} answered with status {answer.status}; it must be 200.")
            body = bytearray()
            async for chunk in answer.aiter_stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise IssuerFailed(f"{host} answered more than {MAX_BYTES // 1024} KiB.")
            return bytes(body)

    async def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses to connect to. Raises IssuerFailed when any that the name has is refused."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError):
            # UnicodeError: a label that is empty or too long, as in a..b
            raise IssuerFailed(f"{host} cannot be resolved.") from None
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(self._guard.allows(host, ip_address(it)) for it in addresses):
            # which one it was is not told: names of the inner network are not to be explored
            raise IssuerFailed(
                f"{host} is not a public address; the setting trusts.internal_issuers can allow it."
            )
        return addresses

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            made = ssl.create_default_context()
            if self._ca_file is not None:
                made.load_verify_locations(self._ca_file)
            made.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls = made
        return self._tls


def _sentence(host: str, error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"The certificate of {host} is not trusted; the setting trusts.ca_file can add its authority."
            )
        cause = cause.__cause__ or cause.__context__
    return f"{host} cannot be reached over https."
