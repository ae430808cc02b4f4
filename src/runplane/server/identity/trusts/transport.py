"""How httpcore connects for us: to addresses that were looked at, and by no other resolution.

A module of its own, because only a server that has trusts ever imports httpcore.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, cast

import httpcore


class ResolvingBackend(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that `resolve` (port → addresses) gives, the first that answers. TLS still
    names and checks the host."""

    def __init__(self, resolve: Callable[[int], Awaitable[Sequence[str]]]) -> None:
        self._resolve = resolve
        self._plain = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self._resolve(port):
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                # an address of a family that this machine cannot reach, perhaps
                failure = error
        raise failure
