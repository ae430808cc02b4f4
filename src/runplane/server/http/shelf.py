"""Files that stay the same while the process runs: kept in memory once somebody has asked, with a tag each.

Made on a thread, because reading a file or writing the OpenAPI document takes longer than the event loop may
be held; not made ahead, because most processes are never asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.http.call import Call
from runplane.server.http.operation import Reply

Headers = tuple[tuple[bytes, bytes], ...]
# A browser asks again each time and gets it only after an upgrade.
ASK_AGAIN: Final[Headers] = ((b"cache-control", b"no-cache"),)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes and the tag a browser asks about them with."""

    data: bytes
    media_type: bytes
    etag: bytes


class Shelf:
    """Content by name. `make` gives the bytes and the media type of a name; what it raises is not kept."""

    def __init__(self, make: Callable[[str], tuple[bytes, bytes]]) -> None:
        self._make = make
        self._made: dict[str, Content] = {}
        self._lock = threading.Lock()

    async def content(self, name: str) -> Content:
        """The content of a name, made now if nobody has asked before."""
        return self._made.get(name) or await asyncio.to_thread(self._get, name)

    async def reply(self, name: str, call: Call[Any], headers: Headers = ASK_AGAIN) -> Reply:
        """The content with `headers`, or 304 for a browser that has it."""
        content = await self.content(name)
        told = (*headers, (b"etag", content.etag))
        known = [it.strip().removeprefix("W/") for it in call.request.header(b"if-none-match").split(",")]
        if content.etag.decode("ascii") in known:
            return Reply(b"", 304, told)
        return Reply(content.data, headers=told, media_type=content.media_type)

    def _get(self, name: str) -> Content:
        with self._lock:
            found = self._made.get(name)
            if found is None:
                data, media_type = self._make(name)
                digest = hashlib.sha256(data).hexdigest()[:32]
                found = self._made[name] = Content(data, media_type, f'"{digest}"'.encode("ascii"))
        return found
