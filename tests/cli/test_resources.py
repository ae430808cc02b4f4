"""The resource commands beyond the transcripts: files, terminals, names, whole updates, completion."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs

from runplane.cli.resources.kinds import KINDS
from runplane.cli.resources.progress import Progress
from runplane.cli.server import Api
from runplane.server.app import operations_for_inspection
from support.cli import Line
from support.clusters import make_cluster
from support.server import Server

# As it is installed: its name is part of what a shell asks.
PROGRAM = Path(sys.executable).with_name("runplane")


@pytest.fixture
def lab(line: Line, server: Server) -> str:
    """The name of a new cluster, with a login as the administrator."""
    line.log_in(server)
    return str(make_cluster(server, f"lab-{uuid4().hex[:8]}")["name"])


def read(line: Line, *arguments: object) -> Any:
    """What a command prints as JSON."""
    return json.loads(line.ok(*arguments, "-o", "json"))


def test_an_update_keeps_what_it_does_not_name(line: Line, server: Server, lab: str) -> None:
    unit = {
        "resources": [{"gpu": {"deserved": 4}, "memory": {"deserved": 2, "limit": 3, "units": "GB"}}],
        "schedulingRules": {"trainingJobTimeLimitSeconds": 3600},
        "nodeTypes": {"training": ["a"], "workspace": []},
        "description": "before",
    }
    line.ok("project", "create", "whole", "--cluster", lab, "-f", "-", stdin=json.dumps(unit))
    before = read(line, "project", "get", "whole", "--cluster", lab)
    line.ok("project", "update", "whole", "--cluster", lab, "--description", "after")
    after = read(line, "project", "get", "whole", "--cluster", lab)
    assert (before["description"], after["description"]) == ("before", "after")
    kept = ("resources", "schedulingRules", "nodeTypes", "parentId", "enforceRunaiScheduler", "clusterId")
    assert {it: after[it] for it in kept} == {it: before[it] for it in kept}


def test_an_update_undoes_nothing_that_happens_meanwhile(
    line: Line, server: Server, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = read(line, "project", "create", "raced", "--cluster", lab)
    tagged = Api.tagged

    def read_and_wait(api: Api, path: str) -> Any:
        found = tagged(api, path)
        body = {"description": "theirs", "resources": []}
        assert server.admin.put(f"/api/v1/org-unit/projects/{made['id']}", json=body).status_code == 200
        return found

    monkeypatch.setattr(Api, "tagged", read_and_wait)
    assert line("project", "update", made["id"], "--description", "mine")[0] == 6
    assert read(line, "project", "get", made["id"])["description"] == "theirs"


@pytest.mark.parametrize("more", [[], ["--description", "with a PUT"]])
def test_a_quota_of_memory_keeps_the_other_amount(line: Line, lab: str, more: list[str]) -> None:
    memory = {"deserved": 2, "limit": 3, "units": "GB"}
    line.ok(
        *("project", "create", "memory", "--cluster", lab, "-f", "-"),
        stdin=json.dumps({"resources": [{"memory": memory}]}),
    )
    line.ok("project", "update", "memory", "--cluster", lab, "--memory-quota", 2500, *more)
    (pool,) = read(line, "project", "get", "memory", "--cluster", lab)["resources"]
    assert {it: pool["memory"][it] for it in memory} == {"deserved": 2500, "limit": 3000, "units": "MB"}


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_get_prints_can_be_given_back(line: Line, lab: str, form: str) -> None:
    name = f"back-{form}"
    line.ok("project", "create", name, "--cluster", lab, "--description", "before")
    text = line.ok("project", "get", name, "--cluster", lab, "-o", form)
    file = line.folder / "project"
    file.write_text(text.replace("before", "edited"))
    line.ok("project", "update", name, "--cluster", lab, "-f", file)
    assert read(line, "project", "get", name, "--cluster", lab)["description"] == "edited"


def test_a_file_that_is_none_is_refused(line: Line, lab: str) -> None:
    for text, said in (("[1]", "members of an object"), ("{", "neither JSON nor YAML")):
        code, _, err = line("department", "create", "none", "--cluster", lab, "-f", "-", stdin=text)
        assert (code, said in err) == (1, True)


def test_a_name_in_two_clusters_is_not_guessed(line: Line, server: Server, lab: str) -> None:
    other = str(make_cluster(server, f"other-{uuid4().hex[:8]}")["name"])
    name = f"twin-{uuid4().hex[:8]}"
    made = [read(line, "department", "create", name, "--cluster", it) for it in (lab, other)]
    code, _, err = line("department", "delete", name, "--yes")
    assert code == 2
    assert all(f"{it['id']} in " in err for it in made)
    line.ok("department", "delete", name, "--cluster", lab, "--yes")
    assert [it["id"] for it in read(line, "department", "list", "--search", name)] == [made[1]["id"]]
    line.ok("department", "delete", made[1]["id"], "--yes")
    assert read(line, "department", "list", "--search", name) == []


def test_deleting_asks_and_takes_no_for_an_answer(line: Line, lab: str) -> None:
    line.ok("department", "create", "asked", "--cluster", lab)
    for answer, code in (("n", 1), ("y", 0)):
        with line.terminal("department", "delete", "asked", "--cluster", lab) as terminal:
            asked = terminal.expect("[y/N]: ")
            assert "Delete department asked at http://" in asked
            terminal.type(answer)
            terminal.expect("Nothing was deleted." if code else "department asked deleted")
            assert terminal.end() == code
    assert line("department", "get", "asked", "--cluster", lab)[0] == 5


def test_every_page_is_read_and_long_work_is_seen(
    line: Line, lab: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        line.ok("department", "create", f"page-{number}", "--cluster", lab)
    monkeypatch.setattr("runplane.cli.resources.paging.PAGE", 2)
    names = line.ok("department", "list", "--cluster", lab, "--sort", "name", "-o", "name").split()
    assert names == ["default", *(f"page-{number}" for number in range(5))]
    assert len(read(line, "department", "list", "--cluster", lab, "--limit", 3)) == 3
    given = [f"page-{number}" for number in range(5)]
    with line.terminal("department", "delete", *given, "--cluster", lab, "--yes") as terminal:
        assert "] 5/5 departments" in terminal.expect("department page-4 deleted")
        assert terminal.end() == 0


def test_progress_is_a_bar_where_the_end_is_known() -> None:
    assert Progress("projects", 4).line(2) == f"[{'#' * 12}{'.' * 12}] 2/4 projects"
    assert Progress("projects").line(1500) == "1500 projects \N{HORIZONTAL ELLIPSIS}"


def test_the_audit_log_shows_what_just_happened(line: Line, server: Server, lab: str) -> None:
    line.ok("department", "create", "recorded", "--cluster", lab)
    server.flush()
    found = read(line, "audit", "list", "--since", "1h", "--filter", "entity_name==recorded", "--all")
    assert [(it["action"], it["result"]) for it in found] == [("create", "Succeeded")]
    line_of = line.ok("audit", "list", "--filter", "entity_name==recorded").splitlines()[1]
    assert "recorded" in line_of


def test_a_decision_is_explained(line: Line, server: Server, lab: str) -> None:
    made = read(line, "service-account", "create", f"weak-{uuid4().hex[:8]}")
    told = server.client(server.client_token(made["clientId"], made["clientSecret"])).get("/api/v1/users")
    server.flush()
    out = line.ok("why", told.json()["decision"]["id"])
    assert "Allowed:       no" in out
    assert "users:read" in out
    weak = {"RUNPLANE_CLIENT_ID": made["clientId"], "RUNPLANE_CLIENT_SECRET": made["clientSecret"]}
    assert line("user", "list", **weak)[0] == 4
    assert line("can-i", "read", "users", **weak)[0] == 4
    assert line("can-i", "read", "users")[0] == 0
    code, _, err = line("why", "flub", "users")
    assert (code, err) == (2, "There is no action 'flub'; use create, read, update or delete.\n")


def test_a_shell_completes_commands_and_names(line: Line, lab: str) -> None:
    line.ok("department", "create", "completed", "--cluster", lab)
    for words, wanted in (
        ("runplane pro", {"project"}),
        ("runplane department upd", {"update"}),
        ("runplane department get comp", {"completed"}),
    ):
        done = line.program(
            PROGRAM,
            _RUNPLANE_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(len(words.split()) - 1),
        )
        assert set(done.stdout.split()) == wanted, done.stderr


def test_completing_without_a_login_is_silent(line: Line) -> None:
    environ = {
        "_RUNPLANE_COMPLETE": "complete_bash",
        "COMP_WORDS": "runplane project get a",
        "COMP_CWORD": "3",
    }
    done = line.program(PROGRAM, **environ)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_accepts_the_script(line: Line, shell: str) -> None:
    script = line.ok("completion", shell)
    assert "_RUNPLANE_COMPLETE" in script
    if shell == "bash":
        done = line.program("bash", "-c", f"{script}\ncomplete -p runplane")
        assert "-F _runplane_completion runplane" in done.stdout, done.stderr


@pytest.mark.parametrize("command", ["project", "project list", "why", "completion"])
def test_help_loads_no_http(line: Line, command: str) -> None:
    code = (
        "import sys\nfrom runplane.main import main\ntry:\n    main()\nexcept SystemExit as ended:\n"
        '    sys.exit(f\'{ended.code} {sorted({"httpx", "rich", "yaml", "ssl"} & set(sys.modules))}\')'
    )
    done = line.program(sys.executable, "-c", code, *command.split(), "--help")
    assert done.stderr.strip() == "0 []"


@pytest.mark.parametrize("name", [it.name for it in KINDS.values() if it.takes])
def test_an_update_sends_all_that_the_operation_takes(name: str) -> None:
    kind = KINDS[name]
    (operation,) = [
        it
        for it in operations_for_inspection()
        if it.method == "PUT" and it.path.rpartition("/")[0] == kind.path and it.path.endswith("}")
    ]
    body: Any = operation.body
    assert set(kind.takes) == {it.encode_name for it in structs.fields(body)}


@pytest.mark.parametrize("name", KINDS)
def test_every_verb_is_an_operation(name: str) -> None:
    kind = KINDS[name]
    known = {(it.method, it.path.partition("{")[0].rstrip("/")) for it in operations_for_inspection()}
    methods = {
        "list": "GET",
        "get": "GET",
        "create": "POST",
        "update": kind.update_method,
        "delete": "DELETE",
    }
    assert {(methods[it], kind.path) for it in kind.verbs} <= known
    assert set(kind.examples) == {*kind.verbs, *(it.name for it in kind.actions)}
