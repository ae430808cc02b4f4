"""Rounds of load against several servers in turn, so that a change of the machine's speed meets them all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from bench.load import Outcome, Plan, drive
from bench.process import Server

# Deferred writes (the audit of sign-ins, last logins) are paid within this time and belong to the bill.
_AFTERMATH_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Timing:
    """How long and how often: whole seconds per run, runs per server."""

    seconds: int = 5
    warm_up: int = 2
    rounds: int = 3


class Run(msgspec.Struct, frozen=True):
    """One run of load; rates per second, latencies in milliseconds, memory in MB."""

    requests: int
    cpu_seconds: float
    per_cpu_second: float
    per_second: float
    p50_ms: float
    p99_ms: float
    rss_mb: float


@dataclass(slots=True)
class Subject:
    """A server and the load it gets. `plan` is called per run; `used` hears how many tokens a run walked."""

    name: str
    server: Server
    plan: Callable[[], Plan]
    used: Callable[[int], None] | None = None


class Figures(msgspec.Struct, frozen=True):
    """What the rounds say about one server: medians, and every run."""

    subject: str
    per_cpu_second: float
    per_second: float
    p50_ms: float
    p99_ms: float
    rss_mb: float
    runs: list[Run]


class Comparison(msgspec.Struct, frozen=True):
    """Ours against one peer: the median of the rounds' ratios, and the smallest and the largest."""

    peer: str
    ratio: float
    lowest: float
    highest: float


class Result(msgspec.Struct, frozen=True):
    """One scenario."""

    scenario: str
    title: str
    figures: list[Figures]
    comparisons: list[Comparison]
    # peers that could not be measured, and why
    skipped: dict[str, str]


class Bench:
    """Runs loads on a machine's second core."""

    def __init__(self, timing: Timing, core: int, scratch: Path, say: Callable[[str], None]) -> None:
        self.timing = timing
        self.core = core
        self.scratch = scratch
        self.say = say
        # responses wrk counted, and its runs, per server and path
        self.good: Counter[tuple[str, str]] = Counter()
        self.runs: Counter[tuple[str, str]] = Counter()

    def compare(
        self, scenario: str, title: str, subjects: Sequence[Subject], skipped: dict[str, str] | None = None
    ) -> Result:
        """Measure `subjects`; the first is ours. Raises BenchError when any response is not a 2xx."""
        self.say(title)
        for subject in subjects:
            self._load(subject, subject.plan(), self.timing.warm_up)
        rounds: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
        for _ in range(self.timing.rounds):
            for subject in subjects:
                run = self.measure(subject)
                rounds[subject.name].append(run)
                self.say(
                    f"  {subject.name:<14} {run.per_cpu_second:>8,.0f} per CPU-second"
                    f"  {run.per_second:>8,.0f}/s  p50 {run.p50_ms:.2f} ms  p99 {run.p99_ms:.2f} ms"
                )
        ours = subjects[0].name
        return Result(
            scenario,
            title,
            [figures(name, runs) for name, runs in rounds.items()],
            [comparison(name, rounds[ours], runs) for name, runs in rounds.items() if name != ours],
            skipped or {},
        )

    def load(self, url: str, plan: Plan, seconds: int) -> Outcome:
        """Load without measuring."""
        outcome = drive(url, plan, seconds=seconds, core=self.core, scratch=self.scratch)
        self.good[url, plan.path] += outcome.good
        self.runs[url, plan.path] += 1
        return outcome

    def _load(self, subject: Subject, plan: Plan, seconds: int) -> Outcome:
        outcome = self.load(subject.server.url, plan, seconds)
        if subject.used is not None:
            subject.used(outcome.walked)
        return outcome

    def measure(self, subject: Subject) -> Run:
        """One run of load against one server, without warming up."""
        plan = subject.plan()
        before = subject.server.cpu_seconds()
        outcome = self._load(subject, plan, self.timing.seconds)
        time.sleep(_AFTERMATH_SECONDS)
        cpu = subject.server.cpu_seconds() - before
        return Run(
            requests=outcome.good,
            cpu_seconds=round(cpu, 2),
            per_cpu_second=round(outcome.good / cpu, 1),
            per_second=round(outcome.good / (outcome.wall_us / 1e6), 1),
            p50_ms=outcome.p50_us / 1000,
            p99_ms=outcome.p99_us / 1000,
            rss_mb=round(subject.server.rss_mb(), 1),
        )


def figures(name: str, runs: list[Run]) -> Figures:
    """Medians of the runs of one server; the most memory."""
    return Figures(
        name,
        median(run.per_cpu_second for run in runs),
        median(run.per_second for run in runs),
        median(run.p50_ms for run in runs),
        median(run.p99_ms for run in runs),
        max(run.rss_mb for run in runs),
        runs,
    )


def comparison(peer: str, ours: list[Run], theirs: list[Run]) -> Comparison:
    """Ours divided by the peer's, round by round."""
    pairs = [mine.per_cpu_second / other.per_cpu_second for mine, other in zip(ours, theirs, strict=True)]
    return Comparison(peer, round(median(pairs), 3), round(min(pairs), 3), round(max(pairs), 3))
