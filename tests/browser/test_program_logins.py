"""Letting a program sign in, in a real browser: the page that asks, the code page, devices, signing out."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Page, expect

from support.accounts import payload
from support.chromium import Watch, assert_accessible
from support.console import Console
from support.logins import AUTHORIZE, LOGOUT, Program, begin_device, poll, query_of
from support.processes import NEW_PASSWORD
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Visit = Callable[..., Page]


class Listener:
    """What a command line waits with: one port of this machine, and the addresses it was called at."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/callback"
        self.called: list[str] = []


@contextmanager
def listening() -> Iterator[Listener]:
    """A program's listener; it answers every call with a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                found.called.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>back</title><link rel=icon href=data:,>Done.")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        found = Listener(site.server_address[1])
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield found
        site.shutdown()
        thread.join()


@pytest.fixture
def listener(watch: Watch) -> Iterator[Listener]:
    with listening() as found:
        # the one address outside the console that the browser is sent to, on purpose
        watch.expects(found.url)
        yield found


def start(console: Console, redirect_uri: str, **changed: str | None) -> tuple[Program, str]:
    """A program, and the address it opens a browser at."""
    program = Program(console.server, redirect_uri=redirect_uri)
    request = httpx.Request("GET", f"{console.url}{AUTHORIZE}", params=program.parameters(**changed))
    return program, str(request.url)


def fill(page: Page, email: str, password: str) -> None:
    page.get_by_role("textbox", name="E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_command_line_gets_its_tokens(visit: Visit, console: Console, listener: Listener) -> None:
    """As `runplane login` does: the browser opens, the person signs in and agrees, the listener is called."""
    program, address = start(console, listener.url)
    page = visit(address, email=None)
    expect(page.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    expect(page.get_by_text("runplane command line")).to_be_visible()
    assert_accessible(page)
    fill(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    expect(page.get_by_role("heading", name="Sign this program in?")).to_be_visible()
    expect(page.get_by_text(ADMIN_EMAIL)).to_be_visible()
    expect(page.get_by_text(listener.url.split("/")[2])).to_be_visible()
    assert_accessible(page)
    assert listener.called == []
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("back")
    [called] = listener.called
    answer = query_of(called)
    assert answer["state"] == program.state
    tokens = program.redeem(answer["code"]).json()
    assert payload(tokens["id_token"])["nonce"] == program.nonce
    assert payload(tokens["access_token"])["email"] == ADMIN_EMAIL


def test_who_cancels_gives_nothing(visit: Visit, console: Console, listener: Listener) -> None:
    _, address = start(console, listener.url)
    page = visit(address)
    page.get_by_role("button", name="Cancel").click()
    expect(page).to_have_title("back")
    assert query_of(listener.called[0])["error"] == "access_denied"


def test_a_code_to_copy_for_a_terminal_elsewhere(visit: Visit, console: Console) -> None:
    program, address = start(console, f"{console.url}/oauth-code")
    page = visit(address, size=(390, 844))
    expect(page.get_by_text("a code to copy into your terminal")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Copy this code")).to_be_visible()
    # neither the address nor the history keeps it
    expect(page).to_have_url(f"{console.url}/oauth-code")
    assert_accessible(page)
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    code = page.get_by_test_id("code").text_content()
    assert code is not None
    assert program.redeem(code).status_code == 200


def test_a_program_that_wants_a_fresh_sign_in_gets_one(
    visit: Visit, watch: Watch, console: Console, listener: Listener
) -> None:
    watch.expects("status of 403")
    page = visit("/sign-out")
    # ages of sessions are compared by the second
    page.wait_for_function("at => Date.now() >= at", arg=(int(time.time()) + 1) * 1000)
    program, address = start(console, listener.url, max_age="0")
    page.goto(address)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("wants you to sign in once more")).to_be_visible()
    expect(page.get_by_role("textbox", name="E-mail")).to_have_value(ADMIN_EMAIL)
    page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("back")
    assert program.redeem(query_of(listener.called[0])["code"]).status_code == 200


def test_somebody_else_can_take_over(visit: Visit, console: Console, listener: Listener) -> None:
    program, address = start(console, listener.url)
    person = console.person()
    page = visit(address)
    page.get_by_role("button", name="Not you?").click()
    expect(page.get_by_role("heading", name="Sign in to continue")).to_be_visible()
    fill(page, person, NEW_PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_title("back")
    tokens = program.redeem(query_of(listener.called[0])["code"]).json()
    assert payload(tokens["access_token"])["email"] == person


def test_an_old_link_says_what_to_do(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 404")
    page = visit("/authorize?request=00ff")
    expect(page.get_by_role("heading", name="Nothing to sign in to")).to_be_visible()
    page.goto("/authorize")
    expect(page.get_by_role("heading", name="Nothing to sign in to")).to_be_visible()


def test_a_machine_is_let_in_from_a_phone(visit: Visit, console: Console) -> None:
    codes = begin_device(console.server)
    person = console.person()
    page = visit("/device", email=None, size=(360, 740))
    fill(page, person, NEW_PASSWORD)
    page.get_by_label("Code shown by your machine").fill(codes["user_code"].lower().replace("-", " "))
    expect(page.get_by_label("Code shown by your machine")).to_have_value(codes["user_code"])
    assert_accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Let this machine in?")).to_be_visible()
    expect(page.get_by_text("127.0.0.1", exact=True)).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Let it in").click()
    expect(page.get_by_role("heading", name="The machine is signed in")).to_be_visible()
    tokens = poll(console.server, codes).json()
    assert payload(tokens["access_token"])["email"] == person


def test_the_link_of_a_machine_still_asks(visit: Visit, console: Console) -> None:
    codes = begin_device(console.server)
    page = visit(codes["verification_uri_complete"])
    expect(page.get_by_text(codes["user_code"])).to_be_visible()
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_role("heading", name="The machine was refused")).to_be_visible()
    assert poll(console.server, codes).json()["error"] == "access_denied"


def test_a_wrong_code_is_told(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 404")
    page = visit("/device?user_code=BBBB-BBBB")
    expect(page.get_by_text("No machine waits with this code")).to_be_visible()
    page.get_by_role("button", name="Enter another code").click()
    expect(page.get_by_label("Code shown by your machine")).to_be_visible()


def test_a_link_to_sign_out_asks_first(visit: Visit, console: Console) -> None:
    page = visit(LOGOUT)
    expect(page).to_have_url(f"{console.url}/sign-out")
    expect(page.get_by_text(ADMIN_EMAIL)).to_be_visible()
    assert_accessible(page)
    with page.expect_response(lambda it: it.request.method == "DELETE") as ended:
        page.get_by_role("button", name="Sign out").click()
    assert ended.value.status == 204
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    names = {it["name"] for it in page.context.cookies() if "name" in it}
    assert not any(re.search("session", name) for name in names)
