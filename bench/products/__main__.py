"""`python -m bench.products`: runplane beside other products, one load generator, one run.

Everything that can be installed takes part; what cannot is named with the reason. Needs two cores, wrk,
openssl, and PostgreSQL's programs for runplane on PostgreSQL.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from bench import machine
from bench.deployment import Deployment
from bench.load import require_wrk
from bench.measure import Bench, Timing
from bench.process import BenchError, two_cores
from bench.products import contest, contestants, report
from bench.products.install import ROOT, Installed, from_checkout


def main() -> int:
    """Measure, print, store; 1 when something that must work did not."""
    options = _options()
    timing = Timing(seconds=2, warm_up=1, rounds=1) if options.quick else Timing(seconds=3, warm_up=1)
    try:
        with ExitStack() as stack:
            record = _measure(timing, stack)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n" + report.markdown(record))
    if not options.quick:
        print(f"Stored in {report.store(record)}")
    return 0


def _measure(timing: Timing, stack: ExitStack) -> report.Record:
    require_wrk()
    where = machine.describe()
    server_core, load_core = two_cores()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runplane-products-")))
    bench = Bench(timing, load_core, folder, lambda line: print(line, flush=True))
    bench.say("Installing (the first time takes minutes)")
    installed = from_checkout(folder)
    skipped: dict[str, str] = {}
    products = _ours(installed, folder, server_core, where.commit, stack, skipped)
    for make in (
        contestants.oidc_provider,
        contestants.authlib,
        contestants.django,
        contestants.dstack,
        contestants.prefect,
    ):
        _join(products, skipped, make.__name__, lambda make=make: make(folder, server_core))
    held = contest.Contest(bench, products, skipped)
    starts = held.starts()
    loads = held.loads()
    bench.say("One worker and two")
    grown = contest.scaling(bench, _workers(installed, folder, f"{server_core},{load_core}"))
    signed = contest.signature(server_core, loads[0].figures[0].per_cpu_second)
    return report.Record(where, report.timing_of(timing), starts, loads, grown, signed, skipped)


def _ours(
    installed: Installed, folder: Path, core: int, version: str, stack: ExitStack, skipped: dict[str, str]
) -> list[contestants.Product]:
    program = installed.programs / "runplane"
    (folder / "sqlite").mkdir()
    first = Deployment(folder / "sqlite", core, name="runplane, SQLite", program=program)
    products = [contestants.runplane(installed, first, first.database, version)]

    def on_postgres() -> contestants.Product:
        url, pid = _postgres(stack)
        (folder / "postgres").mkdir()
        second = Deployment(
            folder / "postgres",
            core,
            name="runplane, PostgreSQL",
            program=program,
            settings={"RUNPLANE_DATABASE_URL": url},
            beside=[pid],
        )
        return contestants.runplane(installed, second, url, version)

    _join(products, skipped, "runplane, PostgreSQL", on_postgres)
    return products


def _workers(installed: Installed, folder: Path, cores: str) -> dict[int, Deployment]:
    made: dict[int, Deployment] = {}
    for workers in (1, 2):
        own = folder / f"workers-{workers}"
        own.mkdir()
        made[workers] = Deployment(
            own,
            cores,
            name=f"runplane, {workers} worker(s)",
            program=installed.programs / "runplane",
            settings={"RUNPLANE_WORKERS": str(workers)},
        )
        with made[workers].start() as server:
            server.wait(made[workers].ready)
            made[workers].set_up()
    return made


def _join(
    products: list[contestants.Product],
    skipped: dict[str, str],
    name: str,
    make: Callable[[], contestants.Product],
) -> None:
    try:
        products.append(make())
    except BenchError as error:
        skipped[name] = str(error)
        print(f"Without {name}: {error}", file=sys.stderr)


def _postgres(stack: ExitStack) -> tuple[str, int]:
    """The address of a database on a new cluster, and the process whose children serve it."""
    spec = importlib.util.spec_from_file_location("bench_postgres", ROOT / "tests/support/postgres.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        server = module.PostgresServer()
    except module.PostgresMissing as error:
        raise BenchError(str(error)) from None
    stack.callback(server.stop)
    url: str = server.create_database("template0")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        status = Path(f"/proc/{connection.info.backend_pid}/status").read_text()
    (parent,) = (line.split()[1] for line in status.splitlines() if line.startswith("PPid:"))
    return url, int(parent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.products", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        default=os.environ.get("BENCH_QUICK", "") not in ("", "0"),
        help="one short round of each, printed and not kept (or BENCH_QUICK=1)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
