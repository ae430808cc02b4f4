"""General settings, event history and API usage in a real browser."""

from __future__ import annotations

import csv
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from support.chromium import Watch, assert_accessible
from support.console import Console
from support.processes import NEW_PASSWORD

Visit = Callable[..., Page]
SECURITY = "/api/v1/security/settings"


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def png(side: int) -> bytes:
    """A picture of one colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    pixels = (b"\0" + b"\x0b\x6a\x74" * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*it) for it in parts)


def picture(name: str, kind: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


@contextmanager
def settings_put_back(console: Console) -> Iterator[None]:
    """The security settings are those of before after the block: the server is shared."""
    before = console.admin.get(SECURITY).json()
    try:
        yield
    finally:
        for key, value in before.items():
            assert console.admin.put(f"{SECURITY}/{key}", json=value).status_code < 300


def test_security_settings_say_their_default_and_can_be_changed(
    visit: Visit, watch: Watch, console: Console
) -> None:
    watch.expects("status of 400")
    page = visit("/settings")
    security = card(page, "Security")
    # Nobody has configured this server: what the page calls the default must be what it does.
    expect(security.get_by_text("Default", exact=True)).to_have_count(3)
    with settings_put_back(console):
        security.get_by_role("button", name="Change: Sign out after inactivity").click()
        page.get_by_label("Minutes without use").fill("30")
        assert_accessible(page)
        page.get_by_role("button", name="Save").click()
        expect(security.get_by_text("30 minutes")).to_be_visible()
        expect(security.get_by_text("Default: 60 minutes")).to_be_visible()
        assert console.admin.get(f"{SECURITY}/browserSessionTimeout").json() == {"idleTimeout": 30}

        security.get_by_role("button", name="Change: Address after signing out").click()
        address = page.get_by_role("textbox", name="Address")
        address.fill("javascript:alert(1)")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_contain_text("must be an address")
        address.fill("https://example.com/goodbye")
        page.get_by_role("button", name="Save").click()
        expect(security.get_by_text("https://example.com/goodbye")).to_be_visible()


def test_a_switch_of_the_tenant_asks_and_turns(visit: Visit) -> None:
    page = visit("/settings")
    organization = card(page, "Organization")
    for word in ("on", "off"):
        organization.get_by_role("button", name=f"Turn {word}: Limit projects to their department").click()
        page.get_by_role("dialog").get_by_role("button", name=f"Turn {word}", exact=True).click()
        expect(organization.get_by_text("Chosen for this tenant")).to_be_visible()
        other = "off" if word == "on" else "on"
        expect(organization.get_by_role("button", name=f"Turn {other}: Limit projects")).to_be_visible()


def test_cluster_authentication_is_shown_as_flags_and_as_a_file(visit: Visit, console: Console) -> None:
    page = visit("/settings")
    setup = card(page, "Cluster authentication")
    expect(setup).to_contain_text("--oidc-username-claim=email")
    expect(setup).to_contain_text(f"--oidc-issuer-url={console.url}/auth/realms/runai")
    # The test's server has no certificate, and an API server would refuse it.
    expect(setup).to_contain_text("https only")
    setup.get_by_text("ID", exact=True).click()
    expect(setup).to_contain_text("--oidc-username-claim=sub")
    setup.get_by_role("button", name="File", exact=True).click()
    expect(setup).to_contain_text("apiserver.config.k8s.io/v1")


def test_a_logo_is_checked_shown_used_and_removed(visit: Visit, watch: Watch, console: Console) -> None:
    watch.expects("status of 400")
    page = visit("/settings")
    branding = card(page, "Branding")
    choose = branding.locator("input[type=file]")
    choose.set_input_files([picture("logo.svg", "image/svg+xml", b"<svg onload='alert(1)'/>")])
    expect(branding.get_by_role("alert")).to_contain_text("SVG is not taken")
    choose.set_input_files([picture("logo.png", "image/png", b"not a picture")])
    expect(branding.get_by_role("alert")).to_contain_text("damaged")
    # Browsers show what is there of a picture that is cut off; the server looks closer.
    choose.set_input_files([picture("logo.png", "image/png", png(32)[:-4])])
    branding.get_by_role("button", name="Use this logo").click()
    expect(branding.get_by_role("alert")).to_contain_text("does not end where it should")
    branding.get_by_role("button", name="Cancel").click()
    choose.set_input_files([picture("logo.png", "image/png", png(32))])
    expect(branding.get_by_role("img", name="The logo on a dark ground")).to_be_visible()
    assert console.admin.get("/api/v1/logo").status_code == 204
    assert_accessible(page)
    branding.get_by_role("button", name="Use this logo").click()
    header = page.locator("header img[src^='data:image/png;base64,']")
    expect(header).to_be_visible()
    branding.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove the logo?").get_by_role("button", name="Remove").click()
    expect(header).to_have_count(0)
    assert console.admin.get("/api/v1/logo").status_code == 204


def test_the_history_is_filtered_opened_and_leads_to_why(visit: Visit) -> None:
    page = visit("/events?filter=subject%3D%3Dnobody%40example.com&filter=result%3D%3DFailed")
    refused = page.get_by_role("row").filter(has_text="Refused")
    expect(refused.first).to_contain_text("/api/v1/")
    expect(page.get_by_role("row").filter(has_text="admin@example.com")).to_have_count(0)
    refused.first.get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Refused (403)")
    assert_accessible(page)
    link = drawer.get_by_role("link", name="Why was this refused?")
    expect(link).to_have_attribute("href", re.compile(r"/why\?id=[\w-]{8,}"))


@pytest.mark.parametrize("kind", ["CSV", "JSON"])
def test_the_history_is_saved_as_the_server_keeps_it(visit: Visit, kind: str) -> None:
    page = visit("/events?span=24h&filter=action%3D%3Dcreate")
    expect(page.get_by_role("row").filter(has_text="create").first).to_be_visible()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=re.compile(f"^{kind}")).click()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    text = download.value.path().read_text("utf-8-sig")
    found = list(csv.DictReader(text.splitlines())) if kind == "CSV" else json.loads(text)
    events = found["audit_logs"] if isinstance(found, dict) else found
    assert len(events) > 3
    assert {it["action"] for it in events} == {"create"}


def test_api_usage_says_who_calls_what_and_what_to_call_instead(visit: Visit) -> None:
    page = visit("/api-usage?q=k8s%2Fapps")
    rows = page.get_by_role("row").filter(has_text="terraform-provider-runai/0.9")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("/api/v1/service-accounts")
    rows.get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("GET /v1/k8s/apps")
    assert_accessible(page)


def test_who_may_not_read_them_finds_no_way_to_admin_pages(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 403")
    page = visit("/events", email="nobody@example.com", password=NEW_PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("events-history")
    for name in ("Event history", "API usage", "General settings", "Clusters"):
        expect(page.get_by_role("navigation").get_by_role("link", name=name)).to_have_count(0)
    # What everybody may know stays; what takes a permission is left out, not shown empty.
    page.goto("/settings")
    expect(card(page, "Cluster authentication")).to_contain_text("--oidc-client-id=runai")
    for name in ("Security", "Organization", "Branding"):
        expect(card(page, name)).to_have_count(0)


@pytest.mark.parametrize("path", ["/settings", "/events", "/api-usage"])
def test_pages_are_accessible_and_fit_a_small_phone(visit: Visit, path: str) -> None:
    page = visit(path, size=(360, 740), dark=True)
    page.wait_for_load_state("networkidle")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    assert_accessible(page)
