"""The overview: what needs somebody, what is one's own, and a new installation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from support.chromium import assert_accessible
from support.console import Console, Visitor
from support.processes import NEW_PASSWORD, ServerProcess

Visit = Callable[..., Page]


def panel(page: Page, name: str) -> Locator:
    """One part of the page, by its heading."""
    return page.get_by_role("region", name=name, exact=True)


@pytest.fixture
def fresh(browser: Browser, tmp_path: Path) -> Iterator[Visitor]:
    """A console in which nothing was made yet."""
    data = tmp_path / "data"
    data.mkdir()
    server = ServerProcess(data, public_url="")
    try:
        server.wait_until_ready()
        visitor = Visitor(browser, Console(server))
        yield visitor
        visitor.close()
    finally:
        server.close()


def test_an_administrator_sees_how_things_stand(page: Page) -> None:
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"Clusters connected\s*2 of 3"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"GPUs\s*40"))).to_be_visible()
    clusters = panel(page, "Clusters").get_by_role("listitem")
    expect(clusters.filter(has_text="lisbon")).to_contain_text("Waiting to connect")
    expect(clusters.filter(has_text="frankfurt")).to_contain_text("Connected")
    expect(panel(page, "Credentials about to expire")).to_contain_text("nightly-report")
    expect(panel(page, "Deprecated API use")).to_contain_text("/v1/k8s/users")


def test_the_quota_is_drawn_and_told_in_words(page: Page) -> None:
    quota = panel(page, "GPU quota")
    expect(quota.locator("svg.recharts-surface").first).to_be_visible()
    expect(quota.get_by_role("list", name="GPU quota by department")).to_contain_text("vision: quota 16 GPUs")
    # Simulated agents report no use; a bar of 0 would be an invented number.
    expect(quota).to_contain_text("no cluster reports it")
    quota.get_by_text("Projects", exact=True).click()
    expect(quota.get_by_role("list", name="GPU quota by project")).to_contain_text(
        "segmentation: quota 6 GPUs"
    )
    expect(quota.get_by_role("link", name="All projects")).to_have_attribute("href", "/projects")


def test_a_refusal_leads_to_its_explanation(page: Page) -> None:
    panel(page, "Recent refusals").get_by_role("link", name=re.compile("nobody@example.com")).first.click()
    expect(page).to_have_url(re.compile(r"/why\?id="))
    answer = page.get_by_role("article", name="Answer")
    expect(answer).to_contain_text("nobody@example.com has no access rule that grants")


def test_who_may_see_nothing_is_told_what_to_do(visit: Visit, console: Console) -> None:
    page = visit("/", email=console.person(), password=NEW_PASSWORD)
    expect(panel(page, "Your access")).to_contain_text("Nobody has given you access to anything yet")
    expect(panel(page, "Your access keys")).to_be_visible()
    expect(page.get_by_role("region")).to_have_count(2)
    assert_accessible(page)


def test_who_works_in_a_project_sees_what_is_theirs(visit: Visit, console: Console) -> None:
    email = console.person()
    console.rule(email, "user", "L1 researcher", "project", console.ids["tracking"])
    page = visit("/", email=email, password=NEW_PASSWORD, size=(360, 800))
    expect(panel(page, "Your access")).to_contain_text("in project tracking")
    projects = panel(page, "Your projects")
    expect(projects).to_contain_text("tracking")
    expect(projects).not_to_contain_text("translation")
    expect(panel(page, "Recent refusals")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_new_installation_shows_the_first_steps(fresh: Visitor) -> None:
    page = fresh.open()
    steps = page.get_by_role("region", name="First steps")
    expect(steps.get_by_role("heading", name="Connect a cluster")).to_be_visible()
    expect(panel(page, "GPU quota")).to_have_count(0)
    expect(panel(page, "Recent refusals")).to_contain_text("Nobody was refused anything")
    assert_accessible(page)
    steps.get_by_role("link", name="Go to clusters").click()
    expect(page).to_have_url(re.compile("/clusters$"))
