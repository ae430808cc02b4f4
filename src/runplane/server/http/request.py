"""What the kernel reads of an ASGI request: headers once, the body with a bound, the caller's address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from runplane.server.core.errors import Invalid, TooLarge, UnsupportedMedia

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Network = IPv4Network | IPv6Network

MAX_BODY = 1024 * 1024
# Parsing a megabyte of hostile JSON costs the event loop 0.1 s: what strangers may send is small.
MAX_PUBLIC_BODY = 64 * 1024


class Disconnected(Exception):
    """The client left before its request was complete."""


class Request:
    """One request. Header names are lower case; of a repeated header the last one is kept."""

    __slots__ = ("headers", "method", "path", "query_string", "source_ip")

    def __init__(self, scope: Scope, trusted: Sequence[Network] = ()) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        raw: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers = dict(raw)
        client = scope.get("client")
        self.source_ip: str = client[0] if client else ""
        if trusted and client:
            self.source_ip = _forwarded_for(
                self.source_ip, self.headers.get(b"x-forwarded-for", b""), trusted
            )
        if len(self.headers) != len(raw):
            _refuse_repeated(raw)

    def header(self, name: bytes) -> str:
        """A header as text, empty when absent."""
        return self.headers.get(name, b"").decode("latin-1")


def _refuse_repeated(raw: list[tuple[bytes, bytes]]) -> None:
    # Two readers that pick different ones of two credentials is how checks get bypassed.
    for name in (b"authorization", b"host", b"content-type", b"content-length", b"idempotency-key"):
        if sum(1 for key, _ in raw if key == name) > 1:
            raise Invalid(f"The header {name.decode()} may be given once only.")


def _forwarded_for(peer: str, header: bytes, trusted: Sequence[Network]) -> str:
    """The nearest address that is not one of our own proxies."""
    hops = [hop.strip() for hop in header.decode("latin-1").split(",") if hop.strip()]
    address = peer
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    try:
        return str(ip_address(address))
    except ValueError:
        return peer


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


def require_json(request: Request) -> None:
    """Refuse a body that does not say it is JSON: a browser form must not be able to post one."""
    kind = request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if kind != b"application/json" and not kind.endswith(b"+json"):
        raise UnsupportedMedia("Send the body as JSON, with the header Content-Type: application/json.")


async def read_body(request: Request, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises TooLarge past `limit` bytes, before reading on when the length was declared."""
    if b"content-encoding" in request.headers and request.headers[b"content-encoding"] != b"identity":
        raise UnsupportedMedia("Send the body without Content-Encoding.")
    declared = request.headers.get(b"content-length")
    if declared is not None and (not declared.isdigit() or int(declared[:20]) > limit):
        raise TooLarge(f"The body may have at most {limit} bytes.")
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        if len(body) > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        return body
    chunks = [body]
    size = len(body)
    while message["type"] == "http.request" and message.get("more_body", False):
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        chunks.append(chunk)
    if message["type"] != "http.request":
        raise Disconnected
    return b"".join(chunks)
