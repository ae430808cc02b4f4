"""Signing in and out in a real browser: what the person sees, and what the browser keeps."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from support.chromium import Watch, assert_accessible
from support.console import Console
from support.processes import NEW_PASSWORD
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Visit = Callable[..., Page]
# Kilobytes over the wire until the sign-in page can be used.
FIRST_LOAD = 350
CHOSEN = "violet-harbor-tin-lamp"


def fill(page: Page, email: str, password: str) -> None:
    """Send the sign-in form."""
    page.get_by_role("textbox", name="E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def signed_in_as(page: Page, email: str) -> None:
    """Wait until the console shows who is signed in."""
    account = re.compile(f"account.*{re.escape(email)}", re.IGNORECASE)
    expect(page.get_by_role("button", name=account)).to_be_visible()


def cookies(page: Page) -> set[str]:
    return {it["name"] for it in page.context.cookies() if "name" in it}


def sign_out(page: Page) -> None:
    page.get_by_role("button", name=re.compile("account of", re.IGNORECASE)).click()
    page.get_by_role("menuitem", name="Sign out").click()


def test_signing_in_leads_to_where_one_wanted_to_go(visit: Visit) -> None:
    page = visit("/service-accounts?search=nightly", email=None)
    expect(page).to_have_url(re.compile(r"/sign-in\?"))
    fill(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    signed_in_as(page, ADMIN_EMAIL)
    expect(page).to_have_url(re.compile(r"/service-accounts\?search=nightly"))


def test_a_session_survives_a_reload_and_lives_in_no_storage(visit: Visit) -> None:
    """The token is in memory only; what the browser keeps is a cookie that scripts cannot read."""
    page = visit("/", email=None)
    fill(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    signed_in_as(page, ADMIN_EMAIL)
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "eyJ" not in stored
    assert "runplane-session" not in stored
    page.reload()
    signed_in_as(page, ADMIN_EMAIL)


def test_a_wrong_password_is_told_and_keeps_the_address(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 400")
    page = visit("/sign-in", email=None)
    fill(page, ADMIN_EMAIL, "not-the-password-at-all")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.get_by_role("textbox", name="E-mail")).to_have_value(ADMIN_EMAIL)
    assert cookies(page) == set()


def test_a_temporary_password_has_to_be_replaced(visit: Visit, watch: Watch, console: Console) -> None:
    watch.expects("status of 403")
    watch.expects("status of 400")
    email, temporary = console.temporary()
    page = visit("/sign-in", email=None)
    fill(page, email, temporary)
    first = page.get_by_label("New password", exact=True)
    first.fill("short")
    page.get_by_label("New password, again").fill("short")
    page.get_by_role("button", name="Set password and sign in").click()
    expect(page.get_by_text("at least 12 characters")).to_be_visible()
    assert_accessible(page)
    first.fill(CHOSEN)
    page.get_by_label("New password, again").fill(CHOSEN)
    page.get_by_role("button", name="Set password and sign in").click()
    signed_in_as(page, email)


def test_signing_out_ends_it_in_every_tab(visit: Visit) -> None:
    page = visit("/service-accounts")
    other = page.context.new_page()
    other.goto(page.url)
    signed_in_as(other, ADMIN_EMAIL)
    with page.expect_response(lambda it: it.request.method == "DELETE") as answer:
        sign_out(page)
    assert answer.value.status == 204
    for it in (page, other):
        expect(it).to_have_url(re.compile("/sign-in"))
    assert cookies(page) == set()


def test_the_console_asks_before_it_signs_out_for_inactivity(visit: Visit) -> None:
    page = visit("/sign-in", email=None)
    page.clock.install()
    page.goto("/sign-in")
    fill(page, ADMIN_EMAIL, ADMIN_PASSWORD)
    signed_in_as(page, ADMIN_EMAIL)
    page.clock.fast_forward("59:00")
    dialog = page.get_by_role("dialog", name="Are you still there?")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    dialog.get_by_role("button", name="Stay signed in").click()
    expect(dialog).to_be_hidden()
    page.clock.fast_forward("59:00")
    expect(dialog).to_be_visible()
    page.clock.fast_forward("01:01")
    expect(page).to_have_url(re.compile(r"/sign-in\?"))
    expect(page.get_by_text("not used for a while")).to_be_visible()


def test_a_session_that_was_ended_elsewhere_is_noticed(visit: Visit, watch: Watch, console: Console) -> None:
    watch.expects("status of 401")
    email = console.person("System administrator")
    page = visit("/service-accounts", email=email, password=NEW_PASSWORD)
    signed_in_as(page, email)
    answer = console.admin.post(f"/api/v1/users/{console.ids[email]}/logout")
    assert answer.status_code < 300, answer.text
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_first_load_of_the_sign_in_page_is_small(visit: Visit) -> None:
    page = visit("about:blank", email=None)
    sizes: list[int] = []
    page.on("requestfinished", lambda it: sizes.append(it.sizes()["responseBodySize"]))
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert len(sizes) > 3
    assert sum(sizes) <= FIRST_LOAD * 1024, f"{sum(sizes) / 1024:.0f} KB"


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False), (390, True)])
def test_the_sign_in_page_is_accessible(width: int, dark: bool, visit: Visit) -> None:
    page = visit("/sign-in", email=None, size=(width, 844), dark=dark)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_signing_in_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit("/sign-in", email=None)
    expect(page.get_by_role("textbox", name="E-mail")).to_be_focused()
    page.keyboard.type(ADMIN_EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(ADMIN_PASSWORD)
    page.keyboard.press("Enter")
    signed_in_as(page, ADMIN_EMAIL)


def test_answers_carry_the_headers_of_a_careful_site(console: Console) -> None:
    """reference/security 5, check 24: the page, as it leaves the real process."""
    answer = httpx.get(f"{console.url}/sign-in", headers={"accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    for path in re.findall(r'"(/assets/[^"]+\.(?:js|css))"', answer.text):
        found = httpx.get(console.url + path, headers={"accept-encoding": "br"})
        assert found.headers["content-encoding"] == "br", f"{path} is sent uncompressed"
        assert "immutable" in found.headers["cache-control"]
