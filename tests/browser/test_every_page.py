"""What holds for each page alike: axe finds nothing serious, and a phone needs no sideways scroll."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from support.chromium import Watch, accessibility
from support.console import Console

Visit = Callable[..., Page]
WIDTHS = (1440, 360)
# In no navigation, and signed in.
OTHERS = ("/me", "/projects/nothing")


def addresses(page: Page) -> list[str]:
    """Where the side navigation leads."""
    links = page.get_by_role("navigation", name="Main").get_by_role("link")
    expect(links.filter(has_text="Event history")).to_be_visible()
    return [str(it.get_attribute("href")) for it in links.all()]


def settled(page: Page, path: str) -> None:
    """Open a page and wait until it shows what it has."""
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".mantine-Skeleton-root:visible")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_each_page_is_accessible_and_fits_a_phone(dark: bool, visit: Visit, console: Console) -> None:
    page = visit("/", dark=dark)
    paths = addresses(page)
    assert len(paths) > 12, paths
    problems: list[str] = []
    for path in (*paths, *OTHERS):
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        settled(page, path)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            problems += [f"{path} at {width}: {it}" for it in accessibility(page)]
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if over > 0:
                problems.append(f"{path} at {width}: {over} pixels wider than the window")
    assert not problems, "\n".join(problems)


def test_an_address_that_leads_nowhere_says_so(visit: Visit) -> None:
    page = visit("/projects/nothing")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    expect(page.get_by_text("/projects/nothing")).to_be_visible()
    expect(page).to_have_title(re.compile("There is no such page"))
    page.get_by_role("link", name="Go to the start").click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def test_a_page_whose_file_is_gone_offers_to_load_again(page: Page, watch: Watch) -> None:
    """An upgrade replaced the bundle while the console was open: the file is not there any more."""
    watch.expects("ERR_FAILED|dynamically imported")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    page.route(re.compile("/assets/users-"), lambda it: it.abort())
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Users").click()
    expect(page.get_by_role("heading", name="The console was updated")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("heading", name="Users", level=1)).to_be_visible()
