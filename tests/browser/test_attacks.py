"""Another origin against a signed-in console, in a real browser (reference/security 5, check 24)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from support.chromium import Watch
from support.console import Console
from support.processes import NEW_PASSWORD
from support.server import ADMIN_EMAIL

Visit = Callable[..., Page]

FORGED = """<!doctype html><title>evil</title>
<iframe name="sink"></iframe>
<form id="out" method="post" enctype="text/plain" target="sink" action="{url}/api/v1/session/token">
  <input name='{{"active": true, "x": "' value='"}}'>
</form>
<form id="in" method="post" enctype="text/plain" target="sink" action="{url}/api/v1/session">
  <input name='{{"email": "{email}", "password": "{password}", "x": "' value='"}}'>
</form>
<script>
const tries = [
  ['DELETE', '', undefined], ['POST', '/token', '{{"active": true}}'],
  ['POST', '', JSON.stringify({{email: '{email}', password: '{password}'}})],
];
(async () => {{
  for (const [method, path, body] of tries)
    for (const mode of ['cors', 'no-cors'])
      await fetch('{url}/api/v1/session' + path, {{method, body, mode, credentials: 'include'}})
        .catch(() => 0);
  document.getElementById('out').submit();
  document.getElementById('in').submit();
  document.title = 'done';
}})();
</script>"""

FRAMED = """<!doctype html><title>evil</title><iframe id="f" src="{url}/users"></iframe>"""


@contextmanager
def another_site(page: str) -> Iterator[str]:
    """A site that serves one page; `localhost` and `127.0.0.1` are different sites to a browser."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{site.server_address[1]}/"
        site.shutdown()
        thread.join()


@pytest.mark.clause("csrf.same-origin")
def test_forged_requests_of_another_site_change_nothing(visit: Visit, watch: Watch, console: Console) -> None:
    """Neither is the person signed out, nor signed in as somebody else, nor is a token to be had."""
    watch.expects("")
    victim = visit("/service-accounts")
    before = {it["name"]: it["value"] for it in victim.context.cookies()}
    attacker = console.person("Viewer", prefix="attacker")
    text = FORGED.format(url=console.url, email=attacker, password=NEW_PASSWORD)
    with another_site(text) as address:
        evil = victim.context.new_page()
        evil.goto(address)
        expect(evil).to_have_title("done")
        evil.wait_for_load_state("networkidle")
    assert {it["name"]: it["value"] for it in victim.context.cookies()} == before
    victim.reload()
    expect(victim.get_by_role("button", name=f"Account of {ADMIN_EMAIL}")).to_be_visible()


@pytest.mark.clause("headers.console")
def test_the_console_cannot_be_framed(visit: Visit, watch: Watch, console: Console) -> None:
    watch.expects("")
    victim = visit("/service-accounts")
    with another_site(FRAMED.format(url=console.url)) as address:
        evil = victim.context.new_page()
        with evil.expect_console_message(lambda it: "frame-ancestors" in it.text):
            evil.goto(address)
