"""The files of contract/: complete, equal to the OpenAPI document, quick to load and well kept."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runplane.server.core.contract import Contract, ContractBroken, contract_file, load_contract

ONE = '  { id = "a", method = "GET", path = "/a", tag = "A", statuses = [200], state = "planned" },\n'


@pytest.fixture(scope="module")
def facts(repository: Path) -> ModuleType:
    """tools/contract_facts.py, so that the tests ask the same functions as the maintainers."""
    spec = importlib.util.spec_from_file_location(
        "contract_facts", repository / "tools" / "contract_facts.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def document(shared_reference: Path) -> dict[str, Any]:
    return json.loads((shared_reference / "openapi-1.224.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract()


def table(tmp_path: Path, operations: str, extensions: str = "") -> Path:
    file = tmp_path / "operations.toml"
    file.write_text(f"operations = [\n{operations}]\nextensions = [\n{extensions}]\n", "utf-8")
    return file


def test_holds_every_operation_of_the_contract(contract: Contract) -> None:
    assert len(contract.operations) == 391


def test_agrees_with_the_openapi_document(
    facts: ModuleType, contract: Contract, document: dict[str, Any]
) -> None:
    assert facts.differences(contract, document) == []


def test_comparison_sees_what_differs(
    facts: ModuleType, contract: Contract, document: dict[str, Any]
) -> None:
    changed = json.loads(json.dumps(document))
    users = changed["paths"]["/api/v1/users"]
    users["get"]["responses"]["418"] = {}
    users["brew"] = users["post"]
    changed["paths"]["/api/v1/tea"] = {"get": dict(users["get"], operationId="get_tea")}
    del users["post"]
    gone = document["paths"]["/api/v1/users"]["post"]["operationId"]
    changing = users["get"]["operationId"]
    found = facts.differences(contract, changed)
    assert [it.partition(" ")[0].rstrip(":") for it in found] == ["get_tea", gone, changing]


def test_lines_are_sorted_and_written_as_the_tool_writes_them(
    facts: ModuleType, repository: Path, contract: Contract
) -> None:
    ordered = sorted(contract.operations, key=lambda it: (it.path, it.method))
    wanted = facts.render(ordered, list(contract.extensions))
    assert (repository / "contract" / "operations.toml").read_text("utf-8") == wanted


def test_every_operation_declares_a_success(contract: Contract) -> None:
    assert all(it.success for it in contract.operations)
    assert contract.by_id["get_users"].success == (200,)


def test_loads_fast() -> None:
    text = contract_file().read_text("utf-8")
    spent: list[float] = []
    for _ in range(5):
        start = time.process_time()
        tomllib.loads(text)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.040, "the table of operations takes more than 40 ms of CPU to parse"


def test_found_by_id_and_by_route(contract: Contract) -> None:
    for it in (*contract.operations, *contract.extensions):
        assert contract.by_id[it.id] is it
        assert contract.by_route[it.method, it.path] is it


def test_setting_a_state_changes_that_line_only(
    facts: ModuleType, contract: Contract, tmp_path: Path
) -> None:
    before = contract_file().read_text("utf-8")
    after = facts.set_states(before, ["get_users", "create_user"], "declined")
    pairs = list(zip(before.splitlines(), after.splitlines(), strict=True))
    assert len([it for it in pairs if it[0] != it[1]]) == 2
    file = tmp_path / "operations.toml"
    file.write_text(after, "utf-8")
    changed = load_contract(file)
    assert {it.id for it in changed.operations if it.state == "declined"} >= {"get_users", "create_user"}
    assert changed.by_id["get_users"].statuses == contract.by_id["get_users"].statuses
    with pytest.raises(KeyError, match="get_user_s"):
        facts.set_states(before, ["get_user_s"], "done")


def test_summary_counts_by_area(facts: ModuleType, tmp_path: Path) -> None:
    operations = ONE + ONE.replace('"a"', '"b"').replace("/a", "/b").replace("planned", "done")
    operations += ONE.replace('"a"', '"c"').replace("/a", "/c").replace('"A"', '"B"')
    text = facts.summary(load_contract(table(tmp_path, operations)))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]
    assert rows == [
        ["A", "1", "", "1", "", "2"],
        ["B", "", "", "1", "", "1"],
        ["**All**", "1", "", "2", "", "3"],
    ]


def test_readme_shows_the_progress_of_the_table(
    facts: ModuleType, repository: Path, contract: Contract
) -> None:
    text = (repository / "README.md").read_text("utf-8")
    assert facts.readme_with(text, facts.summary(contract)) == text, "stale: run `make readme`"


def test_readme_without_markers_is_refused(facts: ModuleType) -> None:
    assert facts.readme_with(f"a\n{facts.BEGIN}\nold\n{facts.END}\nb", "new\n") == (
        f"a\n{facts.BEGIN}\nnew\n{facts.END}\nb"
    )
    with pytest.raises(ValueError, match="operations:begin"):
        facts.readme_with("nothing here", "new\n")


@pytest.mark.parametrize(
    ("operations", "why"),
    [
        (ONE + ONE, "twice"),
        (ONE + ONE.replace('"a"', '"b"'), "twice"),
        (ONE.replace("planned", "soon"), "soon"),
        (ONE.replace("GET", "BREW"), "BREW"),
        (ONE.replace("tag", "tags"), "tags"),
        (ONE.replace("[200]", '["200"]'), "int"),
        (ONE.replace("{", "", 1), "line 2"),
    ],
)
def test_damaged_table_is_refused_naming_the_file(tmp_path: Path, operations: str, why: str) -> None:
    with pytest.raises(ContractBroken, match=rf"operations\.toml .*{why}"):
        load_contract(table(tmp_path, operations))


def test_extension_may_not_take_a_route_of_the_contract(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match="twice"):
        load_contract(table(tmp_path, ONE, ONE.replace('"a"', '"b"')))


def test_missing_table_is_refused_naming_the_file(tmp_path: Path) -> None:
    with pytest.raises(ContractBroken, match=r"nowhere\.toml"):
        load_contract(tmp_path / "nowhere.toml")


def test_table_is_found_in_the_installed_package_first(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = Path("runplane", "server", "core", "contract.py")
    installed = tmp_path / "site" / code
    installed.parent.mkdir(parents=True)
    installed.write_text((repository / "src" / code).read_text("utf-8"), "utf-8")
    spec = importlib.util.spec_from_file_location("installed_contract", installed)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "installed_contract", module)
    spec.loader.exec_module(module)
    with pytest.raises(module.ContractBroken, match="reinstall"):
        module.contract_file()
    beside, inside = (tmp_path / it / "operations.toml" for it in ("contract", "site/runplane/contract"))
    for place in (beside, inside):
        place.parent.mkdir()
        place.write_text(f"operations = [{ONE}]\nextensions = []\n", "utf-8")
        assert module.contract_file() == place
    assert [it.id for it in module.load_contract().operations] == ["a"]


def test_what_is_declined_has_a_waiver(repository: Path, contract: Contract) -> None:
    waivers = tomllib.loads((repository / "contract" / "waivers.toml").read_text("utf-8"))["waivers"]
    assert all(
        set(it) == {"operation", "differs", "reason"} and it["operation"] in contract.by_id for it in waivers
    )
    assert {it.id for it in contract.operations if it.state == "declined"} <= {
        it["operation"] for it in waivers
    }


def test_quirks_are_numbered_and_each_names_its_own_test(repository: Path) -> None:
    text = (repository / "contract" / "quirks.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|.*\| `(test_\w+)` \|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    assert len(rows) >= 15
    named = {name for _, name in rows}
    assert len(named) == len(rows)
    file = repository / "tests" / "contract" / "test_runapy_quirks.py"
    written = (
        set(re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE))
        if file.is_file()
        else set()
    )
    assert written <= named | set(re.findall(r"`(test_\w+)`", text)), (
        "a test of a quirk that quirks.md does not list"
    )
