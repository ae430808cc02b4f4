"""Requests that two readers would cut differently: 400, the connection ends, and nothing behind them runs.

Each request is followed by a DELETE of a service account with an administrator's token. If the server took
any part of the bytes for a second request, the account would be gone; and there is never a second answer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hardening.wire import Said, converse, say
from support.server import Server

POST = b"POST /api/v1/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nhost: x\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"

# Two lengths, or a length and chunks: whoever stands in front may have believed the other one.
LENGTHS = {
    "length, then chunks": POST + b"content-length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks, then length": POST + CHUNKED + b"content-length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "the same length twice": POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"content-length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"content-length: +2\r\n\r\n{}",
    "a negative length": POST + b"content-length: -2\r\n\r\n{}",
    "a hexadecimal length": POST + b"content-length: 0x2\r\n\r\n{}",
    "a length with a gap": POST + b"content-length: 0 2\r\n\r\n{}",
    "no number for a length": POST + b"content-length: two\r\n\r\n{}",
    "an empty length": POST + b"content-length: \r\n\r\n{}",
    "a length too large for any machine": POST + b"content-length: 99999999999999999999999\r\n\r\n{}",
    "length of a GET, and chunks": GET + b"content-length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
}
CODINGS = {
    "an unknown coding": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding behind chunks": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": POST + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "two codings": POST + CHUNKED + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "a quoted coding": POST + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a vertical tab before it": POST + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a gap before the colon": POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
}
CHUNKS = {
    "a size that is no number": POST + CHUNKED + b"\r\nxyz\r\n{}\r\n0\r\n\r\n",
    "a signed size": POST + CHUNKED + b"\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a negative size": POST + CHUNKED + b"\r\n-2\r\n{}\r\n0\r\n\r\n",
    "a size with 0x": POST + CHUNKED + b"\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "a size with a gap inside": POST + CHUNKED + b"\r\n0 2\r\n{}\r\n0\r\n\r\n",
    "a size past 64 bits": POST + CHUNKED + b"\r\n10000000000000002\r\n{}\r\n0\r\n\r\n",
    "an empty size": POST + CHUNKED + b"\r\n\r\n{}\r\n0\r\n\r\n",
    "a chunk longer than it says": POST + CHUNKED + b"\r\n2\r\n{}}}\r\n0\r\n\r\n",
    "a bare line feed behind a size": POST + CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n",
    "a bare line feed behind a chunk": POST + CHUNKED + b"\r\n2\r\n{}\n0\r\n\r\n",
    "a carriage return in an extension": POST + CHUNKED + b"\r\n2;a\rb\r\n{}\r\n0\r\n\r\n",
    "a line feed in an extension": POST + CHUNKED + b"\r\n2;a\nb\r\n{}\r\n0\r\n\r\n",
    "a NUL in an extension": POST + CHUNKED + b"\r\n2;a\0b\r\n{}\r\n0\r\n\r\n",
}
LINES = {
    "bare line feeds": b"GET /healthz HTTP/1.1\nhost: x\n\n",
    "one bare line feed": GET + b"a: b\nc: d\r\n\r\n",
    "a bare carriage return": GET + b"a: b\rc: d\r\n\r\n",
    "a folded header": GET + b"a: b\r\n c: d\r\n\r\n",
    "a folded header by tab": GET + b"a: b\r\n\tc: d\r\n\r\n",
    "a header before the first": b"GET /healthz HTTP/1.1\r\n host: x\r\n\r\n",
    "a gap before the colon": b"GET /healthz HTTP/1.1\r\nhost : x\r\n\r\n",
    "a header without a colon": GET + b"nothing\r\n\r\n",
    "a header without a name": GET + b": nothing\r\n\r\n",
    "a NUL in a name": GET + b"a\0b: c\r\n\r\n",
    "a NUL in a value": GET + b"a: b\0c\r\n\r\n",
    "a control in a name": GET + b"a\x01b: c\r\n\r\n",
    "a control in a value": GET + b"a: b\x01c\r\n\r\n",
    "a delete in a value": GET + b"a: b\x7fc\r\n\r\n",
    "a line feed in the address": b"GET /health\nz HTTP/1.1\r\nhost: x\r\n\r\n",
    "a NUL in the address": b"GET /health\0z HTTP/1.1\r\nhost: x\r\n\r\n",
    "a gap in the address": b"GET /health z HTTP/1.1\r\nhost: x\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 0.9": b"GET /healthz HTTP/0.9\r\nhost: x\r\n\r\n",
    "version 2.0": b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n",
    "version 1.10": b"GET /healthz HTTP/1.10\r\nhost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in lower case": b"get /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "junk": b"\xff\xfe\xfd\xfc\r\n\r\n",
}
EVERYTHING = {
    f"{kind}: {name}": data
    for kind, group in (("lengths", LENGTHS), ("codings", CODINGS), ("chunks", CHUNKS), ("lines", LINES))
    for name, data in group.items()
}


@pytest.fixture(scope="module")
def victim(server: Server) -> bytes:
    """An account's address, which a smuggled request would delete."""
    made = server.admin.post("/api/v1/service-accounts", json={"name": "in-danger"}).json()
    return b"/api/v1/service-accounts/" + made["id"].encode()


@pytest.fixture
def behind(server: Server, victim: bytes) -> Iterator[bytes]:
    """The request that must not run; what it would delete must be there afterwards."""
    token = server.admin.headers["authorization"].encode()
    yield b"DELETE " + victim + b" HTTP/1.1\r\nhost: x\r\nauthorization: " + token + b"\r\n\r\n"
    assert server.admin.get(victim.decode()).status_code == 200, "a smuggled request was executed"


@pytest.mark.clause("http.unclear-requests")
@pytest.mark.parametrize("name", EVERYTHING)
def test_an_unclear_request_is_refused_and_the_connection_ends(
    server: Server, behind: bytes, name: str
) -> None:
    said = converse(server, EVERYTHING[name] + behind)
    assert said.statuses == [400], said.raw[:300]
    assert said.closed
    assert b"connection: close" in said.head


@pytest.mark.clause("http.unclear-requests")
@pytest.mark.parametrize("name", EVERYTHING)
def test_nor_does_it_matter_where_the_packets_end(server: Server, behind: bytes, name: str) -> None:
    data = EVERYTHING[name] + behind
    said = say(server, *(data[at : at + 1] for at in range(90)), data[90:])
    # none where the connection broke under what we still sent; that nothing ran is what counts
    assert said.statuses in ([400], []), said.raw[:300]
    assert said.closed


def test_a_request_that_is_clear_is_answered(server: Server, victim: bytes) -> None:
    """The counterpart: on the same way a good request arrives, also one in chunks, and two of them."""
    token = server.admin.headers["authorization"].encode()
    read = b"GET " + victim + b" HTTP/1.1\r\nhost: x\r\nauthorization: " + token + b"\r\n\r\n"
    chunked = POST + CHUNKED + b"\r\n2;note=fine\r\n{}\r\n0\r\n\r\n"
    assert converse(server, chunked + read, answers=2).statuses == [400, 200]
    assert b"content-length" in say(server, read).head


def one_answer(said: Said) -> int:
    (status,) = said.statuses
    return status


def test_another_host_in_the_address_moves_nothing(server: Server) -> None:
    """Absolute form: the address of the request line is no address of ours, and no proxy is here."""
    metadata = "/auth/realms/runai/.well-known/openid-configuration"
    for host in ("evil.example", "evil.example:8080", "user@evil.example"):
        said = say(server, f"GET http://{host}{metadata} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        status = one_answer(said)
        assert status in (200, 400, 404)
        assert b"evil" not in said.raw
        assert status != 200 or server.url.encode() in said.raw


@pytest.mark.parametrize(
    "line", [b"CONNECT evil.example:443 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET evil HTTP/1.1"]
)
def test_what_only_a_proxy_would_serve_is_refused(server: Server, line: bytes) -> None:
    said = say(server, line + b"\r\nhost: x\r\n\r\n")
    assert one_answer(said) in (400, 404, 405)


@pytest.mark.clause("http.one-host")
@pytest.mark.parametrize("host", [b"host: a\r\nhost: b\r\n", b"", b"host: a\r\nHost: a\r\n"])
def test_one_host_is_named(server: Server, host: bytes) -> None:
    """RFC 9112, 3.2: none or several in HTTP/1.1 is a 400."""
    assert one_answer(say(server, b"GET /api/v1/session/options HTTP/1.1\r\n" + host + b"\r\n")) == 400


def test_an_upgrade_is_not_taken_up(server: Server, behind: bytes) -> None:
    """Whoever stands in front and believes in a tunnel must not be able to send requests through it."""
    for name in (b"websocket", b"h2c"):
        head = GET + b"connection: upgrade\r\nupgrade: " + name + b"\r\nsec-websocket-key: a\r\n\r\n"
        assert 101 not in say(server, head).statuses


def test_pipelined_junk_ends_the_connection(server: Server, behind: bytes) -> None:
    """The good request before it may be answered; the one behind it never is."""
    said = say(server, GET + b"\r\n" + b"\0junk\r\n\r\n" + behind)
    assert said.statuses[-1] == 400
    assert said.statuses[:-1] in ([], [200])
