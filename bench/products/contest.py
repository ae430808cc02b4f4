"""The contest: rounds of load in turn, memory, starts, one worker and two, the price of a signature.

All servers stand ready on one core and all but the one that is asked are stopped (SIGSTOP), so that what they
do by themselves costs no other.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import msgspec

from bench.deployment import Deployment
from bench.load import Plan
from bench.measure import Bench, Comparison, Figures, Run, Subject, comparison, figures
from bench.process import BenchError, Server
from bench.products.contestants import MakePlan, Product

STARTS = 3


class Start(msgspec.Struct, frozen=True):
    """One product apart from loads: seconds from exec to the first answer on its data; sizes in MB."""

    product: str
    version: str
    installed_mb: float
    cold_start_seconds: float
    cold_start_cpu_seconds: float
    idle_mb: float


class Load(msgspec.Struct, frozen=True):
    """One kind of call, product by product; ours first, and ours divided by each."""

    title: str
    figures: list[Figures]
    comparisons: list[Comparison]
    notes: dict[str, str]


class Scaling(msgspec.Struct, frozen=True):
    """Requests per second with one worker and with two, on all cores, which the load generator shares."""

    title: str
    one: float
    two: float
    ratio: float


class Signature(msgspec.Struct, frozen=True):
    """CPU microseconds of an ES256 signature by `openssl speed`, and of a whole token call."""

    openssl_us: float
    token_us: float


@dataclass(slots=True)
class _Entry:
    product: Product
    server: Server


class Contest:
    """Products on one core, asked from another."""

    def __init__(self, bench: Bench, products: Sequence[Product], skipped: dict[str, str]) -> None:
        self._bench = bench
        self._products = list(products)
        # what does not start is left out, with the reason
        self._skipped = skipped

    def starts(self) -> list[Start]:
        """Make every product's data, and time its later starts."""
        found: list[Start] = []
        for it in list(self._products):
            self._bench.say(f"Start of {it.name}")
            try:
                with it.start() as server:
                    server.wait(it.ready)
                    it.prepare()
                found.append(_timed(it))
            except BenchError as error:
                self._bench.say(f"Without {it.name}: {error}")
                self._skipped[it.name] = str(error).splitlines()[0]
                self._products.remove(it)
        return found

    def loads(self) -> list[Load]:
        """Tokens, then reads."""
        made: list[Load] = []
        with ExitStack() as stack:
            entries = [self._ready(it, stack) for it in self._products]
            for what, title in (
                ("token", "Token by client credentials"),
                ("read", "Authenticated read of metadata"),
            ):
                chosen = [(it, plan) for it in entries if (plan := getattr(it.product, what)) is not None]
                made.append(self._load(title, what, chosen))
        return made

    def _ready(self, product: Product, stack: ExitStack) -> _Entry:
        server = product.start()
        stack.callback(_stop, server)
        server.wait(product.ready)
        server.pause()
        return _Entry(product, server)

    def _load(self, title: str, what: str, entries: Sequence[tuple[_Entry, MakePlan]]) -> Load:
        self._bench.say(title)
        rounds: dict[str, list[Run]] = {it.product.name: [] for it, _ in entries}
        for _ in range(self._bench.timing.rounds):
            for entry, plan in entries:
                run = self._round(entry, plan)
                rounds[entry.product.name].append(run)
                self._bench.say(
                    f"  {entry.product.name:<22} {run.per_cpu_second:>8,.0f} per CPU-second"
                    f"  {run.per_second:>8,.0f}/s  p50 {run.p50_ms:.2f} ms  p99 {run.p99_ms:.2f} ms"
                )
        ours = rounds[entries[0][0].product.name]
        return Load(
            title,
            [figures(name, runs) for name, runs in rounds.items()],
            [comparison(name, ours, runs) for name, runs in list(rounds.items())[1:]],
            {it.product.name: it.product.notes.get(what, "") for it, _ in entries},
        )

    def _round(self, entry: _Entry, plan: MakePlan) -> Run:
        subject = Subject(entry.product.name, entry.server, plan)
        entry.server.resume()
        try:
            self._bench.load(entry.server.url, plan(), self._bench.timing.warm_up)
            return self._bench.measure(subject)
        finally:
            entry.server.pause()


def scaling(bench: Bench, deployments: Mapping[int, Deployment]) -> list[Scaling]:
    """Requests per second with one worker and with two, on all cores, which the load generator shares."""
    tokens: dict[int, list[float]] = {1: [], 2: []}
    reads: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(bench.timing.rounds):
        for workers, ours in deployments.items():
            with ours.start() as server:
                server.wait(ours.ready)
                bearer = {"Authorization": f"Bearer {ours.token()}"}
                for rates, title, plan in (
                    (tokens, "tokens", ours.token_plan),
                    (reads, "reads", lambda bearer=bearer: _read(bearer)),
                ):
                    bench.load(server.url, plan(), bench.timing.warm_up)
                    run = bench.measure(Subject(ours.name, server, plan))
                    rates[workers].append(run.per_second)
                    bench.say(f"  {title}, {workers} worker(s): {run.per_second:,.0f}/s")
    return [_scaled("Tokens", tokens), _scaled("Reads", reads)]


def signature(core: int, tokens_per_cpu_second: float) -> Signature:
    """Time `openssl speed` on one core. Raises BenchError where openssl is missing."""
    command = ["taskset", "-c", str(core), "openssl", "speed", "-seconds", "3", "ecdsap256"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        raise BenchError("openssl is not installed") from None
    found = re.search(r"nistp256\)\s+\S+\s+\S+\s+([\d.]+)", ran.stdout)
    if found is None:
        raise BenchError(f"openssl speed printed no figure: {ran.stderr.strip()[-200:]}")
    return Signature(round(1e6 / float(found[1]), 1), round(1e6 / tokens_per_cpu_second, 1))


def _timed(product: Product) -> Start:
    walls: list[float] = []
    spent: list[float] = []
    idle = 0.0
    for _ in range(STARTS):
        began = time.perf_counter()
        with product.start() as server:
            server.wait(product.ready, pause=0.005)
            walls.append(time.perf_counter() - began)
            spent.append(server.cpu_seconds())
            idle = server.rss_mb()
    return Start(
        product.name,
        product.version,
        product.installed_mb,
        round(median(walls), 2),
        round(median(spent), 2),
        round(idle, 1),
    )


def _stop(server: Server) -> None:
    server.resume()
    server.stop()


def _read(bearer: dict[str, str]) -> Plan:
    return Plan("GET", "/api/v1/users?limit=1", headers=bearer)


def _scaled(title: str, rates: dict[int, list[float]]) -> Scaling:
    pairs = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    return Scaling(title, median(rates[1]), median(rates[2]), round(median(pairs), 2))
