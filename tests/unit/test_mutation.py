"""tools/mutation: what it changes, and that its verdicts are those of the tests."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tools.mutation.changes import apply, changes, told
from tools.mutation.covered import Covered
from tools.mutation.runs import Runs
from tools.mutation.trials import Judge

EVERY_KIND = '''
def f(a, b):
    """Not behaviour."""
    if a < b:
        g(a)
    if a == b and not b:
        raise ValueError("no")
    return a + b if a else True
'''

NOTHING = '''
from typing import TYPE_CHECKING
LIMIT = 3 + 4
if TYPE_CHECKING:
    import json

class Thing:
    """Not behaviour."""

    is_open = True

    def __repr__(self) -> str | None:
        return "a" + "b"

    def f(self, a: int | None = None, b: bool = True) -> bool | None:
        log.info("a" + "b", f"{a == b}")
        c: int | str
        dict(zip(a, b, strict=True))
        return False
'''

# A function of a module, and arguments to which each of its changes answers otherwise.
TELLING = [
    ("def f(a): return a < 3", [3]),
    ("def f(a): return a >= 3", [3]),
    ("def f(a): return a in (1, 2)", [1]),
    ("def f(a): return a is not None", [1]),
    ("def f(a, b): return a and b", [0, 1]),
    ("def f(a): return 1 if a else 2", [1]),
    ("def f(a): return 5 | a", [2]),
    ("def f(a):\n    a += 1\n    return a", [2]),
    ("def f(a):\n    if not a:\n        return 2", [0]),
    ("def f(a):\n    a.append(1)\n    b = True\n    return a, b", [[]]),
]

GATE = """import functools
def may(age, member):
    if age >= 18:
        return True
    return member

def count(number):
    number -= 1
    return number

def unused(a):
    return not a

def enough():
    return 5 + 2

ENOUGH = enough()

def is_enough(number):
    return number == ENOUGH

@functools.cache
def limit():
    return 4 + 1

def is_beyond(number):
    return number > limit()
"""

TESTS = """
import pathlib
import gate

@__import__("pytest").mark.parametrize("age", [17, 40], ids=["a child: [::]", "grown"])
def test_members_may(age):
    assert gate.may(age, True)

def test_others_may_not():
    assert not gate.may(3, False)

def test_count():
    assert gate.count(3) == 2

def test_enough():
    assert gate.is_enough(7)

def test_something_is_beyond():
    assert gate.is_beyond(7)

def test_five_is_not_beyond():
    assert not gate.is_beyond(5)

def test_that_passes_once():
    gate.may(18, False)
    mark = pathlib.Path("mark")
    there = mark.exists()
    mark.touch()
    assert not there

def test_that_fails_anyway():
    assert gate.may(18, False) is None
"""

SCRIPT = """
import json, sys
from pathlib import Path
import pytest
from tools.mutation.changes import changes, told
from tools.mutation.covered import Covered
from tools.mutation.mutant import Mutant
from tools.mutation.runs import QUIET, Runs
from tools.mutation.trials import Judge

file = Path("src/gate.py").resolve()
covered = Covered.of([str(file.parent)], Path("data/coverage").resolve())
found = {}

def work():
    judge = Judge(covered, runs, patience=60)
    for change in changes(file.read_text()):
        verdict, how = judge.verdict(Mutant(file, change))
        found[f"{change.line} {told(file.read_text(), change)}"] = [verdict.value, how]

runs = Runs(work)
pytest.main([*QUIET, "."], plugins=[runs])
print()
print(json.dumps(found))
"""


def test_one_change_of_each_kind_is_made() -> None:
    assert [told(EVERY_KIND, it) for it in changes(EVERY_KIND)] == [
        "if a < b:  →  if not a < b:",
        "if a == b and (not b):  →  if not (a == b and (not b)):",
        "return a + b if a else True  →  return None",
        "a < b  →  a <= b",
        "g(a)  →  pass",
        "a == b and (not b)  →  a == b or not b",
        "raise ValueError('no')  →  pass",
        "a + b if a else True  →  a + b if not a else True",
        "a == b  →  a != b",
        "not b  →  b",
        "a + b  →  a - b",
        "True  →  False",
    ]


def test_what_is_no_behaviour_stays() -> None:
    assert [told(NOTHING, it) for it in changes(NOTHING)] == [
        "dict(zip(a, b, strict=True))  →  pass",
        "False  →  True",
    ]


@pytest.mark.parametrize(("source", "arguments"), TELLING)
def test_each_change_makes_another_function(source: str, arguments: list[Any]) -> None:
    made = [_answer(apply(source, it), arguments) for it in changes(source)]
    assert made
    assert _answer(ast.parse(source), arguments) not in made


def _answer(tree: ast.Module, arguments: list[Any]) -> str:
    names: dict[str, Any] = {}
    exec(compile(tree, "f", "exec"), names)
    try:
        return repr(names["f"](*json.loads(json.dumps(arguments))))
    except TypeError as error:
        return repr(error)


@pytest.mark.slow
def test_the_verdicts_are_those_of_tests_that_pass_without_the_mutant(
    tmp_path: Path, repository: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "gate.py").write_text(GATE)
    (tmp_path / "test_gate.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = src\nmarkers = slow\n postgres\n browser\n")
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(repository), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    others, count = "test_gate.py::test_others_may_not", "test_gate.py::test_count"
    beyond = "test_gate.py::test_something_is_beyond"
    unreached = ["unreached", "no test runs through it"]
    assert found == {
        # that 18 is enough is tried by a test alone that fails on the original too when it runs again
        "3 age >= 18  →  age > 18": ["survived", "3 of 4 tests passed"],
        "3 if age >= 18:  →  if not age >= 18:": ["killed", others],
        "4 return True  →  return None": ["killed", "test_gate.py::test_members_may[grown]"],
        "4 True  →  False": ["killed", "test_gate.py::test_members_may[grown]"],
        "5 return member  →  return None": ["killed", "test_gate.py::test_members_may[a child: [::]]"],
        "8 number -= 1  →  number += 1": ["killed", count],
        "9 return number  →  return None": ["killed", count],
        "12 return not a  →  return None": unreached,
        "12 not a  →  a": unreached,
        # made while the module is loaded: known only to who loads it with the change
        "15 return 5 + 2  →  return None": ["killed", "test_gate.py::test_enough"],
        "15 5 + 2  →  5 - 2": ["killed", "test_gate.py::test_enough"],
        "20 return number == ENOUGH  →  return None": ["killed", "test_gate.py::test_enough"],
        "20 number == ENOUGH  →  number != ENOUGH": ["killed", "test_gate.py::test_enough"],
        # made for the first who asks, and wrong for the second
        "24 return 4 + 1  →  return None": ["killed", beyond],
        "24 4 + 1  →  4 - 1": ["killed", "test_gate.py::test_five_is_not_beyond"],
        "27 return number > limit()  →  return None": ["killed", beyond],
        "27 number > limit()  →  number >= limit()": ["killed", "test_gate.py::test_five_is_not_beyond"],
    }


def test_each_file_of_tests_is_asked_before_one_is_asked_for_long() -> None:
    """The test that tells may be in the last file; those of the first are much alike."""
    tests = [f"tests/test_{file}.py::test_{number}" for file in range(9) for number in range(40)]
    covered = Covered(dict.fromkeys(tests, 1.0), {}, set())
    first, rest = Judge(covered, Runs(lambda: None), patience=70)._stages(tests)
    assert (len(first), len(rest)) == (60, 9)
    assert Counter(it.partition("::")[0] for it in first) == {f"tests/test_{it}.py": 10 for it in range(6)}
    # those of one file together, because they share a server
    assert rest == [f"tests/test_{file}.py::test_{number}" for file in (6, 7, 8) for number in range(3)]
