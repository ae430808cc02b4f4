"""What the kernel reads of a request: whose address it believes, which headers, how much of a body."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from runplane.server.core.errors import Invalid, TooLarge, UnsupportedMedia
from runplane.server.http.request import Disconnected, Network, Request, read_body, require_json

PROXIES: list[Network] = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def request(*headers: tuple[str, str], client: str | None = "10.0.0.1", trusted: bool = True) -> Request:
    scope: dict[str, Any] = {
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": (client, 1234) if client is not None else None,
    }
    return Request(scope, PROXIES if trusted else ())


@pytest.mark.parametrize(
    ("client", "forwarded", "source"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        # what stands left of the first stranger was written by the stranger
        ("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.2.2.2", "203.0.113.9"),
        ("10.0.0.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense, 10.2.2.2", "10.0.0.1"),
        ("fd00::1", "2001:DB8::7", "2001:db8::7"),
        ("203.0.113.1", "198.51.100.7", "203.0.113.1"),
        ("unix-socket", "198.51.100.7", "unix-socket"),
    ],
)
def test_forwarded_addresses(client: str, forwarded: str, source: str) -> None:
    assert request(("x-forwarded-for", forwarded), client=client).source_ip == source


@pytest.mark.clause("http.trusted-proxies")
def test_nobody_is_believed_unless_trusted() -> None:
    header = ("x-forwarded-for", "198.51.100.7")
    assert request(header, trusted=False).source_ip == "10.0.0.1"
    assert request(header, client=None).source_ip == ""


@pytest.mark.parametrize("name", ["authorization", "host", "content-type", "content-length"])
def test_headers_that_may_come_once_only(name: str) -> None:
    with pytest.raises(Invalid, match=name):
        request((name, "a"), (name, "a"))


def test_other_headers_may_be_repeated_and_the_last_counts() -> None:
    found = request(("accept", "a"), ("accept", "b"))
    assert found.header(b"accept") == "b"
    assert found.header(b"x-none") == ""


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/a+json"]
)
def test_json_content_types(kind: str) -> None:
    require_json(request(("content-type", kind)))


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/jsonp", "multipart/form-data; a=application/json"]
)
def test_other_content_types(kind: str) -> None:
    with pytest.raises(UnsupportedMedia):
        require_json(request(("content-type", kind)))


def read(*messages: dict[str, Any], headers: list[tuple[str, str]] | None = None) -> bytes:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return asyncio.run(read_body(request(*(headers or [])), receive, 10))


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


def test_bodies_whole_and_in_parts() -> None:
    assert read(part(b"")) == b""
    assert read(part(b"0123456789")) == b"0123456789"
    assert read(part(b"01234", more=True), part(b"56789", more=True), part(b"")) == b"0123456789"
    assert read(part(b"x"), headers=[("content-encoding", "identity"), ("content-length", "1")]) == b"x"


@pytest.mark.parametrize(
    "messages", [(part(b"0123456789a"),), (part(b"01234", more=True), part(b"56789a", more=True))]
)
def test_bodies_too_large_stop_the_reading(messages: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(TooLarge):
        read(*messages)


@pytest.mark.parametrize("length", ["11", "1e1", "-1", "9" * 400, "\u0660"])
def test_declared_lengths_are_believed_before_reading(length: str) -> None:
    with pytest.raises(TooLarge):
        read(headers=[("content-length", length)])


def test_packed_bodies_are_refused_before_reading() -> None:
    with pytest.raises(UnsupportedMedia):
        read(headers=[("content-encoding", "gzip")])


@pytest.mark.parametrize("messages", [(GONE,), (part(b"0", more=True), GONE)])
def test_half_a_body_is_no_body(messages: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(Disconnected):
        read(*messages)
