"""Keep contract/operations.toml: compare it with the OpenAPI document, mark and report progress.

    contract_facts.py check                  table against ../shared/reference/openapi-1.224.json
    contract_facts.py refresh                rewrite the facts from that document; states and extensions stay
    contract_facts.py set-state ID... STATE  done, partial, planned or declined; edits single lines in place
    contract_facts.py summary                progress per area as a Markdown table
    contract_facts.py readme [--check]       put that table into README.md, or fail if it is stale there

The format is one line per operation: a change of state is then a diff of one line, and `set-state` works on
lines instead of needing a TOML writer.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import msgspec

from runplane.server.core.contract import Contract, ContractOperation, State, load_contract

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "contract" / "operations.toml"
ORACLE = ROOT.parent / "shared" / "reference" / "openapi-1.224.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- operations:begin -->", "<!-- operations:end -->"
STATES = get_args(State)
METHODS = ("delete", "get", "patch", "post", "put")

HEADER = """\
# The wire contract as facts, one line per operation, sorted by path, then method.
# state: done | partial | planned (answers 501) | declined (never built; contract/waivers.toml says why)
# other: the contract also declares an answer for any other status
# tools/contract_facts.py keeps this file: `set-state ID... STATE` marks progress, `check` compares the facts.

operations = [
"""
EXTENSIONS = "]\n\n# What this server answers beyond the contract.\nextensions = [\n"


def oracle_operations(document: dict[str, Any]) -> list[ContractOperation]:
    """The operations an OpenAPI document declares, all planned, in the order of the table."""
    found = [
        ContractOperation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            tag=operation["tags"][0],
            statuses=tuple(sorted(int(it) for it in operation["responses"] if it.isdigit())),
            state="planned",
            deprecated=operation.get("deprecated", False),
            other="default" in operation["responses"],
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]
    return sorted(found, key=lambda it: (it.path, it.method))


def line(it: ContractOperation) -> str:
    """`it` as its line of the table."""
    flags = "".join(f", {name} = true" for name in ("deprecated", "other") if getattr(it, name))
    strings = ", ".join(
        f"{name} = {json.dumps(getattr(it, name))}" for name in ("id", "method", "path", "tag")
    )
    return f"  {{ {strings}, statuses = {list(it.statuses)}{flags}, state = {json.dumps(it.state)} }},\n"


def render(operations: list[ContractOperation], extensions: list[ContractOperation]) -> str:
    """The whole table as text."""
    return "".join((HEADER, *map(line, operations), EXTENSIONS, *map(line, extensions), "]\n"))


def differences(contract: Contract, document: dict[str, Any]) -> list[str]:
    """How the table departs from the document, one sentence each; states are ours and are not compared."""

    def facts(
        operations: list[ContractOperation] | tuple[ContractOperation, ...],
    ) -> dict[str, tuple[Any, ...]]:
        return {
            it.id: (it.method, it.path, it.tag, it.statuses, it.deprecated, it.other) for it in operations
        }

    ours, theirs = facts(contract.operations), facts(oracle_operations(document))
    return [
        *(f"{it} is in the document and not in the table" for it in sorted(theirs.keys() - ours.keys())),
        *(f"{it} is in the table and not in the document" for it in sorted(ours.keys() - theirs.keys())),
        *(
            f"{it}: the table says {ours[it]}, the document {theirs[it]}"
            for it in sorted(ours.keys() & theirs.keys())
            if ours[it] != theirs[it]
        ),
    ]


def set_states(text: str, ids: list[str], state: str) -> str:
    """`text` of the table with the state of `ids` changed. Raises KeyError for an unknown id."""
    for wanted in ids:
        pattern = re.compile(rf'^(  \{{ id = {re.escape(json.dumps(wanted))}, .*state = )"\w+"', re.MULTILINE)
        text, count = pattern.subn(rf'\g<1>"{state}"', text)
        if count != 1:
            raise KeyError(wanted)
    return text


def summary(contract: Contract) -> str:
    """Progress per area as Markdown, in alphabetical order, totals last."""
    areas: dict[str, Counter[str]] = {}
    for it in contract.operations:
        areas.setdefault(it.tag, Counter())[it.state] += 1
    rows = [_row(name, areas[name]) for name in sorted(areas, key=str.lower)]
    total = _row("**All**", sum(areas.values(), Counter[str]()))
    head = "| Area | Done | Partly | Planned | Declined | Operations |\n|---|---:|---:|---:|---:|---:|"
    return "\n".join((head, *rows, total)) + "\n"


def _row(name: str, counts: Counter[str]) -> str:
    cells = [str(counts[it]) if counts[it] else "" for it in STATES]
    return f"| {name} | {' | '.join(cells)} | {counts.total()} |"


def readme_with(text: str, table: str) -> str:
    """`text` of the README with `table` between the markers. Raises ValueError when there are none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md has no {BEGIN} … {END}.")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def _oracle() -> dict[str, Any]:
    if not ORACLE.is_file():
        sys.exit(f"{ORACLE} is not here: there is nothing to compare with.")
    return json.loads(ORACLE.read_text("utf-8"))


def check() -> None:
    """Exit 1, saying where, when the table departs from the OpenAPI document."""
    found = differences(load_contract(TABLE), _oracle())
    if found:
        sys.exit("\n".join(found))
    print("The table and the document agree.")


def refresh() -> None:
    """Rewrite the table from the document, keeping states and extensions."""
    known = load_contract(TABLE) if TABLE.is_file() else Contract((), (), {}, {})
    states = {it.id: it.state for it in known.operations}
    fresh = oracle_operations(_oracle())
    kept = [msgspec.structs.replace(it, state=states.get(it.id, it.state)) for it in fresh]
    TABLE.write_text(render(kept, list(known.extensions)), "utf-8")


def update_readme(*, only_check: bool) -> None:
    """Bring the README's table up to date, or exit 1 when it is not."""
    text = README.read_text("utf-8")
    wanted = readme_with(text, summary(load_contract(TABLE)))
    if only_check and wanted != text:
        sys.exit("README.md is stale; run tools/contract_facts.py readme.")
    if wanted != text:
        README.write_text(wanted, "utf-8")


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("check", "refresh", "summary"):
        commands.add_parser(name)
    commands.add_parser("readme").add_argument("--check", action="store_true")
    states = commands.add_parser("set-state")
    states.add_argument("ids", nargs="+", metavar="ID")
    states.add_argument("state", choices=STATES)
    given = parser.parse_args()
    if given.command == "check":
        check()
    elif given.command == "refresh":
        refresh()
    elif given.command == "summary":
        print(summary(load_contract(TABLE)), end="")
    elif given.command == "readme":
        update_readme(only_check=given.check)
    else:
        try:
            changed = set_states(TABLE.read_text("utf-8"), given.ids, given.state)
        except KeyError as error:
            sys.exit(f"There is no operation {error} in the table.")
        TABLE.write_text(changed, "utf-8")
        load_contract(TABLE)


if __name__ == "__main__":
    main()
