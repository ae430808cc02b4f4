"""The server's own OpenAPI document: valid, complete, and true to the contract in what is done."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from schemathesis.specs.openapi import definitions

from runplane.server.app import operations_for_inspection
from runplane.server.core.contract import load_contract
from runplane.server.http.openapi import document
from runplane.server.http.operation import Operation

Json = dict[str, Any]


@pytest.fixture(scope="module")
def operations() -> list[Operation]:
    return operations_for_inspection()


@pytest.fixture(scope="module")
def ours(operations: list[Operation]) -> Json:
    """The document as a client reads it."""
    return json.loads(json.dumps(document(operations, title="runplane", version="0", server_url="/")))


@pytest.fixture(scope="module")
def oracle(shared_reference: Path) -> Json:
    return json.loads((shared_reference / "openapi-1.224.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def check(repository: Path) -> ModuleType:
    """tools/openapi_check.py, so that the tests ask the same functions as the maintainers."""
    spec = importlib.util.spec_from_file_location("openapi_check", repository / "tools" / "openapi_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def changed(oracle: Json) -> Json:
    """A copy of the contract to spoil."""
    return copy.deepcopy(oracle)


def done() -> list[str]:
    return [it.id for it in load_contract().operations if it.state == "done"]


def entries(content: Json) -> dict[str, Json]:
    return {entry["operationId"]: entry for item in content["paths"].values() for entry in item.values()}


def test_is_valid_openapi(ours: Json) -> None:
    definitions.OPENAPI_30_VALIDATOR.validate(ours)


def test_every_reference_leads_somewhere(ours: Json) -> None:
    for kind in ("schemas", "responses"):
        named = set(re.findall(rf'"#/components/{kind}/([^"]+)"', json.dumps(ours)))
        assert named <= ours["components"][kind].keys()


@pytest.mark.clause("api.documented")
def test_lists_every_operation_once(ours: Json, operations: list[Operation]) -> None:
    assert sum(len(item) for item in ours["paths"].values()) == len(operations)
    assert entries(ours).keys() == {it.id for it in operations}


def test_what_is_not_built_answers_501_and_nothing_else(ours: Json, operations: list[Operation]) -> None:
    planned = [it.id for it in operations if it.status == 501]
    answers = {it: list(entries(ours)[it]["responses"]) for it in planned}
    assert {it: found for it, found in answers.items() if found != ["501"]} == {}


def test_extensions_are_marked_and_answer_as_the_table_says(ours: Json) -> None:
    found = entries(ours)
    for it in load_contract().extensions:
        assert found[it.id]["x-runplane-extension"] is True, it.id
        assert tuple(map(int, found[it.id]["responses"])) == it.statuses, it.id


def test_structs_of_one_name_do_not_meet(ours: Json) -> None:
    # msgspec tells two of one name apart by their modules, which gives generated clients names nobody wants.
    assert [name for name in ours["components"]["schemas"] if "." in name] == []


@pytest.mark.clause("api.documented")
def test_holds_what_the_contract_promises(check: ModuleType, ours: Json, oracle: Json) -> None:
    found = [it for it in check.differences(ours, oracle, done()) if it not in check.waived()]
    assert found == [], "make it so, or waive it in contract/waivers.toml"


def test_the_contract_agrees_with_itself(check: ModuleType, oracle: Json) -> None:
    assert check.differences(oracle, oracle, check.Document(oracle).operations) == []


def test_a_missing_operation_is_seen(check: ModuleType, oracle: Json, changed: Json) -> None:
    changed["paths"]["/api/v1/user"] = changed["paths"].pop("/api/v1/users")
    found = check.differences(changed, oracle, ["get_users", "get_user"])
    assert found == [
        "get_user: the contract has no such operation",
        "get_users: the contract has it at GET /api/v1/users",
    ]
    del changed["paths"]["/api/v1/user"]
    assert check.differences(changed, oracle, ["get_users"]) == ["get_users: the document does not have it"]


def test_a_missing_parameter_is_seen(check: ModuleType, oracle: Json, changed: Json) -> None:
    changed["components"]["parameters"]["Offset"]["required"] = True
    changed["paths"]["/api/v1/users"]["get"]["parameters"].pop(0)
    assert check.differences(changed, oracle, ["get_users"]) == [
        "get_users: the query parameter filter is missing",
        "get_users: the query parameter offset is required here",
    ]


def test_a_missing_status_is_seen(check: ModuleType, oracle: Json, changed: Json) -> None:
    answers = changed["paths"]["/api/v1/users"]["get"]["responses"]
    answers["202"] = answers.pop("200")
    assert check.differences(changed, oracle, ["get_users"]) == [
        "get_users: it declares no success status 200"
    ]


def test_a_missing_member_of_a_reply_is_seen_at_any_depth(
    check: ModuleType, oracle: Json, changed: Json
) -> None:
    listing = check.Document(changed)
    answer = listing.schema(listing.responses("get_access_keys")["200"])
    members, _, _, _ = listing.shape(answer)
    item = listing.follow(listing.shape(members["accessKeys"])[2])
    assert "clientId" in listing.shape(item)[1]
    item.clear()
    listing.follow(answer)["required"] = []
    found = check.differences(changed, oracle, ["get_access_keys"])
    assert found[0] == "get_access_keys: the answer 200 does not promise accessKeys"
    assert "get_access_keys: the answer 200 › accessKeys › [] does not promise clientId" in found


def test_a_required_member_that_the_contract_defines_nowhere_is_not_asked_for(
    check: ModuleType, oracle: Json, changed: Json
) -> None:
    contract = check.Document(changed)
    schema = contract.schema(contract.responses("getAuditLogs")["200"])
    assert schema["required"] == ["logs"]
    assert "logs" not in schema["properties"]
    schema["required"] = []
    assert check.differences(changed, oracle, ["getAuditLogs"]) == []


def test_a_list_instead_of_an_object_is_seen(check: ModuleType, oracle: Json, changed: Json) -> None:
    answer = changed["paths"]["/api/v1/access-keys"]["get"]["responses"]["200"]
    answer["content"]["application/json"]["schema"] = {"type": "array", "items": {}}
    name = "get_access_keys"
    assert check.differences(changed, oracle, [name]) == [f"{name}: the answer 200 is an array here"]
    del answer["content"]
    assert check.differences(changed, oracle, [name]) == [f"{name}: the answer 200 has no described body"]


def test_an_ignored_or_demanded_member_of_a_request_is_seen(
    check: ModuleType, oracle: Json, changed: Json
) -> None:
    body = changed["paths"]["/api/v2/token"]["post"]["requestBody"]
    schema = body["content"]["application/x-www-form-urlencoded"]["schema"]
    del schema["properties"]["username"]
    schema["required"].append("client_id")
    assert check.differences(changed, oracle, ["grant_token_v2"]) == [
        "grant_token_v2: the request member username is ignored",
        "grant_token_v2: the request member client_id is demanded, which the contract does not do",
    ]
    del changed["paths"]["/api/v2/token"]["post"]["requestBody"]
    assert check.differences(changed, oracle, ["grant_token_v2"]) == [
        "grant_token_v2: the request body is missing"
    ]


def test_a_waiver_speaks_the_language_of_the_comparison(check: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "waivers.toml"
    file.write_text('[[waivers]]\noperation = "a"\ndiffers = "b is missing"\nreason = "c"\n', "utf-8")
    assert check.waived(file) == {"a: b is missing"}
