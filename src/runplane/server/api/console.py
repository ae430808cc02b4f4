"""GET /: the console, a built bundle of files that this process serves itself.

The page is read and sent anew each time and never stored: it carries the nonce that lets the component kit's
style elements pass the content security policy, and a stored page would meet the next answer's policy with
the last answer's nonce. Everything else has the hash of its content in its name and is good for ever. The
pages of the console are addresses that only its own router tells apart, so each of them answers that same
page, to browsers that ask for HTML; what is no page and no file stays a 404 as JSON.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from runplane.server.authz.guard import public
from runplane.server.core.errors import NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, Operation, Operations, Reply
from runplane.server.http.shelf import Headers, Shelf
from runplane.server.identity.service import Identity

DIST: Final = Path(__file__).resolve().parents[1] / "console" / "dist"
PAGES: Final = (
    "access-rules", "api-usage", "applications", "authorize", "clusters", "departments", "device", "events",
    "me", "node-pools", "nodes", "oauth-code", "overview", "projects", "roles", "service-accounts",
    "settings", "settings-and-tools", "sign-in", "sign-out", "users", "why",
)  # fmt: skip
NONCE: Final = b"%CSP_NONCE%"
_PAGE: Final = "index.html"
_HTML: Final = b"text/html; charset=utf-8"
_TYPES: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        ".css": b"text/css; charset=utf-8",
        ".html": _HTML,
        ".ico": b"image/x-icon",
        ".js": b"text/javascript; charset=utf-8",
        ".json": b"application/json",
        ".png": b"image/png",
        ".svg": b"image/svg+xml",
        ".txt": b"text/plain; charset=utf-8",
        ".webp": b"image/webp",
        ".woff2": b"font/woff2",
    }
)
# Made beside the files by the build (tools/compress_console.js), the best first.
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
# Longer names than file systems bear are an error to them, and no file.
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_FOR_EVER: Final[Headers] = ((b"cache-control", b"public, max-age=31536000, immutable"),)
_ALL: Final[Headers] = (
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_DEVICES: Final = (
    b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), "
    b"clipboard-read=(), clipboard-write=(self)"
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_REASON: Final = "The console's files hold nothing that the source code does not."

# What stands at the address while there is no bundle: the API does not depend on one.
_MISSING: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>runplane</title>
<style nonce="%CSP_NONCE%">
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 15vh auto; padding: 0 1.5rem }
code { font: .95em ui-monospace, monospace }
</style>
</head>
<body>
<h1>runplane is running</h1>
<p>The console is not part of this installation: it was started from a source tree in which the console has
not been built. Build it with <code>make console</code>, which needs Node.js 20.19 or newer, then load this
page again. Packages of runplane bring it with them.</p>
<p>The API works without it: see the <a href="/api/docs">API documentation</a>.</p>
</body>
</html>
"""


def operations(identity: Identity, dist: Path = DIST) -> list[Operation]:
    """The page and its files. `dist` is where the build put them; nothing is read before it is asked for."""
    ops = Operations("", tag="Console")
    files = Shelf(lambda name: _read(dist, name))
    pages = tuple(path for name in PAGES for path in (f"/{name}", f"/{name}/{{item}}"))
    shared: dict[str, Any] = {
        "allow": public(_REASON),
        "mode": Mode.LOOP,
        "reply": bytes,
        "extension": True,
    }

    @ops.get("/", aliases=pages, **shared)
    async def get_console(call: Call[Any]) -> Reply:
        """Show the console."""
        if call.request.path != "/" and "text/html" not in call.request.header(b"accept"):
            raise NotFound(
                "There is nothing at this address but a page for browsers.",
                "The API documentation is at /api/docs on this server.",
            )
        nonce = base64.b64encode(os.urandom(18))
        headers = (
            (b"cache-control", b"no-store"),
            (b"content-security-policy", _policy(nonce)),
            (b"permissions-policy", _NO_DEVICES),
            *_common(identity),
        )
        return Reply(_page(dist).replace(NONCE, nonce), headers=headers, media_type=_HTML)

    @ops.get("/assets/{asset}", **shared)
    async def get_console_asset(call: Call[Any]) -> Reply:
        """Get a file that the console is made of."""
        name = call.path["asset"]
        if not _FILE.fullmatch(name) or Path(name).suffix not in _TYPES:
            raise NotFound("There is no such file; the console at / names those there are.")
        name, encoding = _best(dist, f"assets/{name}", call.request.header(b"accept-encoding"))
        return await files.reply(name, call, (*_FOR_EVER, *encoding, *_common(identity)))

    return ops.items


def _page(dist: Path) -> bytes:
    # A kilobyte; kept in memory, it would name files that a build or an upgrade has replaced since.
    try:
        return (dist / _PAGE).read_bytes()
    except OSError:
        return _MISSING


def _policy(nonce: bytes) -> bytes:
    return (
        b"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + b"'; "
        b"img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _common(identity: Identity) -> Headers:
    # Only for a site that says it is https: on any other the browser ignores it, or is locked out.
    return (*_ALL, _HSTS) if identity.public_url.startswith("https://") else _ALL


def _best(dist: Path, name: str, accepted: str) -> tuple[str, Headers]:
    """The smallest form of a file that the browser takes, and the headers that say which."""
    offered = {it.partition(";")[0].strip() for it in accepted.split(",") if not it.endswith("q=0")}
    vary = (b"vary", b"accept-encoding")
    for encoding, ending in _ENCODINGS:
        if encoding in offered and (dist / (name + ending)).is_file():
            return name + ending, ((b"content-encoding", encoding.encode("ascii")), vary)
    return name, (vary,)


def _read(dist: Path, name: str) -> tuple[bytes, bytes]:
    plain = name.removesuffix(".br").removesuffix(".gz")
    try:
        return (dist / name).read_bytes(), _TYPES[Path(plain).suffix]
    except OSError:
        raise NotFound(
            "There is no such file; load the page again, it may be one of an older release."
        ) from None
