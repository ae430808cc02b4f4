"""Departments and projects in a real browser: made, given quotas, bounded, moved, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from support.chromium import Watch, assert_accessible
from support.console import DEPARTMENTS, HOSTILE, PROJECTS, Console
from support.processes import NEW_PASSWORD

Visit = Callable[..., Page]


def fresh(kind: str) -> str:
    return f"{kind}-{uuid4().hex[:8]}"


def pool_of(console: Console) -> dict[str, Any]:
    """The default node pool of frankfurt."""
    pools = console.everything("/api/v1/node-pools", "nodepools")
    return next(it for it in pools if it["clusterId"] == console.ids["frankfurt"] and it["isDefault"])


def new_department(console: Console, gpus: float, **more: Any) -> dict[str, Any]:
    pool = {"id": pool_of(console)["id"]}
    body = {
        "name": fresh("department"),
        "clusterId": console.ids["frankfurt"],
        "resources": [{"nodePool": pool, "gpu": {"deserved": gpus}}],
        **more,
    }
    return console.post(DEPARTMENTS, body)


def new_project(console: Console, department: dict[str, Any], gpus: float, **more: Any) -> dict[str, Any]:
    pool = {"id": pool_of(console)["id"]}
    body = {
        "name": fresh("project"),
        "clusterId": department["clusterId"],
        "parentId": department["id"],
        "resources": [{"nodePool": pool, "gpu": {"deserved": gpus}}],
        **more,
    }
    return console.post(PROJECTS, body)


def read(console: Console, path: str) -> dict[str, Any]:
    answer = console.admin.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def gpus_of(unit: dict[str, Any], pool: str = "default") -> dict[str, Any]:
    return next(it["gpu"] for it in unit["resources"] if it["nodePool"]["name"] == pool)


def choose(dialog: Locator, field: str, text: str) -> None:
    """Search in a picker and take what is found."""
    dialog.get_by_role("combobox", name=field).fill(text)
    dialog.page.get_by_role("option", name=re.compile(f"^{re.escape(text)}")).click()


def row_menu(page: Page, name: str, entry: str) -> None:
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=entry).click()


def test_a_department_and_its_project_are_made(visit: Visit, console: Console) -> None:
    page = visit("/departments")
    page.get_by_role("button", name="New department").click()
    dialog = page.get_by_role("dialog", name="New department")
    name = fresh("d")
    dialog.get_by_label("Name", exact=True).fill("Not a Name")
    dialog.get_by_role("button", name="Create department").click()
    expect(dialog.get_by_text("begins with a letter")).to_be_visible()
    expect(dialog.get_by_text("Choose a cluster.", exact=True)).to_be_visible()
    assert_accessible(page)
    dialog.get_by_label("Name", exact=True).fill(name)
    choose(dialog, "Cluster", "frankfurt")
    dialog.get_by_role("textbox", name="GPU quota in default").fill("10")
    dialog.get_by_label("Training time limit").fill("2d")
    dialog.get_by_role("button", name="Create department").click()
    drawer = page.get_by_role("dialog", name=name)
    expect(drawer.get_by_text("2d", exact=True)).to_be_visible()

    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    project = fresh("p")
    dialog.get_by_label("Name", exact=True).fill(project)
    choose(dialog, "Cluster", "frankfurt")
    choose(dialog, "Department", name)
    dialog.get_by_role("textbox", name="GPU quota in default").fill("4")
    expect(dialog.get_by_text(f"4 of 10 GPUs of {name}")).to_be_visible()
    dialog.get_by_label("Training time limit").fill("3d")
    dialog.get_by_role("button", name="Create project").click()
    expect(dialog.get_by_text("At most 2d")).to_be_visible()
    dialog.get_by_label("Training time limit").fill("")
    dialog.get_by_role("button", name="Create project").click()
    drawer = page.get_by_role("dialog", name=project)
    expect(drawer.get_by_text("Inherited")).to_be_visible()
    expect(drawer.get_by_text(f"runai-{project}")).to_be_visible()
    assert_accessible(page)
    (made,) = console.everything(f"{PROJECTS}?filterBy=name=={project}", "projects")
    assert (made["parent"]["name"], gpus_of(made)["deserved"]) == (name, 4)


def test_a_name_that_is_taken_is_told_and_what_was_typed_stays(
    visit: Visit, watch: Watch, console: Console
) -> None:
    watch.expects("status of 409")
    page = visit("/departments")
    page.get_by_role("button", name="New department").click()
    dialog = page.get_by_role("dialog", name="New department")
    dialog.get_by_label("Name", exact=True).fill("vision")
    choose(dialog, "Cluster", "frankfurt")
    dialog.get_by_role("textbox", name="GPU quota in default").fill("3")
    dialog.get_by_role("button", name="Create department").click()
    expect(dialog.get_by_text("vision")).to_contain_text("exists")
    expect(dialog.get_by_role("textbox", name="GPU quota in default")).to_have_value("3")


def test_quotas_are_shown_with_what_they_do_before_they_are_saved(visit: Visit, console: Console) -> None:
    department = new_department(console, 8)
    new_project(console, department, 6)
    project = new_project(console, department, 2)
    page = visit(f"/projects?open={project['id']}")
    page.get_by_role("button", name=f"Edit the quotas of {project['name']}").click()
    dialog = page.get_by_role("dialog", name=f"Quotas of {project['name']}")
    quota = dialog.get_by_role("textbox", name="GPU quota in default")
    limit = dialog.get_by_role("textbox", name="GPU limit in default")
    expect(limit).to_have_value("Unlimited")
    quota.fill("5")
    limit.fill("4")
    dialog.get_by_role("button", name="Review changes").click()
    expect(dialog.get_by_text("Not below the quota.")).to_be_visible()
    expect(limit).to_be_focused()
    limit.fill("u")
    dialog.get_by_label("Over-quota weight in default").fill("3")
    dialog.get_by_role("button", name="Review changes").click()
    expect(dialog.get_by_text("would be promised 11 GPUs in default; it has 8 GPUs: 3 GPUs")).to_be_visible()
    changes = dialog.get_by_role("list", name="Changes").get_by_role("listitem")
    expect(changes).to_have_text([re.compile("2 GPUs.*5 GPUs"), re.compile("weight.*Default.*3")])
    assert_accessible(page)
    assert gpus_of(read(console, f"{PROJECTS}/{project['id']}"))["deserved"] == 2
    dialog.get_by_role("button", name="Save quotas").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("dialog", name=project["name"]).get_by_text("/ 5 GPUs")).to_be_visible()
    assert gpus_of(read(console, f"{PROJECTS}/{project['id']}")) == {
        "deserved": 5,
        "limit": None,
        "overQuotaWeight": 3,
    }


def test_an_edit_keeps_the_quotas_and_tells_what_is_inherited(visit: Visit, console: Console) -> None:
    rules = {"trainingJobTimeLimitSeconds": 86_400}
    project = new_project(console, new_department(console, 8, schedulingRules=rules), 2)
    page = visit(f"/projects?q={project['name']}")
    row_menu(page, project["name"], "Edit…")
    dialog = page.get_by_role("dialog", name=f"Edit project {project['name']}")
    field = dialog.get_by_label("Training time limit")
    expect(field).to_have_attribute("placeholder", "1d (inherited)")
    field.fill("2 days")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("not loosen it")).to_be_visible()
    field.fill("12h")
    dialog.get_by_label("Description").fill(HOSTILE[0])
    dialog.get_by_label("Node types for training").fill("dgx")
    dialog.get_by_label("Node types for training").press("Enter")
    # An agent may report between reading and saving, which makes what was read old; saving again is enough.
    page.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    now = read(console, f"{PROJECTS}/{project['id']}")
    assert now["schedulingRules"]["trainingJobTimeLimitSeconds"] == 43_200
    assert (now["description"], now["nodeTypes"]["training"]) == (HOSTILE[0], ["dgx"])
    assert gpus_of(now)["deserved"] == 2
    page.goto(f"/projects?open={project['id']}")
    expect(page.get_by_role("dialog").get_by_text(HOSTILE[0])).to_be_visible()


def test_an_edit_does_not_undo_the_quotas_that_somebody_else_changes_meanwhile(
    visit: Visit, watch: Watch, console: Console
) -> None:
    watch.expects("status of 412")
    project = new_project(console, new_department(console, 8), 2)
    page = visit(f"/projects?q={project['name']}")
    row_menu(page, project["name"], "Edit…")
    dialog = page.get_by_role("dialog", name="Edit project")
    dialog.get_by_label("Description").fill("mine")
    change = [{"nodePool": {"id": pool_of(console)["id"]}, "gpu": {"deserved": 3}}]
    answer = console.admin.patch(f"{PROJECTS}/{project['id']}/resources", json=change)
    assert answer.status_code == 200, answer.text

    def save() -> None:
        dialog.get_by_role("button", name="Save").click()
        expect(
            dialog.get_by_text("has changed since").or_(page.get_by_text("is changed.")).first
        ).to_be_visible()

    save()
    # The dialog reads again by itself; then the same button saves.
    while dialog.is_visible():
        with page.expect_response(lambda it: it.request.method == "GET" and project["id"] in it.url):
            pass
        save()
    now = read(console, f"{PROJECTS}/{project['id']}")
    assert (now["description"], gpus_of(now)["deserved"]) == ("mine", 3)


def test_a_project_moves_and_is_deleted(visit: Visit, console: Console) -> None:
    old, new = new_department(console, 8), new_department(console, 1)
    project = new_project(console, old, 2)
    page = visit(f"/projects?q={project['name']}")
    row_menu(page, project["name"], "Move…")
    dialog = page.get_by_role("dialog", name=f"Move {project['name']}")
    choose(dialog, "New department", new["name"])
    expect(dialog.get_by_text(f"2 of 1 GPUs of {new['name']}: over")).to_be_visible()
    assert_accessible(page)
    dialog.get_by_role("button", name="Move project").click()
    expect(page.get_by_role("cell", name=new["name"])).to_be_visible()
    row_menu(page, project["name"], "Delete…")
    question = page.get_by_role("dialog", name=f"Delete the project {project['name']}?")
    question.get_by_role("button", name="Delete project").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert console.admin.get(f"{PROJECTS}/{project['id']}").status_code == 404


def test_access_to_a_project_is_given_and_taken_where_it_is(visit: Visit, console: Console) -> None:
    email = console.person()
    project = new_project(console, new_department(console, 1), 1)
    page = visit(f"/projects?open={project['id']}")
    drawer = page.get_by_role("dialog", name=project["name"])
    expect(drawer.get_by_text("No access rule names this project")).to_be_visible()
    drawer.get_by_role("button", name="Add an access rule").click()
    choose(drawer, "User", email)
    choose(drawer, "Role", "Viewer")
    drawer.get_by_role("button", name="Add access rule").click()
    rule = drawer.get_by_role("listitem").filter(has_text=email)
    expect(rule).to_contain_text("Viewer for user")
    rule.get_by_role("button", name=re.compile("Delete the access rule")).click()
    page.get_by_role("button", name="Delete access rule", exact=True).click()
    expect(drawer.get_by_text("No access rule names this project")).to_be_visible()


def test_a_department_leads_to_its_projects_and_says_what_it_has_promised(
    visit: Visit, console: Console
) -> None:
    department = new_department(console, 3)
    projects = [new_project(console, department, 2) for _ in range(2)]
    page = visit(f"/departments?q={department['name']}")
    page.get_by_role("button", name=department["name"], exact=True).click()
    drawer = page.get_by_role("dialog", name=department["name"])
    expect(drawer.get_by_text("4 of 3 GPUs")).to_be_visible()
    assert_accessible(page)
    drawer.get_by_role("link", name="All 2 in the list").click()
    for it in projects:
        expect(page.get_by_role("button", name=it["name"], exact=True)).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="of 2")).to_be_visible()


def test_who_may_only_look_sees_no_button_that_changes_anything(visit: Visit, console: Console) -> None:
    email = console.person("Viewer")
    for path in ("/departments", "/projects"):
        page = visit(
            f"{path}?q=vision" if path == "/departments" else path, email=email, password=NEW_PASSWORD
        )
        expect(page.get_by_role("table")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^New "))).to_have_count(0)
        expect(page.get_by_role("button", name=re.compile("^Edit"))).to_have_count(0)


@pytest.mark.parametrize("path", ["/departments", "/projects"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_lists_are_accessible_on_a_phone(visit: Visit, path: str, dark: bool) -> None:
    page = visit(path, size=(360, 780), dark=dark)
    expect(page.get_by_role("button", name=re.compile("^Actions for")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert_accessible(page)


def test_what_is_downloaded_is_inert_in_a_spreadsheet(visit: Visit, console: Console) -> None:
    formula = HOSTILE[1]
    project = new_project(console, new_department(console, 1), 1, description=formula)
    page = visit(f"/projects?q={project['name']}")
    expect(page.get_by_role("button", name=project["name"], exact=True)).to_be_visible()
    page.get_by_role("button", name="More for Projects").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Download as CSV").click()
    text = download.value.path().read_text("utf-8-sig")
    assert "'=HYPERLINK" in text
    assert project["name"] in text
    assert "frankfurt" in text
