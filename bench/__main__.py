"""`python -m bench`: measure everything, print it, store it. `make bench` calls it with --check.

A quick or partial run is printed only: what is kept in bench/results was measured in full.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench import machine, report
from bench.load import require_wrk
from bench.measure import Bench, Timing
from bench.process import BenchError, two_cores
from bench.scenarios import ALL, Scenarios

_QUICK = Timing(seconds=2, warm_up=1, rounds=1)


def main() -> int:
    """Measure; 0 when everything was measured (and, with --check, keeps its budget), else 1."""
    options = _options()
    timing = _QUICK if options.quick else Timing()
    wanted = frozenset(options.only.split(",")) if options.only else ALL
    if not wanted <= ALL:
        print(f"--only takes some of: {', '.join(sorted(ALL))}", file=sys.stderr)
        return 2
    try:
        made = _measure(timing, wanted)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n" + report.markdown(made))
    if wanted == ALL and not options.quick:
        print(f"Stored in {report.store(made)}")
    missed = [it for it in report.judge(made.everything) if not it.kept]
    if options.check:
        for it in missed:
            print(f"Over budget: {it.what} is {it.figure}, wanted {it.budget}.", file=sys.stderr)
    return 1 if options.check and missed else 0


def _measure(timing: Timing, wanted: frozenset[str]) -> report.Record:
    require_wrk()
    server_core, load_core = two_cores()
    where = machine.describe()
    with tempfile.TemporaryDirectory(prefix="runplane-bench-") as folder:
        bench = Bench(timing, load_core, Path(folder), lambda line: print(line, flush=True))
        return report.record(where, timing, Scenarios(bench, server_core, wanted).run())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a figure misses its budget")
    parser.add_argument(
        "--quick",
        action="store_true",
        default=os.environ.get("BENCH_QUICK", "") not in ("", "0"),
        help="one short round of each (or BENCH_QUICK=1)",
    )
    parser.add_argument("--only", metavar="NAMES", help=f"of {', '.join(sorted(ALL))}, with commas")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
