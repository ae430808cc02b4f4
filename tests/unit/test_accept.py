"""Connections on one socket are shared out between those who accept on it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runplane.server.http.accept import Acceptor, Shares

COUNTS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6)


@given(counts=COUNTS)
def test_ahead_is_who_has_more_than_another(tmp_path_factory: object, counts: list[int]) -> None:
    folder: Path = tmp_path_factory.mktemp("shares")  # type: ignore[attr-defined]
    shares = [Shares(folder / "connections", slot, len(counts)) for slot in range(len(counts))]
    for mine, connections in zip(shares, counts, strict=True):
        mine.is_ahead(connections)
    found = [mine.is_ahead(connections) for mine, connections in zip(shares, counts, strict=True)]
    assert found == [connections > min(counts) for connections in counts]


def test_a_worker_more_than_there_were_finds_room(tmp_path: Path) -> None:
    first = Shares(tmp_path / "connections", 0, 1)
    assert not first.is_ahead(5)
    second = Shares(tmp_path / "connections", 1, 2)
    assert not second.is_ahead(5)
    assert second.is_ahead(6)


def test_connections_at_once_go_to_everybody(tmp_path: Path) -> None:
    asyncio.run(_share(tmp_path / "connections", stuck=False))


def test_who_does_not_accept_keeps_nothing_from_others(tmp_path: Path) -> None:
    asyncio.run(_share(tmp_path / "connections", stuck=True))


async def _share(file: Path, *, stuck: bool) -> None:
    """Two accept on one socket, or one of them is there and does nothing."""
    made: list[list[asyncio.Protocol]] = [[], []]

    def protocol(slot: int) -> asyncio.Protocol:
        made[slot].append(asyncio.Protocol())
        return made[slot][-1]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        copies = [listener.dup() for _ in range(1 if stuck else 2)]
        acceptors = [
            Acceptor(it, lambda slot=slot: protocol(slot), Shares(file, slot, 2), lambda s=slot: len(made[s]))
            for slot, it in enumerate(copies)
        ]
        opened = [await asyncio.open_connection(*listener.getsockname()) for _ in range(40)]
        async with asyncio.timeout(30):
            while sum(map(len, made)) < len(opened):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)
        for it in acceptors:
            it.close()
        for it in copies:
            it.close()
        for _, writer in opened:
            writer.close()
    assert [len(it) for it in made] == [40, 0] if stuck else min(map(len, made)) >= 15
