"""A tenant that floods the server: a program of its own, so that it takes nothing from the client beside it.

Run it with a JSON object on standard input: `port`, `seconds`, and `loads`, each with `requests` (raw texts
that are sent in turn), `connections`, and `per_second` for all of these connections together (0: as fast as
answers come). It prints, as JSON, how often each status came, per load.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from subprocess import PIPE, Popen
from typing import Any


def request(method: str, path: str, *, token: str = "", host: str = "127.0.0.1", body: Any = None) -> str:
    """One request as it goes over the wire."""
    content = "" if body is None else json.dumps(body)
    headers = {"host": host}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if content:
        headers |= {"content-type": "application/json", "content-length": str(len(content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n{content}"


@dataclass(frozen=True)
class Load:
    """One kind of request."""

    requests: list[str]
    connections: int
    per_second: float = 0


class Flood:
    """Loads that run until the block ends; `statuses` then says how they were answered, per load."""

    def __init__(self, port: int, loads: Mapping[str, Load]) -> None:
        self.statuses: dict[str, dict[str, int]] = {}
        self._order = {"port": port, "loads": {name: vars(load) for name, load in loads.items()}}

    def __enter__(self) -> Flood:
        self._process = Popen([sys.executable, __file__], stdin=PIPE, stdout=PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._order) + "\n")
        self._process.stdin.flush()
        # its first answers have come
        assert self._process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            # the end of its input is what ends it
            out, _ = self._process.communicate(timeout=60)
            self.statuses = json.loads(out)
        finally:
            self._process.kill()


async def _converse(
    port: int, texts: list[str], pause: float, seen: Counter[str], begun: asyncio.Event
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = time.monotonic()
    for text in cycle(texts):
        writer.write(text.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(it.partition(":")[2]) for it in lines if it.startswith("content-length:")), 0)
        await reader.readexactly(length)
        seen[lines[0].split(" ")[1]] += 1
        begun.set()
        # what could not be sent in time is sent at once: a flood does not slow down with its server
        due = max(due + pause, time.monotonic() - 1)
        await asyncio.sleep(max(0.0, due - time.monotonic()))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _main() -> None:
    order = json.loads(sys.stdin.readline())
    seen: dict[str, Counter[str]] = {}
    begun: list[asyncio.Event] = []
    tasks: list[asyncio.Task[None]] = []
    for name, load in order["loads"].items():
        seen[name] = Counter()
        many, per_second = load["connections"], load["per_second"]
        for _ in range(many):
            begun.append(asyncio.Event())
            pause = many / per_second if per_second else 0
            job = _converse(order["port"], load["requests"], pause, seen[name], begun[-1])
            tasks.append(asyncio.create_task(job))
    started = asyncio.gather(*(it.wait() for it in begun))
    await asyncio.wait([started, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if started.done():
        _say("begun")
        over = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        await asyncio.wait([over, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            # a connection that broke
            task.result()
        task.cancel()
    _say(json.dumps(seen))


if __name__ == "__main__":
    asyncio.run(_main())
