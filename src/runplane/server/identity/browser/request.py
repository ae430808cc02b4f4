"""What a browser adds to a request: cookies, and where the page came from that sent it.

The two cookies carry the prefix `__Host-`, so that no other host, be it a neighbour of the same domain, can
plant one (RFC 6265bis section 4.1.3.2). The second is for the console's script, which sends it back as a
header: a page of another origin can make a browser send cookies, but it can read none and so fill no header.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import urlsplit

from runplane.server.core.errors import Forbidden
from runplane.server.http.request import Request

SESSION_COOKIE: Final = "__Host-runplane-session"
CSRF_COOKIE: Final = "__Host-runplane-csrf"
CSRF_HEADER: Final = b"x-csrf-token"

Header = tuple[bytes, bytes]
_CONTEXT: Final = b"runplane csrf token"
_MAX_COOKIE: Final = 200
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def session_cookie(request: Request) -> str:
    """The session cookie of a request, empty when there is none that could be ours."""
    found = ""
    for part in request.header(b"cookie").split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE:
            found = value
    return found if len(found) <= _MAX_COOKIE else ""


def csrf_token(cookie: str) -> str:
    """The token that belongs to a session cookie: who has only the token cannot make the cookie of it."""
    return hmac.new(cookie.encode("latin-1"), _CONTEXT, "sha256").hexdigest()


def require_csrf_token(request: Request, cookie: str) -> None:
    """Refuse a request that a page of another origin could have made the browser send. Raises Forbidden."""
    sent = request.headers.get(CSRF_HEADER, b"")
    if not hmac.compare_digest(sent, csrf_token(cookie).encode("ascii")):
        raise Forbidden(
            "The request lacks the token of your session; load the page again.", extra={"reason": "csrf"}
        )


def require_same_origin(request: Request, public_url: str) -> None:
    """Refuse what a page of another origin sends, a sign-in included. Raises Forbidden.

    Current browsers say where a request comes from in Sec-Fetch-Site, which no script can set; over plain
    http to other hosts than this machine they send only Origin. A request with neither comes from no browser
    that could be protected, and the token call is there for programs.
    """
    site = request.header(b"sec-fetch-site")
    if site in ("same-origin", "none"):
        return
    origin = request.header(b"origin")
    if not site and origin:
        own = (request.header(b"host").lower(), urlsplit(public_url).netloc.lower())
        if _place_of(origin) in own and origin != "null":
            return
    raise Forbidden(
        "Only the console of this server may ask for this; programs get tokens at /api/v1/token.",
        extra={"reason": "csrf"},
    )


def _place_of(origin: str) -> str | None:
    """Host and port of an Origin header, None for one that no browser sends."""
    # taken as it is: a parser of addresses would drop tabs, and so make two different texts equal
    scheme, _, place = origin.lower().partition("://")
    return place or None if scheme in ("http", "https") else None


def keeps_secure_cookies(request: Request, public_url: str) -> bool:
    """Whether the browser will keep our cookies, which it does over https and on its own machine only.

    TLS ends in front of this server, so the evidence is indirect: browsers send Sec-Fetch-Site to addresses
    they trust and to no others, and the public address is what the operator says it is.
    """
    host = request.header(b"host").lower()
    public = urlsplit(public_url)
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (
        b"sec-fetch-site" in request.headers
        or name in _LOOPBACK
        or name.endswith(".localhost")
        or (public.scheme == "https" and public.netloc.lower() == host)
    )


def set_cookies(cookie: str) -> tuple[Header, ...]:
    """Headers that give a browser its session. Without an expiry the browser forgets it when it closes."""
    shared = "; Path=/; Secure; SameSite=Lax"
    return (
        (b"set-cookie", f"{SESSION_COOKIE}={cookie}; HttpOnly{shared}".encode("ascii")),
        (b"set-cookie", f"{CSRF_COOKIE}={csrf_token(cookie)}{shared}".encode("ascii")),
    )


def clear_cookies() -> tuple[Header, ...]:
    """Headers that take both cookies away."""
    gone = "=; Max-Age=0; Path=/; Secure; SameSite=Lax"
    return (
        (b"set-cookie", f"{SESSION_COOKIE}{gone}; HttpOnly".encode("ascii")),
        (b"set-cookie", f"{CSRF_COOKIE}{gone}".encode("ascii")),
    )
