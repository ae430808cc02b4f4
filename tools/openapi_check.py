"""Compare this server's OpenAPI document with the contract's, for the operations the table marks done.

    openapi_check.py [openapi.json]      the server's document, as `make openapi` writes it

It asks what a client of the contract relies on: every parameter is there, the success status is declared,
replies always hold the members the contract always holds, no request member is ignored, and none is demanded
that the contract leaves out. What is deliberate stands in contract/waivers.toml, `differs` in the words used
here.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from runplane.server.core.contract import load_contract

ROOT = Path(__file__).resolve().parents[1]
ORACLE = ROOT.parent / "shared" / "reference" / "openapi-1.224.json"
WAIVERS = ROOT / "contract" / "waivers.toml"
METHODS = ("delete", "get", "patch", "post", "put")

Json = dict[str, Any]


def differences(document: Json, oracle: Json, done: Collection[str]) -> list[str]:
    """How `document` falls short of `oracle` in the operations `done`, one line "operationId: what" each."""
    ours, theirs = Document(document), Document(oracle)
    found: list[str] = []
    for name in sorted(done):
        wanted = theirs.operations.get(name)
        if wanted is None:
            found.append(f"{name}: the contract has no such operation")
        elif name not in ours.operations:
            found.append(f"{name}: the document does not have it")
        elif ours.operations[name][:2] != wanted[:2]:
            method, path, _ = wanted
            found.append(f"{name}: the contract has it at {method.upper()} {path}")
        else:
            found += (f"{name}: {it}" for it in _compare(ours, theirs, name))
    return found


class Document:
    """An OpenAPI document with its references followed."""

    def __init__(self, content: Json) -> None:
        self.content = content
        self.operations = {
            entry["operationId"]: (method, path, {"item": item.get("parameters", []), **entry})
            for path, item in content["paths"].items()
            for method, entry in item.items()
            if method in METHODS
        }

    def follow(self, value: Json) -> Json:
        """What `value` stands for, if it is a reference."""
        while "$ref" in value:
            target: Any = self.content
            for key in value["$ref"].removeprefix("#/").split("/"):
                target = target[key.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def parameters(self, name: str) -> set[tuple[str, str, bool]]:
        """(name, place, required) of each parameter of an operation."""
        entry = self.operations[name][2]
        given = [self.follow(it) for it in (*entry["item"], *entry.get("parameters", []))]
        return {(it["name"], it["in"], it.get("required", False)) for it in given}

    def responses(self, name: str) -> dict[str, Json]:
        """The declared 2xx answers of an operation by status."""
        found = self.operations[name][2]["responses"]
        return {status: self.follow(it) for status, it in found.items() if status.startswith("2")}

    def schema(self, holder: Json) -> Json | None:
        """The schema of a request body or a response, if it has content in a structured notation."""
        for kind, content in holder.get("content", {}).items():
            if kind in ("application/json", "application/x-www-form-urlencoded") and "schema" in content:
                return content["schema"]
        return None

    def shape(self, schema: Json) -> tuple[dict[str, Json], set[str], Json | None, bool]:
        """Members, required members, what an array holds, and whether only one of several shapes applies."""
        schema = self.follow(schema)
        members: dict[str, Json] = dict(schema.get("properties", {}))
        required = set(schema.get("required", ()))
        items: Json | None = schema.get("items")
        open_choice = any(key in schema for key in ("anyOf", "oneOf"))
        for part in schema.get("allOf", ()):
            more, also, held, choice = self.shape(part)
            members = {**more, **members}
            required |= also
            items = items if items is not None else held
            open_choice |= choice
        return members, required, items, open_choice


def _compare(ours: Document, theirs: Document, name: str) -> Iterator[str]:
    here = ours.parameters(name)
    for parameter, place, required in sorted(theirs.parameters(name) - here):
        if (parameter, place, not required) in here:
            yield f"the {place} parameter {parameter} is {'not ' if required else ''}required here"
        else:
            yield f"the {place} parameter {parameter} is missing"
    wanted, answers = theirs.responses(name), ours.responses(name)
    if not wanted.keys() & answers.keys():
        yield f"it declares no success status {' or '.join(wanted)}"
    for status in sorted(wanted.keys() & answers.keys()):
        there, here_schema = theirs.schema(wanted[status]), ours.schema(answers[status])
        if there is not None and here_schema is None:
            yield f"the answer {status} has no described body"
        elif there is not None and here_schema is not None:
            yield from _replies(ours, theirs, here_schema, there, f"the answer {status}", frozenset())
    yield from _requests(ours, theirs, name)


def _replies(
    ours: Document, theirs: Document, here: Json, there: Json, place: str, seen: frozenset[str]
) -> Iterator[str]:
    """Members the contract always sends and this document does not promise, at every depth."""
    key = there.get("$ref", "")
    if key in seen:
        return
    seen = seen | {key} if key else seen
    members, required, items, choice = ours.shape(here)
    wanted, always, wanted_items, _ = theirs.shape(there)
    if choice:
        return
    if (items is None) != (wanted_items is None) and (wanted or wanted_items):
        yield f"{place} is {'no ' if items is None else 'an '}array here"
        return
    # Here and there the contract requires a member that it defines nowhere, and so no client can read.
    for name in sorted((always & wanted.keys()) - required):
        yield f"{place} does not promise {name}"
    for name in sorted(wanted.keys() & members.keys()):
        yield from _replies(ours, theirs, members[name], wanted[name], f"{place} › {name}", seen)
    if items is not None and wanted_items is not None:
        yield from _replies(ours, theirs, items, wanted_items, f"{place} › []", seen)


def _requests(ours: Document, theirs: Document, name: str) -> Iterator[str]:
    bodies = [
        (it, it.schema(it.follow(it.operations[name][2].get("requestBody", {})))) for it in (ours, theirs)
    ]
    (_, here), (_, there) = bodies
    if there is None:
        return
    if here is None:
        yield "the request body is missing"
        return
    members, required, items, choice = ours.shape(here)
    wanted, demanded, wanted_items, _ = theirs.shape(there)
    if choice:
        return
    if items is not None and wanted_items is not None:
        members, required, _, _ = ours.shape(items)
        wanted, demanded, _, _ = theirs.shape(wanted_items)
    for member in sorted(wanted.keys() - members.keys()):
        yield f"the request member {member} is ignored"
    for member in sorted(required - demanded):
        yield f"the request member {member} is demanded, which the contract does not do"


def waived(file: Path = WAIVERS) -> set[str]:
    """The differences that are deliberate, as `differences` spells them."""
    entries = tomllib.loads(file.read_text("utf-8"))["waivers"]
    return {f"{it['operation']}: {it['differs']}" for it in entries}


def main() -> None:
    """Print what differs and is not waived; exit 1 if anything does."""
    if not ORACLE.is_file():
        sys.exit(f"{ORACLE} is not here: there is nothing to compare with.")
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "openapi.json")
    done = [it.id for it in load_contract().operations if it.state == "done"]
    oracle = json.loads(ORACLE.read_text("utf-8"))
    found = [
        it for it in differences(json.loads(file.read_text("utf-8")), oracle, done) if it not in waived()
    ]
    if found:
        sys.exit("\n".join(found))
    print(f"All {len(done)} operations that are done hold what the contract promises.")


if __name__ == "__main__":
    main()
