"""The Chromium of this machine, and what every page is watched for.

Nothing is downloaded: Playwright's Python package drives the browser that the system has (Debian's package
`chromium`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
BUNDLE = ROOT / "src" / "runplane" / "server" / "console" / "dist" / "index.html"
# Milliseconds: the machine may be busy, and a test that passes never waits so long.
PATIENCE = 30_000
# What Playwright itself loads, and what a page makes of its own data.
_LOCAL = ("data", "blob", "about", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
# WCAG 2.2 at AA and below, and the practices axe itself recommends.
_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


class ChromiumMissing(Exception):
    """This machine has no Chromium; the text says what to install."""


def find_chromium() -> str:
    """The browser's program: CHROMIUM, or the first of its usual names. Raises ChromiumMissing."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found is not None:
            return found
    raise ChromiumMissing("no Chromium on this machine (Debian and Ubuntu: apt install chromium)")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. Raises ChromiumMissing.

    While it runs this thread has an event loop, so `asyncio.run` cannot be used in it.
    """
    program = find_chromium()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        browser = _launch(driver, program)
        yield browser
        browser.close()


def _launch(driver: Playwright, program: str) -> Browser:
    return driver.chromium.launch(executable_path=program, args=list(_FLAGS), timeout=PATIENCE)


@dataclass
class Watch:
    """What pages of one context do that they must not: foreign requests, console errors, policy violations.

    A test that provokes an error says so with `expects`, a regular expression for its text.
    """

    origin: str
    requests: list[str] = field(default_factory=list[str])
    problems: list[str] = field(default_factory=list[str])
    expected: list[str] = field(default_factory=list[str])

    def attach(self, context: BrowserContext) -> None:
        """Begin to watch every page of `context`, those opened later too."""
        context.on("request", self._request)
        context.on("console", self._said)
        context.on("weberror", lambda it: self.problems.append(f"uncaught: {it.error}"))

    def expects(self, pattern: str) -> None:
        """Let a message of the browser's console pass."""
        self.expected.append(pattern)

    def check(self) -> None:
        """Raises AssertionError with everything that was seen and not expected."""
        found = [it for it in self.problems if not any(re.search(known, it) for known in self.expected)]
        assert not found, "the browser complained:\n" + "\n".join(found)

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in _LOCAL:
            return
        self.requests.append(request.url)
        if f"{address.scheme}://{address.netloc}" != self.origin:
            self.problems.append(f"a request left the origin: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # Violations of the content security policy arrive here as errors too.
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")


_SETTLED = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const ending = document.getAnimations().filter((it) => it.effect?.getComputedTiming().endTime !== Infinity);
  Promise.allSettled(ending.map((it) => it.finished)).then(() => done());
})))"""


def accessibility(page: Page) -> list[str]:
    """What axe finds on the page that is serious or critical, one line each."""
    # A colour on its way to another has neither's contrast.
    page.evaluate(_SETTLED)
    # Through the driver, which no content security policy stops; a script element would be refused.
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{AXE.read_text('utf-8')}; undefined")
    options = {"runOnly": list(_RULES), "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    return [
        f"{it['impact']}: {it['help']} ({it['id']}): {node['html'][:200]}"
        for it in found["violations"]
        if it["impact"] in ("serious", "critical")
        for node in it["nodes"]
    ]


def assert_accessible(page: Page) -> None:
    """Raises AssertionError with what axe finds serious or critical."""
    found = accessibility(page)
    assert not found, "axe found:\n" + "\n".join(found)


def clipboard(page: Page) -> str:
    """The text on the clipboard, pasted elsewhere: the console's own pages may write it and not read it."""
    paper = page.context.new_page()
    paper.set_content("<textarea></textarea>")
    field = paper.locator("textarea")
    field.press("ControlOrMeta+v")
    text = field.input_value()
    paper.close()
    page.bring_to_front()
    return text
