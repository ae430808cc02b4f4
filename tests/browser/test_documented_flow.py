"""The documentation's flow with the keyboard alone: from the sign-in page to a curl that works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from conftest import unavailable
from support.chromium import PATIENCE, clipboard
from support.console import Console
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Visit = Callable[..., Page]
# No page has so many things to stop at; a person would have given up long before.
MOST_TABS = 80


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the focus is on `target`, as somebody without a mouse would."""
    expect(target).to_be_visible()
    for _ in range(MOST_TABS):
        if target.evaluate("it => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {target}")


def press(page: Page, target: Locator) -> None:
    """Go to a button or a link and press Enter."""
    tab_to(page, target)
    page.keyboard.press("Enter")


def copied(page: Page, beginning: str) -> str:
    """What a copy button put on the clipboard, once it begins like that."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not (text := clipboard(page)).startswith(beginning):
        assert time.monotonic() < deadline, f"the clipboard holds something else: {text[:40]!r}"
    return text


def sign_in(page: Page) -> None:
    expect(page.get_by_role("textbox", name="E-mail")).to_be_focused()
    page.keyboard.type(ADMIN_EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(ADMIN_PASSWORD)
    page.keyboard.press("Enter")


def run(snippet: str, secret: str) -> str:
    """What the copied commands print, with the copied secret where they say it belongs."""
    assert "CLIENT_SECRET='…'" in snippet
    commands = snippet.replace("CLIENT_SECRET='…'", f"CLIENT_SECRET='{secret}'")
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_service_account_gets_access_and_its_curl_works(visit: Visit, console: Console) -> None:
    if shutil.which("curl") is None:
        unavailable("curl", "the documented command is a curl")
    name = f"keys-only-{uuid4().hex[:8]}"
    page = visit("/", email=None)
    sign_in(page)

    press(page, page.get_by_role("link", name="Service accounts", exact=True).first)
    press(page, page.get_by_role("button", name="New service account"))
    form = page.get_by_role("dialog", name="New service account")
    expect(form.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Enter")

    dialog = page.get_by_role("dialog", name=f"Service account {name}")
    # It holds what cannot be shown again: Escape does not close it.
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    press(page, dialog.get_by_role("button", name="Copy secret"))
    secret = dialog.get_by_test_id("Secret").inner_text()
    assert copied(page, secret) == secret

    tab_to(page, dialog.get_by_role("combobox", name="Role"))
    page.keyboard.type("Viewer")
    roles = page.get_by_role("listbox").get_by_role("option")
    expect(roles.filter(has_text="System administrator")).to_have_count(0)
    expect(roles.first).to_have_text(re.compile("^Viewer"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("combobox", name="Role")).to_have_value("Viewer")
    press(page, dialog.get_by_role("button", name="Add access rule"))
    expect(dialog.get_by_role("listitem").filter(has_text="Viewer in tenant").last).to_be_visible()

    press(page, dialog.get_by_role("button", name="Copy curl"))
    told = json.loads(run(copied(page, "export CLIENT_SECRET"), secret))
    rules = told["accessRules"]["accessRules"]
    assert [(it["roleName"], it["scopeType"]) for it in rules] == [("Viewer", "tenant")]

    press(page, dialog.get_by_role("button", name="I have kept the secret"))
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text=name)).to_be_visible()
    assert secret not in page.content()
