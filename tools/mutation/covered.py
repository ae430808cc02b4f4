"""Which tests run through a line, the most telling first.

Telling is what runs through lines of the module that few others reach: it is about the module. For a line
that every request passes, thousands of tests would be candidates, and the quickest know the least about it.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import coverage
from tools.mutation import watch
from tools.mutation.mutant import Mutant

# Seconds that any test costs, so that one which takes none is not asked before all others.
_START: Final = 0.02


@dataclass(frozen=True, slots=True)
class Covered:
    """The tests of each line, how long each takes, and the lines that ran outside of a test."""

    seconds: dict[str, float]
    lines: dict[str, dict[int, set[str]]]
    early: set[tuple[str, int]]

    @classmethod
    def of(cls, sources: list[str], data: Path) -> Covered:
        """Read `data`, after running the tests that changed since; all of them if something else did."""
        changed = _changed(sources, data)
        if changed is None or changed:
            child = os.fork()
            if child == 0:
                telling = watch.run(sources, data, changed or [])
                sys.stdout.flush()
                os._exit(0 if telling else 1)
            if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
                raise SystemExit("No test passes without a mutant; see above.")
        seconds: dict[str, float] = json.loads(data.with_suffix(".seconds").read_text())
        read = coverage.CoverageData(str(data))
        read.read()
        lines = {
            file: {line: seconds.keys() & set(tests) for line, tests in read.contexts_by_lineno(file).items()}
            for file in read.measured_files()
        }
        early = {
            (file, line)
            for file in read.measured_files()
            for line, tests in read.contexts_by_lineno(file).items()
            if "" in tests
        }
        return cls(seconds, lines, early)

    def is_early(self, mutant: Mutant) -> bool:
        """Whether the line ran outside of a test, so that what it made may be there before the mutant."""
        return any((str(mutant.file), it) in self.early for it in _places(mutant))

    def tests(self, mutant: Mutant) -> list[str]:
        """The tests that run through the line, those of a file together, the file that knows most first.

        A line that ran before any test, when the module was imported, is for all tests of the module; so is
        one whose function remembers its answers, which ran for the first that asked.
        """
        lines = self.lines.get(str(mutant.file), {})
        ran = [it for it in _places(mutant) if it in lines]
        found = lines[ran[0]] if ran else set[str]()
        if ran and (not found or _is_remembered(mutant)):
            found = set[str]().union(*lines.values())
        files, knows = _knowledge(lines)
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in sorted(found, key=lambda it: (-knows[it] / (_START + self.seconds[it]), it)):
            by_file[_file(test)].append(test)
        return [test for file in sorted(by_file, key=lambda it: (-files[it], it)) for test in by_file[file]]


def _knowledge(lines: dict[int, set[str]]) -> tuple[Counter[str], Counter[str]]:
    """How much of a module each file of tests and each test knows: most, what few others run through."""
    files, tests = Counter[str](), Counter[str]()
    for those in lines.values():
        for counter, knowing in ((files, {_file(it) for it in those}), (tests, those)):
            for one in knowing:
                counter[one] += 1_000_000 // len(knowing)
    return files, tests


def _places(mutant: Mutant) -> Iterator[int]:
    """The line of the change, then the others of its statement or its head: not each line is traced."""
    line = mutant.change.line
    yield line
    for node in ast.walk(ast.parse(mutant.file.read_text())):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if node.lineno <= line <= end:
                yield from range(node.lineno, end + 1)


def _is_remembered(mutant: Mutant) -> bool:
    return any(
        isinstance(node, ast.FunctionDef)
        and node.lineno <= mutant.change.line <= (node.end_lineno or 0)
        and any("cache" in ast.unparse(it) for it in node.decorator_list)
        for node in ast.walk(ast.parse(mutant.file.read_text()))
    )


def _file(test: str) -> str:
    return test.partition("::")[0]


def _changed(sources: list[str], data: Path) -> list[str] | None:
    """The files of tests newer than `data`; None where that is missing or something else is newer too."""
    if not data.exists():
        return None
    since = data.stat().st_mtime
    folders = [*(Path(it) for it in sources), Path("tests")]
    newer = [it for folder in folders for it in folder.rglob("*.py") if it.stat().st_mtime > since]
    tests = [str(it) for it in newer if it.name.startswith("test_")]
    return tests if len(tests) == len(newer) else None
