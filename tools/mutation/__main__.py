"""`python -m tools.mutation`: break authz/ and identity/ in one place at a time; does a test notice?

First the tests run once under coverage, so that for each line the tests that run through it are known. Then
each mutant meets these tests, the most telling first. The sample is drawn with a seed, so that a run can be
repeated. What no test runs through counts as not noticed: the figure is of mutants, not of covered lines.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tools.mutation.changes import changes, told
from tools.mutation.covered import Covered
from tools.mutation.mutant import Mutant
from tools.mutation.runs import QUIET, Runs
from tools.mutation.trials import Judge, Verdict

ROOT: Final = Path(__file__).resolve().parent.parent.parent
SOURCES: Final = ("src/runplane/server/authz", "src/runplane/server/identity")
_judge: Judge


def main() -> int:
    """Draw, try, tell. 1 when fewer than the wanted share were noticed."""
    options = _options()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT)]
    everything, drawn = _drawn(options)
    print(f"{len(everything)} mutants, {len(drawn)} drawn with seed {options.seed}", flush=True)
    began = time.monotonic()
    covered = Covered.of([str(ROOT / it) for it in options.sources], ROOT / options.data)
    print(f"{len(covered.seconds)} tests pass without a mutant; {time.monotonic() - began:.0f} s", flush=True)
    verdicts: Counter[Verdict] = Counter()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder  # none of a mutant's failures outlives this
        runs = Runs(lambda: _try(drawn, Judge(covered, runs, options.patience), options, verdicts))
        files = sorted({it.partition("::")[0] for it in covered.seconds})
        pytest.main([*QUIET, "--continue-on-collection-errors", *files], plugins=[runs])
    noticed = sum(number for verdict, number in verdicts.items() if verdict.is_noticed)
    share = noticed / max(1, verdicts.total())
    print(", ".join(f"{verdict.value} {number}" for verdict, number in verdicts.most_common()))
    print(f"{noticed} of {verdicts.total()} noticed: {share:.1%}; wanted {options.wanted:.0%}")
    return 0 if share >= options.wanted and verdicts.total() == len(drawn) else 1


def _try(
    mutants: list[Mutant], judge: Judge, options: argparse.Namespace, verdicts: Counter[Verdict]
) -> None:
    """Count what becomes of each mutant, and tell of those that were not noticed."""
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(options.jobs, _appoint, (judge,)) as pool:
        for mutant, verdict, how in pool.imap_unordered(_judged, mutants):
            verdicts[verdict] += 1
            if options.verbose or not verdict.is_noticed:
                place = f"{mutant.file.relative_to(ROOT)}:{mutant.change.line}"
                change = told(mutant.file.read_text(), mutant.change)
                print(f"{verdict.value:9}  {place}  {mutant.change.kind}: {change}  [{how}]", flush=True)
            if (number := verdicts.total()) % 25 == 0:
                print(f"  {number} of {len(mutants)}, {time.monotonic() - began:.0f} s", flush=True)


def _appoint(judge: Judge) -> None:
    global _judge  # noqa: PLW0603 - a pool hands its processes a thing to keep in no other way
    _judge = judge


def _judged(mutant: Mutant) -> tuple[Mutant, Verdict, str]:
    return mutant, *_judge.verdict(mutant)


def _drawn(options: argparse.Namespace) -> tuple[list[Mutant], list[Mutant]]:
    """All mutants, and those to try."""
    files = [it for base in options.sources for it in sorted((ROOT / base).rglob("*.py"))]
    everything = [Mutant(file, change) for file in files for change in changes(file.read_text())]
    if options.at:
        places = {(str(ROOT / file), int(line)) for file, _, line in (it.partition(":") for it in options.at)}
        return everything, [it for it in everything if (str(it.file), it.change.line) in places]
    chance = random.Random(options.seed)  # noqa: S311 - a sample to repeat
    return everything, chance.sample(everything, min(options.count, len(everything)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="how many mutants to try")
    parser.add_argument("--seed", type=int, default=1, help="which of them")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--wanted", type=float, default=0.9, help="the share that has to be noticed")
    parser.add_argument("--patience", type=float, default=120, help="seconds of tests before it has survived")
    parser.add_argument("--sources", nargs="*", default=list(SOURCES), help="folders with the modules")
    parser.add_argument("--at", nargs="*", metavar="FILE:LINE", help="all mutants of these lines, no sample")
    parser.add_argument(
        "--verbose", action="store_true", help="tell of the noticed ones too, and by which test"
    )
    parser.add_argument(
        "--data", default="build/mutation.coverage", help="where the lines of each test are kept"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
