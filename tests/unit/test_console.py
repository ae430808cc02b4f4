"""The console's page and files: what each answer says about itself, and what is answered to whom."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from runplane.server.api import console
from runplane.server.core.errors import MethodNotAllowed, NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Reply
from runplane.server.http.request import Request
from runplane.server.http.router import Router
from runplane.server.identity.service import Identity

PAGE = b'<meta name="csp-nonce" content="%CSP_NONCE%"><script src="/assets/a-1.js"></script>'


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A bundle of one page, a script in three forms and a picture."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(PAGE)
    for name, data in {
        "a-1.js": b"plain",
        "a-1.js.br": b"brotli",
        "a-1.js.gz": b"gzip",
        "b-2.woff2": b"font",
        "secret.key": b"no",
    }.items():
        (tmp_path / "assets" / name).write_bytes(data)
    (tmp_path / "outside.js").write_bytes(b"no")
    return tmp_path


def get(dist: Path, path: str, public_url: str = "http://127.0.0.1:8080", **headers: str) -> Reply:
    """The answer to a GET, found by the router as in the kernel. Raises what the handler raises."""
    identity = cast("Identity", SimpleNamespace(public_url=public_url))
    operation, found = Router(console.operations(identity, dist)).find("GET", path)
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"method": "GET", "path": path, "query_string": b"", "headers": raw}
    return asyncio.run(operation.handler(Call(operation, Request(scope), found)))


def header(reply: Reply, name: str) -> str | None:
    found = dict(reply.headers).get(name.encode())
    return found.decode() if found is not None else None


@pytest.mark.clause("headers.console")
def test_each_page_has_a_nonce_of_its_own_that_its_policy_names(dist: Path) -> None:
    """ASVS 3.4.3."""
    nonces = set[str]()
    for _ in range(3):
        reply = get(dist, "/")
        (nonce,) = re.findall(r'content="([^"]+)"', reply.body.decode())
        policy = header(reply, "content-security-policy")
        assert policy is not None
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert f"{rule};" in f"{policy};"
        nonces.add(nonce)
    assert len(nonces) == 3


def test_the_page_is_never_stored_because_of_its_nonce(dist: Path) -> None:
    reply = get(dist, "/")
    assert (header(reply, "cache-control"), header(reply, "etag")) == ("no-store", None)
    assert header(reply, "referrer-policy") == "no-referrer"
    assert header(reply, "cross-origin-opener-policy") == "same-origin"
    assert "camera=()" in (header(reply, "permissions-policy") or "")


@pytest.mark.clause("headers.all")
@pytest.mark.parametrize(("url", "wanted"), [("https://a.example", True), ("http://a.example", False)])
def test_strict_transport_security_where_the_public_address_is_https(
    url: str, wanted: bool, dist: Path
) -> None:
    for path in ("/", "/assets/a-1.js"):
        told = header(get(dist, path, url), "strict-transport-security")
        assert (told is not None) is wanted, path


@pytest.mark.parametrize("path", ["/users", "/sign-in", "/projects/0198c0de-0000-7000-8000-00000000ffff"])
def test_a_browser_gets_the_page_at_every_address_of_it(path: str, dist: Path) -> None:
    asked = "text/html,application/xhtml+xml,*/*;q=0.8"
    assert b"csp-nonce" in get(dist, path, accept=asked).body
    for accept in ("", "*/*", "application/json"):
        with pytest.raises(NotFound):
            get(dist, path, accept=accept)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/v1/nowhere", "/users/a/b", "/index.html", "/assets", "//"]
)
def test_what_is_no_page_is_not_found(path: str, dist: Path) -> None:
    with pytest.raises(NotFound):
        get(dist, path, accept="text/html")


def test_pages_are_for_reading(dist: Path) -> None:
    identity = cast("Identity", SimpleNamespace(public_url=""))
    with pytest.raises(MethodNotAllowed):
        Router(console.operations(identity, dist)).find("POST", "/users")


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"brotli"),
        ("gzip;q=1.0, *;q=0", "gzip", b"gzip"),
        ("br;q=0, gzip", "gzip", b"gzip"),
        ("identity", None, b"plain"),
        ("", None, b"plain"),
    ],
)
def test_files_come_in_the_smallest_form_the_browser_takes(
    accepted: str, encoding: str | None, body: bytes, dist: Path
) -> None:
    reply = get(dist, "/assets/a-1.js", accept_encoding=accepted)
    assert (header(reply, "content-encoding"), reply.body) == (encoding, body)
    assert header(reply, "vary") == "accept-encoding"
    assert reply.media_type == b"text/javascript; charset=utf-8"


def test_files_are_good_for_ever_and_have_a_tag(dist: Path) -> None:
    reply = get(dist, "/assets/b-2.woff2", accept_encoding="br")
    assert (reply.body, reply.media_type) == (b"font", b"font/woff2")
    assert header(reply, "cache-control") == "public, max-age=31536000, immutable"
    again = get(dist, "/assets/b-2.woff2", if_none_match=header(reply, "etag") or "")
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "gone-3.js",
        "..%2Foutside.js",
        "../outside.js",
        "..",
        ".",
        "",
        "secret.key",
        "a-1.js.br",
        "a\0.js",
        "a" * 5000 + ".js",
    ],
)
def test_nothing_but_the_bundles_files_is_given_out(name: str, dist: Path) -> None:
    """reference/security 5, check 30."""
    with pytest.raises(NotFound):
        get(dist, f"/assets/{name}", accept_encoding="br")


def test_without_a_bundle_the_page_says_how_to_get_it(tmp_path: Path) -> None:
    reply = get(tmp_path / "none", "/")
    assert b"make console" in reply.body
    assert console.NONCE not in reply.body
    nonces = re.findall(rb'nonce="([^"]+)"', reply.body)
    assert nonces
    policy = header(reply, "content-security-policy") or ""
    assert all(f"'nonce-{it.decode()}'" in policy for it in nonces)


def test_a_bundle_built_meanwhile_is_shown(tmp_path: Path) -> None:
    identity = cast("Identity", SimpleNamespace(public_url=""))
    operation = console.operations(identity, tmp_path)[0]
    scope: dict[str, Any] = {"method": "GET", "path": "/", "query_string": b"", "headers": []}
    call: Call[Any] = Call(operation, Request(scope), {})
    assert b"make console" in asyncio.run(operation.handler(call)).body
    (tmp_path / "index.html").write_bytes(PAGE)
    assert b"/assets/a-1.js" in asyncio.run(operation.handler(call)).body


def test_every_page_of_the_consoles_router_is_known_here(repository: Path) -> None:
    """The list here is a copy of the console's own, because a server without a bundle has routes too."""
    sources = repository / "console" / "src"
    if not sources.is_dir():
        pytest.skip("the console's sources are not in this package")
    text = (sources / "app" / "pages.ts").read_text("utf-8")
    bare = re.search(r"BARE_PAGES = \[(.*?)\]", text, re.DOTALL)
    assert bare is not None
    found = {*re.findall(r"'/([a-z-]+)'", text), *re.findall(r"'([a-z-]+)'", bare[1])}
    assert {"users", "sign-in", "applications"} <= found
    assert found <= set(console.PAGES), "add these to api/console.py"
