"""`runplane login` with the Chromium of this machine: it waits, the person signs in and continues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.chromium import PATIENCE
from support.cli import PATIENCE as SECONDS
from support.cli import Line, opened
from support.console import Console
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Line:
    """A command line with an empty home folder."""
    return Line(tmp_path / "person", monkeypatch, capsys)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page that is not watched: a login ends at the command's own port, which is another origin."""
    context = browser.new_context(reduced_motion="reduce", locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def sign_in(page: Page) -> None:
    page.get_by_role("textbox", name="E-mail").fill(ADMIN_EMAIL)
    page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_and_the_command_goes_on(console: Console, line: Line, page: Page) -> None:
    with opened(line, console.url) as login:
        page.goto(login.page)
        expect(page.get_by_text("runplane command line").first).to_be_visible()
        sign_in(page)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name="You can close this page")).to_be_visible()
        code, out, _ = login.end()
    assert code == 0
    assert out.startswith(f"Logged in to {console.url} as {ADMIN_EMAIL} ")
    assert line.ok("whoami", "-o", "name") == f"{ADMIN_EMAIL}\n"
    # Who is signed in to the console is not asked again.
    with opened(line, console.url, "--context", "second") as login:
        page.goto(login.page)
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("heading", name="The login was not completed")).to_be_visible()
        assert login.end()[0] == 3


def test_a_code_of_a_terminal_is_allowed_in_the_browser(console: Console, line: Line, page: Page) -> None:
    process = line.start("login", "device", console.url)
    try:
        assert process.stderr is not None
        told = process.stderr.readline() + process.stderr.readline()
        address = re.search(r"or open (\S+)", told)
        assert address, told
        page.goto(address[1])
        sign_in(page)
        page.get_by_role("button", name="Let it in").click()
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        assert out.startswith(f"Logged in to {console.url} as {ADMIN_EMAIL} ")
    finally:
        process.kill()
        process.communicate()
