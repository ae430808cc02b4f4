"""`runplane export`, `plan` and `apply` against real servers: what they print, and what they leave behind."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import update

from runplane.cli import server as rest
from runplane.cli.connect import Target
from runplane.cli.organization import command
from runplane.cli.organization.applying import apply_plan
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.planning import make_plan
from runplane.cli.organization.reading import read_world
from runplane.cli.organization.yaml_file import Source
from runplane.cli.transport import Transport
from runplane.main import main
from runplane.server.identity.tables import clients
from support.runapy import recorded
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server
from support.units import DEPARTMENTS, PROJECTS, limit_projects, ok

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def west(any_server: Server) -> Server:
    """The server with one cluster, `west`, that has a second node pool, `big`."""
    made = ok(any_server.admin.post("/api/v1/clusters", json={"name": "west"}), 201)
    pool = {"name": "big", "clusterId": made["uuid"], "labelKey": "size", "labelValue": "big"}
    ok(any_server.admin.post("/api/v1/node-pools", json=pool), 201)
    return any_server


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, west: Server
) -> Run:
    """Runs the command line here, signed in as the administrator: exit code, standard output and error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNPLANE_")}
    monkeypatch.setattr(os, "environ", kept | {"RUNPLANE_HOME": str(tmp_path / "home")})

    def go(*arguments: Any, **environ: str) -> tuple[int, str, str]:
        token = west.token(ADMIN_EMAIL, ADMIN_PASSWORD)
        for name, value in {"RUNPLANE_URL": west.url, "RUNPLANE_TOKEN": token, **environ}.items():
            monkeypatch.setitem(os.environ, name, value)
        monkeypatch.setattr(sys, "argv", ["runplane", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), written.out, written.err

    return go


EMPTY = "version: 1\ndepartments: []\nprojects: []\nroles: []\nserviceAccounts: []\n"
ADMIN = f"- {{user: {ADMIN_EMAIL}, role: System administrator, scope: tenant}}\n"
EMPTY += f"accessRules:\n{ADMIN}"


@pytest.fixture
def file(tmp_path: Path, run: Run) -> Iterator[Path]:
    """A file to write to; afterwards the server is empty again."""
    path = tmp_path / "organization.yaml"
    yield path
    path.write_text(EMPTY)
    code, _, err = run("apply", path, "--prune", "--yes")
    assert code == 0, err


FULL = """\
version: 1
departments:
- name: research
  cluster: west
  description: Those who train
  schedulingRules:
    trainingJobTimeLimitSeconds: 7200
  resources:
    default:
      gpu:
        deserved: 8
        limit: 16
        overQuotaWeight: 2
projects:
- name: team-a
  cluster: west
  department: research
  defaultNodePools: [big, default]
  resources:
    default:
      gpu: {deserved: 4.5}
      memory: {deserved: 64, limit: -1, units: GB}
      priority: High
roles:
- name: Watcher
  permissionSets: [projectsReadAccess, departmentsReadAccess]
serviceAccounts:
- name: nightly
- name: resting
  enabled: false
accessRules:
- serviceAccount: nightly
  role: Watcher
  scope: {project: team-a}
- user: Ada@Example.org
  role: Viewer
  scope: {department: research}
- group: everybody
  role: Viewer
  scope: tenant
"""


def test_a_file_is_planned_applied_and_then_nothing_is_left_to_do(run: Run, file: Path) -> None:
    file.write_text(FULL)
    code, out, _ = run("plan", file)
    assert code == 2
    assert out == PLANNED
    code, out, err = run("apply", file, "--yes")
    assert (code, err) == (0, "")
    assert "created project west/team-a\n" in out
    file.write_text(FULL.replace("accessRules:\n", f"accessRules:\n{ADMIN}"))
    assert run("plan", file)[:2] == (0, "Nothing to change.\n")
    file.write_text(FULL)
    assert run("plan", file)[:2] == (0, AGAIN)
    code, out, _ = run("apply", file, "--yes")
    assert (code, out) == (0, AGAIN)


KEPT = f"""\
Not in the file, and kept without --prune:
    access rule {ADMIN_EMAIL} as System administrator in the tenant
"""
PLANNED = f"""\
+ role Watcher
    permissionSets: ["departmentsReadAccess", "projectsReadAccess"]
+ service account nightly
+ service account resting
    enabled: false
+ department west/research
    description: "Those who train"
    resources.default.gpu.deserved: 8
    resources.default.gpu.limit: 16
    resources.default.gpu.overQuotaWeight: 2
    schedulingRules.trainingJobTimeLimitSeconds: 7200
+ project west/team-a
    defaultNodePools: ["big", "default"]
    department: "research"
    resources.default.gpu.deserved: 4.5
    resources.default.memory.deserved: 64
    resources.default.memory.units: "GB"
    resources.default.priority: "High"
+ access rule nightly as Watcher in project west/team-a
+ access rule ada@example.org as Viewer in department west/research
+ access rule everybody as Viewer in the tenant
{KEPT}8 to create, 0 to update, 0 to delete.
"""
AGAIN = f"""\
{KEPT}Nothing to change.
"""

EXPORTED = """\
version: 1
departments:
- name: default
  cluster: west
- name: research
  cluster: west
  description: Those who train
  schedulingRules:
    trainingJobTimeLimitSeconds: 7200
  resources:
    default:
      gpu:
        deserved: 8
        limit: 16
        overQuotaWeight: 2
projects:
- name: team-a
  cluster: west
  defaultNodePools:
  - big
  - default
  resources:
    default:
      gpu:
        deserved: 4.5
      memory:
        deserved: 64
        units: GB
      priority: High
  department: research
roles:
- name: Watcher
  permissionSets:
  - departmentsReadAccess
  - projectsReadAccess
serviceAccounts:
- name: nightly
- name: resting
  enabled: false
accessRules:
- user: ada@example.org
  role: Viewer
  scope:
    cluster: west
    department: research
- user: admin@example.com
  role: System administrator
  scope: tenant
- group: everybody
  role: Viewer
  scope: tenant
- serviceAccount: nightly
  role: Watcher
  scope:
    cluster: west
    project: team-a
"""


def test_the_export_is_short_and_the_same_again_after_emptying(run: Run, file: Path) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    code, first, err = run("export")
    assert (code, first, err) == (0, EXPORTED, "")
    file.write_text(EMPTY)
    assert run("apply", file, "--prune", "--yes")[0] == 0
    assert "research" not in run("export")[1]
    file.write_text(first)
    assert run("apply", file, "--yes")[0] == 0
    assert run("export")[1] == first


CHANGED = """\
version: 1
departments:
- {name: research, description: Those who train, resources: {big: {gpu: {deserved: unlimited}}}}
projects:
- {name: team-a, department: default, nodeTypes: {training: [h100]}}
"""
CHANGES = """\
~ department west/research
    resources.big.gpu.deserved: 0 -> "unlimited"
    resources.default.gpu.deserved: 8 -> 0
    resources.default.gpu.limit: 16 -> "unlimited"
    resources.default.gpu.overQuotaWeight: 2 -> (none)
    schedulingRules.trainingJobTimeLimitSeconds: 7200 -> (none)
~ project west/team-a
    defaultNodePools: ["big", "default"] -> (none)
    department: "research" -> "default"
    nodeTypes.training: [] -> ["h100"]
    resources.default.gpu.deserved: 4.5 -> 0
    resources.default.memory.deserved: 64 -> "unlimited"
    resources.default.memory.units: "GB" -> "MB"
    resources.default.priority: "High" -> (none)
0 to create, 2 to update, 0 to delete.
"""


def test_changes_show_old_and_new_values_and_move_projects(run: Run, file: Path, west: Server) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    file.write_text(CHANGED)
    assert run("plan", file)[:2] == (2, CHANGES)
    assert run("apply", file, "--yes")[0] == 0
    assert run("plan", file)[:2] == (0, "Nothing to change.\n")
    (project,) = ok(west.admin.get(PROJECTS))["projects"]
    assert project["parent"]["name"] == "default"
    (research,) = [it for it in ok(west.admin.get(DEPARTMENTS))["departments"] if it["name"] == "research"]
    assert [it["gpu"]["deserved"] for it in research["resources"]] == [0, -1]


def test_sections_that_are_not_in_the_file_are_left_alone_even_when_pruning(run: Run, file: Path) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    before = run("export")[1]
    file.write_text("version: 1\n")
    assert run("apply", file, "--prune", "--yes")[:2] == (0, "Nothing to change.\n")
    assert run("export")[1] == before


PRUNED = """\
- project west/team-a
- service account nightly
- service account resting
0 to create, 0 to update, 3 to delete.
"""


def test_deletions_happen_only_when_asked_for(run: Run, file: Path) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    file.write_text("version: 1\nprojects: []\nserviceAccounts: []\n")
    assert run("plan", file)[0] == 0
    assert run("plan", file, "--prune")[:2] == (2, PRUNED)
    code, out, err = run("apply", file, "--prune", "--yes")
    assert (code, err) == (0, "")
    assert out == PRUNED + "deleted project west/team-a\ndeleted service account nightly\n" + (
        "deleted service account resting\n"
    )


def test_a_department_does_not_take_projects_along_that_the_file_is_silent_about(
    run: Run, file: Path
) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    file.write_text("version: 1\ndepartments: []\n")
    code, out, err = run("apply", file, "--prune", "--yes")
    assert (code, out) == (1, "")
    assert err == (
        f"{file}: department west/research is not in the file, and its project team-a would be deleted with "
        "it. Move the project first.\n"
    )
    assert run("plan", file)[0] == 0


class Terminal(io.StringIO):
    """Standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


def test_nothing_is_changed_unless_somebody_agrees(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(FULL)
    for answer in ("n\n", "", "\n"):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        code, out, err = run("apply", file)
        assert code == 1
        assert "Apply this to http" in out + err
        assert run("plan", file)[:2] == (2, PLANNED)
    # what comes from a pipe is nobody's answer
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, err = run("apply", file)
    assert (code, err) == (2, "There is no terminal to ask on; give --yes.\n")
    assert run("plan", file)[:2] == (2, PLANNED)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run("apply", file)[0] == 0
    assert run("plan", file)[0] == 0


def test_what_changed_while_the_question_stood_is_not_overwritten(run: Run, file: Path, west: Server) -> None:
    file.write_text(FULL)
    run("export")  # sets the environment
    (cluster,) = west.admin.get("/api/v1/clusters").json()

    def agreed(_: str) -> bool:
        body = {"name": "research", "clusterId": cluster["uuid"], "resources": []}
        ok(west.admin.post(DEPARTMENTS, json=body), 201)
        return True

    with pytest.raises(OrganizationError, match="has changed since; nothing was done"):
        command.apply(Target(), file, prune=False, agreed=agreed, say=lambda _: None)
    assert ok(west.admin.get(PROJECTS))["projects"] == []


def test_a_department_may_give_up_what_its_projects_give_up_in_the_same_file(
    run: Run, file: Path, west: Server
) -> None:
    text = "version: 1\ndepartments:\n- {name: research, resources: {default: {gpu: {deserved: %d}, %s}}}\n"
    text += (
        "projects:\n- {name: team-a, department: research, resources: {default: {gpu: {deserved: %d}, %s}}}\n"
    )
    rest = "cpu: {deserved: 0}, memory: {deserved: 0}"
    limit_projects(west, on=True)
    try:
        for amount in (8, 4, 6):
            file.write_text(text % (amount, rest, amount, rest))
            code, _, err = run("apply", file, "--yes")
            assert (code, err) == (0, "")
        assert run("plan", file)[0] == 0
        file.write_text(text % (4, rest, 6, rest))
        code, _, err = run("apply", file, "--yes")
        assert code == 1
        assert err.startswith(f"{file}:")
    finally:
        limit_projects(west, on=False)


def test_a_secret_is_neither_exported_nor_kept(run: Run, file: Path, west: Server) -> None:
    made = ok(west.admin.post("/api/v1/service-accounts", json={"name": "robot"}), 201)
    file.write_text("version: 1\nserviceAccounts: [{name: nightly}]\n")
    code, out, _ = run("apply", file, "--yes")
    assert code == 0
    assert "rpk_" not in out
    exported = run("export")[1]
    assert "- name: robot\n" in exported
    assert "rpk_" not in exported
    assert made["clientId"] not in exported


def test_a_service_account_signs_in_with_id_and_secret(run: Run, file: Path, west: Server) -> None:
    made = ok(west.admin.post("/api/v1/service-accounts", json={"name": "deployer"}), 201)
    file.write_text(
        "version: 1\naccessRules:\n- {serviceAccount: deployer, role: System administrator, scope: tenant}\n"
    )
    assert run("apply", file, "--yes")[0] == 0
    secret = file.parent / "secret"
    secret.write_text(made["clientSecret"] + "\n")
    login = ("--client-id", made["clientId"], "--client-secret-file", secret)
    code, out, _ = run("export", *login, RUNPLANE_TOKEN="")
    assert code == 0
    assert "- name: deployer\n" in out
    secret.write_text("wrong")
    code, _, err = run("export", *login)
    assert code == 3
    assert err.startswith(f"No token for the client {made['clientId']}: ")


MISTAKES = {
    "unknown member": ("departments:\n- name: a\n  colour: red", 3, "unknown field `colour`"),
    "no name": ("projects:\n- department: a", 3, "missing required field `name`"),
    "a number for a name": ("roles:\n- name: 12", 3, "Expected `str`"),
    "alias": ("roles: &r []\nprojects: *r", 3, "aliases"),
    "tag": ("roles: !!python/object:os.system []", 2, ""),
    "twice": ("departments:\n- name: a\n  name: b", 4, "twice"),
    "object twice": ("departments:\n- name: a\n- name: a", 4, "twice"),
    "broken": ("departments: [", 3, ""),
    "other version": ("version: 2", 2, "twice"),
    "not a number": (
        "departments:\n- name: a\n  resources:\n    default:\n      cpu: {limit: .nan}",
        6,
        "number",
    ),
    "unknown cluster": ("departments:\n- {name: a, cluster: mars}", 3, "department mars/a is in a cluster"),
    "unknown pool": ("departments:\n- {name: a, resources: {gold: {}}}", 3, ""),
    "unknown default pool": ("departments:\n- {name: a, defaultNodePools: [gold]}", 3, "gold"),
    "unknown department": ("projects:\n- {name: a, department: gone}", 3, "unknown department: gone"),
    "unknown set": ("roles:\n- {name: a, permissionSets: [all]}", 3, "unknown permission set all"),
    "predefined role": ("roles:\n- {name: Viewer}", 3, "predefined"),
    "unknown role": ("accessRules:\n- {user: a@b.c, role: King, scope: tenant}", 3, "unknown role"),
    "no subject": ("accessRules:\n- {role: Viewer, scope: tenant}", 3, "one of user"),
    "unknown account": (
        "accessRules:\n- {serviceAccount: a, role: Viewer, scope: tenant}",
        3,
        "unknown service",
    ),
    "unknown project": (
        "accessRules:\n- {user: a@b.c, role: Viewer, scope: {project: a}}",
        3,
        "unknown project",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_with_their_line_before_anything_changes(run: Run, file: Path, name: str) -> None:
    text, line, says = MISTAKES[name]
    before = run("export")[1]
    file.write_text(f"version: 1\n{text}\n")
    code, out, err = run("apply", file, "--yes")
    assert (code, out) == (1, "")
    assert err.startswith(f"{file}:{line}: ")
    assert says in err
    assert run("export")[1] == before


def test_what_the_server_refuses_is_told_with_its_line(run: Run, file: Path) -> None:
    file.write_text("version: 1\ndepartments:\n- name: fine\n- name: Not Fine\n")
    code, out, err = run("apply", file, "--yes")
    assert code == 1
    assert out.endswith("created department west/fine\n")
    assert err.startswith(f"{file}:4: department west/Not Fine: name must start with")


def test_what_is_missing_is_told_in_one_line(run: Run, tmp_path: Path, west: Server) -> None:
    gone = tmp_path / "gone.yaml"
    assert run("plan", gone) == (1, "", f"{gone}: No such file or directory.\n")
    said = f"You are not logged in at {west.url}. Run `runplane login {west.url}`.\n"
    assert run("export", RUNPLANE_TOKEN="") == (3, "", said)
    said = "http://127.0.0.1:1 does not answer. Is the address right?\n"
    assert run("export", "--url", "http://127.0.0.1:1") == (7, "", said)
    assert run("export", RUNPLANE_TOKEN="abc") == (1, "", "The token is not one of a runplane server.\n")


def test_lists_of_more_than_one_page_are_read_whole(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    monkeypatch.setattr(rest, "PAGE", 1)
    assert run("export")[1] == EXPORTED


def test_units_of_no_memory_are_no_difference(run: Run, file: Path, west: Server) -> None:
    (cluster,) = west.admin.get("/api/v1/clusters").json()
    given = [{"gpu": {"deserved": 1}, "memory": {"units": "GB"}}]
    body = {"name": "research", "clusterId": cluster["uuid"], "resources": given}
    ok(west.admin.post(DEPARTMENTS, json=body), 201)
    quota = "{default: {gpu: {deserved: 1}}}"
    file.write_text(f"version: 1\ndepartments:\n- {{name: research, resources: {quota}}}\n")
    assert run("plan", file) == (0, "Nothing to change.\n", "")


def test_a_project_that_its_department_overtook_is_exported_as_it_is_bound(run: Run, file: Path) -> None:
    rules = "schedulingRules: {trainingJobTimeLimitSeconds: %d}"
    text = f"version: 1\ndepartments:\n- {{name: research, {rules}}}\n"
    project = f"projects:\n- {{name: team-a, department: research, {rules}}}\n"
    file.write_text((text + project) % (7200, 7200))
    assert run("apply", file, "--yes")[0] == 0
    file.write_text(text % 60)
    assert run("apply", file, "--yes")[0] == 0
    exported = run("export")[1]
    assert exported.count("trainingJobTimeLimitSeconds: 60\n") == 2
    file.write_text(EMPTY)
    assert run("apply", file, "--prune", "--yes")[0] == 0
    file.write_text(exported)
    code, _, err = run("apply", file, "--yes")
    assert (code, err) == (0, "")


def test_an_account_that_has_ended_is_not_exported_and_not_pruned(run: Run, file: Path, west: Server) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    ended = update(clients).where(clients.c.name == "nightly").values(expires_at="2026-01-01T00:00:00.000Z")
    west.units.write(lambda unit: unit.execute(ended))
    code, out, err = run("export")
    assert code == 0
    assert "nightly" not in out
    assert "resting" in out
    assert "service account nightly" in err
    file.write_text(out)
    code, out, _ = run("plan", file, "--prune")
    assert (code, out) == (0, "Nothing to change.\n")
    # a file from before it ended still fits
    past = "- {name: nightly, expiresAt: '2026-01-01T00:00:00.000Z'}"
    file.write_text(FULL.replace("- name: nightly", past))
    assert run("plan", file)[0] == 0
    again = update(clients).where(clients.c.name == "nightly").values(expires_at=None)
    west.units.write(lambda unit: unit.execute(again))


@pytest.mark.parametrize("kind", ["role", "account", "department", "project"])
@pytest.mark.parametrize("action", ["update", "delete"])
def test_what_somebody_changed_since_the_plan_is_left_alone(
    run: Run, file: Path, west: Server, kind: str, action: str
) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    admin = west.admin
    section, path, mine, theirs = {
        "role": ("roles", "/api/v2/authorization/roles", {"description": "mine"}, {"description": "theirs"}),
        "account": ("serviceAccounts", "/api/v1/service-accounts", {"enabled": False}, {"enabled": False}),
        "department": ("departments", DEPARTMENTS, {"description": "mine"}, {"description": "theirs"}),
        "project": ("projects", PROJECTS, {"description": "mine"}, {"description": "theirs"}),
    }[kind]
    wanted: Any = yaml.safe_load(FULL)
    # a department takes its projects along, and each its rules
    going = {"departments": ("projects", "accessRules")}
    if action == "delete":
        for name in (section, *going.get(section, ("accessRules",))):
            wanted[name] = yaml.safe_load(ADMIN) if name == "accessRules" else []
    else:
        wanted[section][0] |= mine
    file.write_text(json.dumps(wanted))
    token = west.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    with rest.Api(Transport(west.url), rest.FixedToken(token)) as api:
        world = read_world(api, token)
        source = Source(str(file), file.read_text())
        plan = make_plan(source, world, prune=action == "delete")
        change = next(it for it in plan.changes if it.section.member == section)
        address = f"{path}/{world.ids[change.section.field, change.key]}"
        if kind == "account":
            ok(admin.patch(address, json=theirs))
        else:
            now = ok(admin.get(address))
            members = ("name", "permissionSets", "kubernetesPermissions", "resources", "parentId", "enabled")
            ok(admin.put(address, json={name: now[name] for name in members if name in now} | theirs))
        with pytest.raises(OrganizationError, match="somebody has changed it"):
            apply_plan(plan, api, world, lambda _: None)
    kept = ok(admin.get(address))
    assert {name: kept[name] for name in theirs} == theirs


def test_a_change_comes_with_the_tag_of_what_it_changes(run: Run, file: Path, west: Server) -> None:
    file.write_text(FULL)
    assert run("apply", file, "--yes")[0] == 0
    file.write_text(FULL.replace("Those who train", "Those who trained"))
    with recorded(west) as seen:
        assert run("apply", file, "--yes")[0] == 0
    (sent,) = [it for it in seen if it.method == "PUT"]
    assert sent.path.startswith(DEPARTMENTS)
    assert sent.headers["if-match"].startswith('"')
