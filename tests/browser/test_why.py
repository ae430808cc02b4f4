"""Why was this refused? Looked up by an id, asked by names, and mended on the spot."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from support.chromium import Watch, assert_accessible
from support.console import HOSTILE, PROJECTS, Console
from support.processes import NEW_PASSWORD

Visit = Callable[..., Page]


def refused(console: Console, email: str, path: str = PROJECTS) -> dict[str, Any]:
    """The body of the 403 that a person gets, once its decision can be looked up."""
    client = console.server.client(console.server.sign_in(email, NEW_PASSWORD)["accessToken"])
    answer = client.get(path)
    assert answer.status_code == 403, answer.text
    body = answer.json()
    address = f"/api/v1/authorization/decisions/{body['decision']['id']}"
    deadline = time.monotonic() + 60
    # The audit log is written in the background.
    while console.admin.get(address).status_code != 200:
        assert time.monotonic() < deadline, "the refusal was not recorded within a minute"
        time.sleep(0.1)
    return body


def answer_of(page: Page) -> Locator:
    return page.get_by_role("article", name="Answer")


def choose(page: Page, field: Locator, text: str, option: str) -> None:
    """Search in a field and take an option of its list."""
    field.fill(text)
    page.get_by_role("option", name=option).first.click()


def test_a_pasted_refusal_is_explained_and_mended(visit: Visit, console: Console) -> None:
    email = console.person()
    body = refused(console, email)
    page = visit("/why")
    expect(page.get_by_text("Nothing asked yet")).to_be_visible()
    page.get_by_label("Id of the refusal").fill(str(body).replace("'", '"'))
    page.get_by_role("button", name="Look up").click()
    expect(page).to_have_url(re.compile(body["decision"]["id"]))
    answer = answer_of(page)
    expect(answer.get_by_role("heading", name="Refused, and it still would be")).to_be_visible()
    expect(answer).to_contain_text(f"GET {PROJECTS}")
    expect(answer).to_contain_text("No access rule here")
    assert_accessible(page)

    answer.get_by_role("button", name=re.compile("Show all")).click()
    answer.get_by_role("button", name="Give Viewer", exact=True).click()
    form = page.get_by_role("dialog", name="New access rule")
    expect(form.get_by_role("combobox", name="User")).to_have_value(email)
    expect(form.get_by_role("combobox", name="Role")).to_have_value("Viewer")
    form.get_by_role("button", name="Create access rule").click()
    expect(answer.get_by_role("heading", name="It would be allowed now")).to_be_visible()
    expect(answer.get_by_role("listitem").filter(has_text="Viewer grants project:read").last).to_be_visible()


def test_a_refusal_is_found_by_the_id_of_its_request(visit: Visit, watch: Watch, console: Console) -> None:
    # The id is looked for among the decisions first.
    watch.expects("status of 404")
    email = console.person()
    refused(console, email, "/api/v1/clusters")
    found = console.everything(
        "/api/v1/audit/log?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&numberOfSamples=50"
        f"&filterBy=subject=={email}&filterBy=result==Failed",
        "audit_logs",
    )
    page = visit(f"/why?id={found[0]['request_id']}")
    expect(answer_of(page)).to_contain_text(f"{email} has no access rule that grants cluster:read")


def test_anybody_can_be_asked_about(visit: Visit, console: Console) -> None:
    page = visit("/why")
    # On the element around a radio, which is what people see and click.
    page.get_by_text("Somebody else", exact=True).click()
    choose(page, page.get_by_role("combobox", name="User"), "katherine", "katherine@example.com")
    page.get_by_role("combobox", name="Action").click()
    page.get_by_role("option", name="Create").click()
    choose(page, page.get_by_role("combobox", name="Resource type"), "Projects", "Projects")
    page.get_by_text("Project", exact=True).click()
    choose(page, page.get_by_role("combobox", name="Project"), "tracking", "tracking")
    page.get_by_role("button", name="Explain").click()
    answer = answer_of(page)
    expect(answer.get_by_role("heading", name="Allowed", exact=True)).to_be_visible()
    path = answer.get_by_role("list").first
    expect(path).to_contain_text("Viewer does not include project:create")
    expect(path).to_contain_text("Editor grants project:create")
    expect(path.get_by_role("link", name="vision")).to_have_attribute("href", re.compile("/departments"))
    assert_accessible(page)
    # The address is the question: who opens it sees the same.
    page.reload()
    expect(answer.get_by_role("heading", name="Allowed", exact=True)).to_be_visible()


def test_the_narrowest_role_comes_first_and_the_form_has_the_scope(visit: Visit, console: Console) -> None:
    department = console.ids["vision"]
    page = visit(
        "/why?action=create&resource=project&subjectType=user&subject=alan@example.org"
        f"&scopeType=department&scope={department}"
    )
    roles = answer_of(page).get_by_role("list", name="Roles that would grant it").get_by_role("listitem")
    expect(roles.last).to_contain_text("System administrator")
    sizes = [int(re.search(r"(\d+) permissions", it)[1]) for it in roles.all_inner_texts()]  # type: ignore[index]
    assert sizes == sorted(sizes)
    roles.first.get_by_role("button").click()
    form = page.get_by_role("dialog", name="New access rule")
    expect(form.get_by_role("combobox", name="Department")).to_have_value("vision")


def test_who_holds_nothing_can_ask_about_themselves(visit: Visit, console: Console) -> None:
    page = visit("/why", email=console.person(), password=NEW_PASSWORD, size=(360, 800))
    page.get_by_role("textbox", name="Resource type").fill("project")
    page.get_by_role("button", name="Explain").click()
    answer = answer_of(page)
    expect(answer).to_contain_text("You have no access rule that grants project:read in tenant")
    expect(answer).to_contain_text("Ask an administrator")
    expect(answer.get_by_role("button", name=re.compile("^Give"))).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)


def test_what_cannot_be_found_is_said(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 404")
    page = visit("/why")
    field = page.get_by_label("Id of the refusal")
    field.fill("403 Forbidden")
    field.press("Enter")
    expect(page.get_by_text("There is no id in this")).to_be_visible()
    field.fill("01a20295-021f-7437-ab3f-68019fe43ddf")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no decision")


def test_text_from_an_address_stays_text(visit: Visit) -> None:
    page = visit(f"/why?action=read&resource=project&subjectType=group&subject={HOSTILE[0]}")
    expect(answer_of(page)).to_contain_text(f"{HOSTILE[0]} has no access rule")
    expect(page.locator("img[src=x]")).to_have_count(0)
