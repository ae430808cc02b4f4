"""Tables, JSON, YAML and names; and the command tree itself."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from typer.core import TyperGroup

from runplane.cli.failures import WrongUsage
from runplane.cli.output import Column, details, document, rendered
from runplane.cli.program import CLIENT
from support.cli import Line

ROWS = [{"name": "a", "size": 1, "on": True}, {"name": "long\x1b[2Jer", "size": None, "on": False}]
COLUMNS = (
    Column("NAME", lambda it: it["name"]),
    Column("SIZE", lambda it: it["size"]),
    Column("ON", lambda it: it["on"], wide=True),
)


def test_a_table_is_aligned_and_moves_no_cursor() -> None:
    assert rendered(ROWS, COLUMNS, "table") == "NAME         SIZE\na            1\nlong\ufffd[2Jer   -"
    assert rendered(ROWS, COLUMNS, "wide").splitlines()[1] == "a            1      yes"
    assert rendered([], COLUMNS, "table") == "NAME   SIZE"


def test_programs_get_all_of_it() -> None:
    assert (
        rendered(ROWS[:1], COLUMNS, "json")
        == '[\n  {\n    "name": "a",\n    "size": 1,\n    "on": true\n  }\n]'
    )
    assert rendered(ROWS[:1], COLUMNS, "yaml") == "- name: a\n  size: 1\n  on: true".replace("on:", "'on':")
    assert rendered(ROWS[:1], COLUMNS, "name") == "a"
    assert document({"a": "ä"}, "json") == '{\n  "a": "ä"\n}'
    with pytest.raises(WrongUsage, match="--output is one of"):
        rendered(ROWS, COLUMNS, "csv")


def test_details_leave_out_what_is_empty() -> None:
    assert details({"Name": "a", "Longer name": "b\r", "None": ""}) == "Name:        a\nLonger name: b\ufffd"


def commands(command: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    if not isinstance(command, TyperGroup):
        return {path: command}
    found: dict[tuple[str, ...], Any] = {}
    for name, it in command.commands.items():
        found |= {} if it.hidden else commands(it, (*path, name))
    return found


@pytest.mark.parametrize("name", CLIENT)
def test_the_list_says_what_the_command_says_of_itself(name: str) -> None:
    command = CLIENT[name].load(name)
    assert (command.help or "").strip().splitlines()[0] == CLIENT[name].help
    assert command.name == name


@pytest.mark.parametrize("name", CLIENT)
def test_every_command_has_examples_that_can_be_parsed(name: str) -> None:
    for path, command in commands(CLIENT[name].load(name), (name,)).items():
        _, found, text = (command.help or "").partition("Example")
        assert found, path
        examples = [it.strip() for it in text.splitlines()[1:] if "runplane " in it]
        assert examples, path
        for it in examples:
            words = it.partition("runplane ")[2].partition(")")[0].split(" > ")[0].split()
            if path == ("login", "browser"):
                words.insert(1, "browser")
            assert tuple(words[: len(path)]) == path
            typed = words[len(path) :]
            command.make_context(path[-1], typed, resilient_parsing=False)


def test_the_tree_is_listed_and_misspelled_names_are_guessed(line: Line) -> None:
    out = line.ok("--help")
    assert [it.split()[0] for it in out.partition("Commands:\n")[2].splitlines()[: len(CLIENT)]] == list(
        CLIENT
    )
    code, _, err = line("logn")
    assert code == 2
    assert "Did you mean 'login'" in err
    code, _, err = line("context", "lst")
    assert (code, "Did you mean 'list'" in err) == (2, True)


LOADED = """
import sys
from runplane.main import main
sys.argv = ["runplane", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    code = ended.code
wanted = ("httpx", "rich", "yaml", "ruamel", "msgspec", "ssl", "sqlalchemy", "uvicorn", "webbrowser")
sys.exit(f"{code} {sorted(set(wanted) & set(sys.modules))}")
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], "0 []"),
        (["login", "--help"], "0 ['msgspec']"),
        (["kubeconfig", "set", "--help"], "0 ['msgspec']"),
    ],
)
def test_help_waits_for_nothing_that_it_does_not_need(line: Line, arguments: list[str], told: str) -> None:
    done = line.program(sys.executable, "-c", LOADED, *arguments)
    assert done.stderr.strip().splitlines()[-1] == told


def test_a_fresh_token_is_given_without_loading_http(line: Line, server: Any) -> None:
    line.log_in(server)
    done = line.program(sys.executable, "-c", LOADED, "auth", "get-token")
    loaded = done.stderr.strip().splitlines()[-1]
    assert loaded == "0 ['msgspec', 'yaml']"
