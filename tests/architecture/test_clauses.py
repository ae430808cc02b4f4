"""Each clause of contract/clauses.toml has a test that names it, and no test names an unknown one.

Read from the syntax trees of the tests, so that it takes a second and needs nothing collected.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache

import pytest

from support.sources import ROOT

FILE = ROOT / "contract" / "clauses.toml"
MEMBERS = {"area", "id", "source", "text", "state"}
STATES = ("not built: ", "partly: ")


@cache
def clauses() -> tuple[dict[str, str], ...]:
    return tuple(tomllib.loads(FILE.read_text("utf-8"))["clauses"])


def named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Clause and name of each test function that carries the marker."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for it in node.decorator_list:
            if isinstance(it, ast.Call) and ast.unparse(it.func) == "pytest.mark.clause":
                for argument in it.args:
                    assert isinstance(argument, ast.Constant), f"{node.name}: write the clause's id out"
                    yield str(argument.value), node.name


@cache
def marked() -> dict[str, list[str]]:
    """Clause → the tests that name it, as `file::function`."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        place = file.relative_to(ROOT).as_posix()
        for clause, name in named(ast.parse(file.read_text("utf-8"))):
            assert name.startswith("test_"), f"{place}: {name} is no test"
            found.setdefault(clause, []).append(f"{place}::{name}")
    return found


def test_each_clause_has_a_test() -> None:
    promised = {it["id"] for it in clauses() if not it.get("state", "").startswith("not built")}
    assert sorted(promised - marked().keys()) == [], "mark a test, or say that it is not built"


def test_each_marker_names_a_clause() -> None:
    assert {it: marked()[it] for it in marked().keys() - {it["id"] for it in clauses()}} == {}


def test_what_is_not_built_has_no_test() -> None:
    """A test that names it would mean that it is built, at least in part: say so."""
    missing = {it["id"] for it in clauses() if it.get("state", "").startswith("not built")}
    assert sorted(missing & marked().keys()) == []


def test_the_list_is_well_formed() -> None:
    ids = [it["id"] for it in clauses()]
    assert len(ids) == len(set(ids))
    for it in clauses():
        assert it.keys() <= MEMBERS, it["id"]
        assert MEMBERS - it.keys() <= {"state"}, it["id"]
        assert it["text"].endswith("."), it["id"]
        assert it.get("state", STATES[0]).startswith(STATES), it["id"]


def test_markers_are_read() -> None:
    code = '@pytest.mark.clause("a", "b")\n@pytest.mark.slow\ndef test_x(): ...\ndef test_y(): ...\n'
    assert list(named(ast.parse(code))) == [("a", "test_x"), ("b", "test_x")]
    with pytest.raises(AssertionError, match="write the clause"):
        list(named(ast.parse("@pytest.mark.clause(it)\ndef test_x(): ...\n")))
