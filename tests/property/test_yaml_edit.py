"""Edits of YAML files: for any file of this kind, comments and order stay and only what was meant changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from runplane.cli.yaml_edit import append, changed, put, remove, text

PATH = Path("config")
NAMES = ["alpha", "beta", "gamma", "delta"]
scalars = st.sampled_from(
    ["x", '"quoted: yes"', "'1'", "12", "true", "0x1f", "2026-01-01", "null", "a b c", "1e3", ">-\n"]
)
comments = st.sampled_from(["", "  # beside", "   # more: [than] {this}"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, int]:
    """The text of a file with a list of users, each with some members, and how many users there are."""
    offset = draw(st.sampled_from(["", "  "]))
    count = draw(st.integers(1, 4))
    lines = ["# head", "kind: Config" + draw(comments), "users:" + draw(comments)]
    for number in range(count):
        lines += [f"{offset}# above {number}"] * draw(st.integers(0, 1))
        lines += [f"{offset}- name: user-{number}{draw(comments)}", f"{offset}  user:{draw(comments)}"]
        for name in draw(st.permutations(NAMES))[: draw(st.integers(1, 4))]:
            lines += [f"{offset}    # over {name} of {number}"] * draw(st.integers(0, 1))
            value = draw(scalars)
            if value == ">-\n":
                lines += [f"{offset}    {name}: >-", f"{offset}      folded text"]
            else:
                lines.append(f"{offset}    {name}: {value}{draw(comments)}")
        lines += [f"{offset}# below {number}"] * draw(st.integers(0, 1))
    lines += ["# tail", "last: {a: 1, b: [2, 3]}" + draw(comments)]
    return "\n".join(lines) + "\n", count


def own_lines(source: str) -> list[str]:
    """The comments that have a line to themselves."""
    return [line.strip() for line in source.splitlines() if line.strip().startswith("#")]


def user(document: Any, number: int) -> Any:
    return document["users"][number]["user"]


@given(files(), st.data())
def test_no_comment_line_is_lost_and_the_rest_is_as_it_was(
    file: tuple[str, int], data: st.DataObject
) -> None:
    source, count = file
    number = data.draw(st.integers(0, count - 1))
    gone = data.draw(st.sets(st.sampled_from(NAMES)))
    entry = {"command": "runplane", "args": ["a", text("true")], "flag": False}

    def change(document: Any) -> None:
        put(user(document, number), "exec", entry)
        remove(user(document, number), *sorted(gone))
        put(document, "current", text("on"))

    result = changed(PATH, source, change)
    assert sorted(own_lines(result)) == sorted(own_lines(source))
    found, before = yaml.safe_load(result), yaml.safe_load(source)
    assert user(found, number)["exec"] == {"command": "runplane", "args": ["a", "true"], "flag": False}
    assert found["current"] == "on"
    assert [it for it in user(found, number) if it != "exec"] == [
        it for it in user(before, number) if it not in gone
    ]
    assert [it for it in found if it != "current"] == list(before)
    others = [it for it in range(count) if it != number]
    assert [user(found, it) for it in others] == [user(before, it) for it in others]


@given(files())
def test_a_value_is_replaced_in_its_line_and_nothing_else_moves(file: tuple[str, int]) -> None:
    source, _ = file

    def change(document: Any) -> None:
        put(document, "kind", "Other")

    expected = source.replace("kind: Config", "kind: Other", 1)
    result = changed(PATH, source, change)
    assert [it.split() for it in result.splitlines()] == [it.split() for it in expected.splitlines()]


@given(files())
def test_a_new_member_of_a_list_stands_below_the_others(file: tuple[str, int]) -> None:
    source, count = file

    def change(document: Any) -> None:
        append(document["users"], {"name": "new", "user": {}})

    result = changed(PATH, source, change)
    assert sorted(own_lines(result)) == sorted(own_lines(source))
    assert [it["name"] for it in yaml.safe_load(result)["users"]] == [f"user-{it}" for it in range(count)] + [
        "new"
    ]
    assert changed(PATH, result, lambda _: None) == result


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12))
def test_any_text_is_stored_as_text(value: str) -> None:
    result = changed(PATH, "a: 1\n", lambda document: put(document, "b", text(value)))
    assert yaml.safe_load(result) == {"a": 1, "b": value}
