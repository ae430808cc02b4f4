"""What becomes of a mutant, judged by the tests that run through its line.

A test that fails for another reason than the mutant (it is flaky, or cannot run alone) would make a figure
that is too good. So each test that killed something runs once without a mutant, and one that fails there is
no longer asked. A mutant has survived when the most telling tests and then the rest of them have passed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from tools.mutation.covered import Covered
from tools.mutation.mutant import Mutant
from tools.mutation.runs import Ran, Runs, fresh

# The first stage: so many tests of each of so many files.
_FILES: Final = 6
_OF_EACH: Final = 10
# How much slower than under coverage tests may be, beside the grace.
_SLOWER: Final = 4.0


class Verdict(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    BROKEN = "broken"
    SURVIVED = "survived"
    UNREACHED = "unreached"

    @property
    def is_noticed(self) -> bool:
        """Whether the tests tell: a run that hangs or an import that fails tells as well."""
        return self not in (Verdict.SURVIVED, Verdict.UNREACHED)


@dataclass(slots=True)
class Judge:
    """Tries one mutant after the other, each on at most `patience` seconds' worth of tests.

    What takes `grace` seconds longer than it should hangs.
    """

    covered: Covered
    runs: Runs
    patience: float
    grace: float = 60.0
    _reliable: dict[str, bool] = field(default_factory=dict[str, bool])

    def verdict(self, mutant: Mutant) -> tuple[Verdict, str]:
        """What became of the mutant, and the test that noticed it or how many did not."""
        tests = [it for it in self.covered.tests(mutant) if self.runs.has(it)]
        if not tests:
            return Verdict.UNREACHED, "no test runs through it"
        passed = 0
        stages = list(self._stages(tests))
        chosen = [test for stage in stages for test in stage]
        if self.covered.is_early(mutant):
            stages.append([])
        for stage in stages:
            noticed, passing = self._stage(mutant, stage or chosen, anew=not stage)
            if noticed is not None:
                return noticed
            passed += passing if stage else 0
        return Verdict.SURVIVED, f"{passed} of {len(tests)} tests passed"

    def _stage(
        self, mutant: Mutant, stage: list[str], *, anew: bool
    ) -> tuple[tuple[Verdict, str] | None, int]:
        """The verdict, if these tests give one, else how many passed; `anew` imports the mutant."""
        while tests := [it for it in stage if self._reliable.get(it, True)]:
            ran = self._ran(mutant, tests, anew=anew)
            if ran.code is None:
                return self._late(tests), 0
            if not ran.there and not ran.failed:
                raise RuntimeError(f"{mutant}: these tests never met it: {tests[:3]}")
            if ran.code == 0:
                return None, len(tests)
            if not ran.failed:
                return self._broken(ran, tests), 0
            if self._is_reliable(ran.failed):
                return (Verdict.KILLED, ran.failed), 0
        return None, 0

    def _ran(self, mutant: Mutant | None, tests: list[str], *, anew: bool = False) -> Ran:
        limit = self.grace + _SLOWER * sum(self.covered.seconds[it] for it in tests)
        ran = None if anew else self.runs.quick(mutant, tests, limit)
        return fresh(mutant, tests, limit) if ran is None else ran

    def _late(self, tests: list[str]) -> tuple[Verdict, str]:
        if self._ran(None, tests).code is None:
            return Verdict.SURVIVED, "these tests are too slow here, with and without it"
        return Verdict.TIMED_OUT, f"among {len(tests)} tests"

    def _broken(self, ran: Ran, tests: list[str]) -> tuple[Verdict, str]:
        if self._ran(None, tests, anew=True).code != 0:
            return Verdict.SURVIVED, "these tests cannot be run, with and without it"
        return Verdict.BROKEN, f"pytest ended with {ran.code}"

    def _is_reliable(self, test: str) -> bool:
        if test not in self._reliable:
            self._reliable[test] = self._ran(None, [test]).code == 0
        return self._reliable[test]

    def _stages(self, tests: list[str]) -> Iterator[list[str]]:
        """Some of the most telling tests, then the others until the patience is at an end."""
        by_file = [list(group) for _, group in groupby(tests, key=lambda it: it.partition("::")[0])]
        first = [test for group in by_file[:_FILES] for test in group[:_OF_EACH]]
        yield first
        spent, rest, tried = sum(self.covered.seconds[it] for it in first), list[str](), set(first)
        # one of each file, then another of each: those of one file are much alike
        in_turn = sorted((it for group in by_file for it in enumerate(group)), key=lambda it: it[0])
        for test in (it for _, it in in_turn if it not in tried):
            spent += self.covered.seconds[test]
            if spent < self.patience:
                rest.append(test)
        if rest:
            yield sorted(rest, key=tests.index)
