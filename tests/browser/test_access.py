"""Users, roles, access rules and one's own settings, as people use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from support.chromium import Watch, assert_accessible
from support.console import HOSTILE, Console
from support.processes import NEW_PASSWORD

Visit = Callable[..., Page]
RULES = "/api/v1/authorization/access-rules"
ROLES = "/api/v2/authorization/roles"
CHOSEN = "violet-harbor-tin-lamp"


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:10]}"


def sign_in(console: Console, email: str, password: str) -> httpx.Response:
    """What the sign-in of the console answers."""
    headers = {"sec-fetch-site": "same-origin"}
    body = {"email": email, "password": password}
    return httpx.post(f"{console.url}/api/v1/session", json=body, headers=headers, timeout=30)


def rules_of(console: Console, subject: str) -> list[tuple[str, str, str]]:
    """Role, type and name of the scope of each access rule of a subject."""
    found = console.everything(f"{RULES}?filterBy=subjectId=={subject}", "accessRules")
    return [(it["roleName"], it["scopeType"], it["scopeName"]) for it in found]


def choose(page: Page | Locator, field: str, text: str) -> None:
    """Pick from a list that is searched on the server."""
    box = page.get_by_role("combobox", name=field, exact=True)
    box.fill(text)
    root = page if isinstance(page, Page) else page.page
    root.get_by_role("option", name=re.compile(f"^{re.escape(text)}")).first.click()


def act_on(page: Page, name: str, action: str) -> Locator:
    """Choose an action in the menu of a row; the dialog that opens."""
    page.get_by_role("button", name=f"Actions for {name}").click()
    page.get_by_role("menuitem", name=action).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def test_a_new_user_gets_a_password_and_a_role_in_one_dialog(visit: Visit, console: Console) -> None:
    email = f"{unique('grete')}@example.com"
    page = visit("/users")
    page.get_by_role("button", name="New local user").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"User {email}")
    password = dialog.get_by_test_id("Password").inner_text()
    # The password would be gone: a slip of the finger must not close it.
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    assert_accessible(page)
    choose(dialog, "Role", "Viewer")
    dialog.get_by_role("button", name="Add access rule").click()
    expect(dialog.get_by_role("listitem").filter(has_text=re.compile("^Viewer in tenant"))).to_be_visible()
    dialog.get_by_role("button", name="I have kept the password").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("cell", name=email, exact=True)).to_be_visible()
    assert rules_of(console, email) == [("Viewer", "tenant", "runai")]
    refused = sign_in(console, email, password)
    assert refused.status_code == 403
    assert refused.json()["reason"] == "password-change-required"


def test_what_is_wrong_with_a_new_user_stands_at_the_field(visit: Visit, watch: Watch) -> None:
    watch.expects("status of 4")
    page = visit("/users")
    page.get_by_role("button", name="New local user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_text("Enter the address")).to_be_visible()
    dialog.get_by_label("E-mail").fill("ada@example.com")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_text("already")).to_be_visible()
    expect(dialog.get_by_label("E-mail")).to_have_value("ada@example.com")


def test_resetting_a_password_ends_the_old_one(visit: Visit, console: Console) -> None:
    email = console.person("Viewer")
    page = visit(f"/users?q={email}")
    dialog = act_on(page, email, "Reset password")
    dialog.get_by_role("button", name="Reset password").click()
    password = dialog.get_by_test_id("Password").inner_text()
    assert sign_in(console, email, NEW_PASSWORD).status_code == 400
    assert sign_in(console, email, password).json()["reason"] == "password-change-required"
    dialog.get_by_role("button", name="I have kept the password").click()
    expect(dialog).to_be_hidden()


def test_deleting_a_user_asks_and_names_the_person(visit: Visit, console: Console) -> None:
    email = console.person("Viewer")
    page = visit(f"/users?q={email}")
    dialog = act_on(page, email, "Delete")
    expect(dialog).to_have_accessible_name(f"Delete the user {email}?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert console.admin.get(f"/api/v1/users/{console.ids[email]}").status_code == 200
    act_on(page, email, "Delete").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert console.admin.get(f"/api/v1/users/{console.ids[email]}").status_code == 404
    assert rules_of(console, email) == []


def test_nobody_deletes_or_resets_themselves(visit: Visit) -> None:
    page = visit("/users?q=admin@example.com")
    page.get_by_role("button", name="Actions for admin@example.com").click()
    for action in ("Reset password…", "Delete…"):
        expect(page.get_by_role("menuitem", name=action)).to_have_attribute("aria-disabled", "true")


def test_a_custom_role_is_made_given_disabled_and_deleted(
    visit: Visit, console: Console, watch: Watch
) -> None:
    watch.expects("status of 409")
    name = unique("planner")
    page = visit("/roles")
    page.get_by_role("button", name="New custom role").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_label("Name").fill(name)
    drawer.get_by_role("button", name="Create role").click()
    expect(drawer.get_by_text("Allow at least one thing")).to_be_visible()
    drawer.get_by_role("radiogroup", name="Projects").get_by_text("Full").click()
    drawer.get_by_role("radiogroup", name="Nodes").get_by_text("View").click()
    assert_accessible(page)
    drawer.get_by_role("button", name="Create role").click()
    expect(drawer).to_be_hidden()
    made = next(it for it in console.admin.get(ROLES).json() if it["name"] == name)
    assert {it["name"] for it in made["permissionSets"]} == {"projectsEditAccess", "nodesReadAccess"}

    email = console.person(name)
    page.goto(f"/roles?q={name}")
    drawer = act_on(page, name, "Edit")
    expect(drawer.get_by_role("radiogroup", name="Projects").get_by_label("Full")).to_be_checked()
    drawer.get_by_role("switch", name="Enabled").uncheck()
    drawer.get_by_role("button", name="Save role").click()
    expect(page.get_by_role("cell", name="Disabled")).to_be_visible()

    dialog = act_on(page, name, "Delete")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_text("in use by 1 access rule")).to_be_visible()
    [rule] = console.everything(f"{RULES}?filterBy=subjectId=={email}", "accessRules")
    assert console.admin.delete(f"{RULES}/{rule['id']}").status_code == 204
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_the_matrix_of_a_role_says_what_is_and_is_not_allowed(visit: Visit) -> None:
    page = visit("/roles?q=viewer&open=7")
    matrix = page.get_by_role("table", name="Permissions of Viewer")
    projects = matrix.get_by_role("row", name=re.compile("^Projects"))
    expect(projects.get_by_role("cell")).to_have_text(
        ["Allowed", "–Not allowed", "–Not allowed", "–Not allowed"]
    )
    access = matrix.get_by_role("row", name=re.compile("^Access rules"))
    expect(access).to_have_count(0)
    page.get_by_role("switch", name="Show what is not granted too").check()
    expect(access).to_contain_text("Not allowed")
    assert_accessible(page)
    page.get_by_role("link", name="Who has this role?").click()
    expect(page.get_by_role("row", name=re.compile("katherine@example.com User Viewer"))).to_be_visible()
    expect(page.get_by_role("cell", name="alan@example.com")).to_have_count(0)


def test_an_access_rule_for_a_project_is_made_and_taken_back(visit: Visit, console: Console) -> None:
    email = console.person()
    page = visit(f"/access-rules?q={email}")
    page.get_by_role("button", name="New access rule").click()
    dialog = page.get_by_role("dialog", name="New access rule")
    dialog.get_by_role("button", name="Create access rule").click()
    expect(dialog.get_by_text("Choose a user.")).to_be_visible()
    expect(dialog.get_by_text("Choose a role.")).to_be_visible()
    choose(dialog, "User", email)
    choose(dialog, "Role", "Editor")
    dialog.get_by_role("radiogroup", name="Scope").get_by_text("Project").click()
    choose(dialog, "Project", "tracking")
    assert_accessible(page)
    dialog.get_by_role("button", name="Create access rule").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row", name=re.compile(f"{email} User Editor tracking"))).to_be_visible()
    assert rules_of(console, email) == [("Editor", "project", "tracking")]
    page.get_by_role("button", name=email, exact=True).click()
    expect(page.get_by_role("dialog").get_by_text("runai › frankfurt › vision › tracking")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    dialog = act_on(page, email, "Delete")
    expect(dialog).to_have_accessible_name(f"Take Editor in project tracking from {email}?")
    dialog.get_by_role("button", name="Delete access rule").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    assert rules_of(console, email) == []


def test_a_rule_for_somebody_who_was_never_here(visit: Visit, console: Console) -> None:
    """With single sign-on, access comes before the first sign-in makes the user."""
    email = f"{unique('future')}@example.com"
    page = visit("/access-rules")
    page.get_by_role("button", name="New access rule").click()
    dialog = page.get_by_role("dialog", name="New access rule")
    choose(dialog, "User", email)
    choose(dialog, "Role", "Viewer")
    dialog.get_by_role("button", name="Create access rule").click()
    expect(dialog).to_be_hidden()
    assert rules_of(console, email) == [("Viewer", "tenant", "runai")]


def test_an_access_key_signs_in_as_its_owner(visit: Visit, console: Console) -> None:
    email = console.person("Viewer")
    name = unique("laptop")
    page = visit("/me?tab=access-keys", email=email, password=NEW_PASSWORD)
    page.get_by_role("button", name="New access key").first.click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Access key {name}")
    client = dialog.get_by_test_id("Client ID").inner_text()

    def token(secret: str) -> httpx.Response:
        body = {"grantType": "client_credentials", "clientId": client, "clientSecret": secret}
        return httpx.post(f"{console.url}/api/v1/token", json=body, timeout=30)

    dialog.get_by_role("button", name="Copy secret").click()
    dialog.get_by_role("button", name="I have kept the secret").click()
    expect(dialog).to_be_hidden()
    # Pages of this server may not read the clipboard; people paste.
    search = page.get_by_role("searchbox", name="Search access keys")
    search.focus()
    page.keyboard.press("ControlOrMeta+V")
    first = search.input_value()
    search.fill("")
    assert token(first).status_code == 200

    dialog = act_on(page, name, "Renew secret")
    dialog.get_by_label("At once").check()
    dialog.get_by_role("button", name="Renew secret").click()
    second = dialog.get_by_test_id("Secret").inner_text()
    assert token(first).status_code >= 400
    assert token(second).status_code == 200
    dialog.get_by_role("button", name="I have kept the secret").click()

    act_on(page, name, "Delete").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No access keys yet")).to_be_visible()
    assert token(second).status_code >= 400


def test_changing_ones_own_password_keeps_this_session(visit: Visit, console: Console, watch: Watch) -> None:
    watch.expects("status of 400")
    email = console.person("Viewer")
    page = visit("/me?tab=password", email=email, password=NEW_PASSWORD)
    current = page.get_by_label("Current password", exact=True)
    current.fill("not-the-password-at-all")
    page.get_by_label("New password", exact=True).fill(CHOSEN)
    page.get_by_label("New password, again").fill("something-else-entirely")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The two are not the same.")).to_be_visible()
    page.get_by_label("New password, again").fill(CHOSEN)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The current password is wrong.")).to_be_visible()
    expect(current).to_be_focused()
    current.fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()
    expect(current).to_have_value("")
    assert sign_in(console, email, NEW_PASSWORD).status_code == 400
    assert sign_in(console, email, CHOSEN).status_code == 200
    page.reload()
    expect(page.get_by_role("heading", name="User settings")).to_be_visible()


def test_ones_own_roles_and_permissions_are_shown(visit: Visit, console: Console) -> None:
    email = console.person("Viewer")
    console.rule(email, "user", "Editor", "project", console.ids["grasping"])
    page = visit("/me", email=email, password=NEW_PASSWORD)
    expect(page.get_by_role("tabpanel")).to_contain_text(email)
    page.get_by_role("tab", name="Roles and scopes").click()
    expect(page).to_have_url(re.compile(r"\?tab=access$"))
    expect(page.get_by_role("row", name="Editor Project grasping You")).to_be_visible()
    matrix = page.get_by_role("table", name="Your permissions")
    expect(matrix.get_by_role("row", name=re.compile("^Environments"))).to_contain_text("Allowed")


def test_without_permission_there_is_neither_entry_nor_button(visit: Visit, console: Console) -> None:
    """An Editor sees identities and changes none of them; a Department viewer does not see them."""
    page = visit("/users", email=console.person("Editor"), password=NEW_PASSWORD)
    expect(page.get_by_role("cell", name="grace@example.com", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="New local user")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Actions for"))).to_have_count(0)
    navigation = page.get_by_role("navigation")
    expect(navigation.get_by_role("link", name="Users")).to_have_count(1)
    page = visit("/me", email=console.person("Department viewer"), password=NEW_PASSWORD)
    navigation = page.get_by_role("navigation")
    expect(navigation.get_by_role("link", name="Projects")).to_have_count(1)
    for entry in ("Users", "Service accounts", "Roles", "Access rules"):
        expect(navigation.get_by_role("link", name=entry)).to_have_count(0)


def test_stored_text_stays_text_in_the_table_and_the_file(visit: Visit, console: Console) -> None:
    image, formula, script = HOSTILE
    for group in (image, formula):
        console.rule(f"{group} {uuid4().hex[:6]}", "group", "Viewer")
    reads = next(
        it
        for it in console.admin.get("/api/v1/authorization/permission-sets").json()
        if "nodes" in it["name"]
    )
    role = f"{script} {uuid4().hex[:6]}"
    console.post(ROLES, {"name": role, "description": image, "permissionSets": [{"id": reads["id"]}]})
    page = visit("/roles?q=script")
    page.get_by_role("button", name=role, exact=True).click()
    expect(page.get_by_role("dialog").get_by_text(image)).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    page.goto("/access-rules?filter=subjectType%3D%3Dgroup")
    expect(page.get_by_role("cell", name=formula).first).to_be_visible()
    page.get_by_role("button", name="More for Access rules").click()
    with page.expect_download() as file:
        page.get_by_role("menuitem", name="Download as CSV").click()
    text = Path(file.value.path()).read_text("utf-8")
    assert "HYPERLINK" in text
    assert not re.search(r'(^|,)"?=HYPERLINK', text, re.MULTILINE)


PLACES = (
    "/users",
    "/roles?open=14",
    "/access-rules",
    "/me?tab=details",
    "/me?tab=access",
    "/me?tab=access-keys",
    "/me?tab=password",
)


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (360, False)])
def test_the_pages_are_accessible_and_fit(width: int, dark: bool, visit: Visit) -> None:
    page = visit("about:blank", size=(width, 844), dark=dark)
    for place in PLACES:
        page.goto(place)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
