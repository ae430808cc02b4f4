"""Results as files and tables, and whether they keep the budgets."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench.machine import Machine
from bench.measure import Timing
from bench.scenarios import Everything, Limits

_HERE = Path(__file__).parent
RESULTS = _HERE / "results"
_PAGES = (_HERE / "README.md", _HERE.parent / "docs" / "guides" / "performance.md")
_START, _END = "<!-- latest: written by `make bench` -->", "<!-- end of latest -->"


class Record(msgspec.Struct, frozen=True):
    """One invocation, as kept in bench/results."""

    machine: Machine
    timing: dict[str, int]
    everything: Everything


class Verdict(msgspec.Struct, frozen=True):
    """One figure against its budget."""

    what: str
    figure: str
    budget: str
    kept: bool


def budgets() -> dict[str, Any]:
    """The file of budgets."""
    return tomllib.loads((_HERE / "budgets.toml").read_text())


def record(machine: Machine, timing: Timing, everything: Everything) -> Record:
    """What was measured, with where and how."""
    return Record(
        machine,
        {"seconds": timing.seconds, "warm_up": timing.warm_up, "rounds": timing.rounds},
        everything,
    )


def judge(everything: Everything) -> list[Verdict]:
    """Every figure that has a budget."""
    allowed = budgets()
    found: list[Verdict] = []
    for result in everything.results:
        for it in result.comparisons:
            budget = allowed[result.scenario][it.peer]
            found.append(
                Verdict(
                    f"{result.title}, against {it.peer}",
                    f"{it.ratio:.2f} ({it.lowest:.2f}–{it.highest:.2f})",
                    f"at least {budget['ratio']} (aim {budget['aim']})",
                    it.ratio >= budget["ratio"],
                )
            )
    if everything.limits is not None:
        found.extend(_judge_limits(everything.limits, allowed["limits"]))
    return found


def _judge_limits(limits: Limits, allowed: dict[str, float]) -> Iterator[Verdict]:
    memory, start = allowed["memory_mb"], allowed["cold_start_seconds"]
    yield Verdict(
        "Memory after the loads",
        f"{limits.memory_mb:.0f} MB",
        f"at most {memory:.0f} MB",
        limits.memory_mb <= memory,
    )
    yield Verdict(
        "Exec to first token, existing database",
        f"{limits.cold_start_seconds:.2f} s",
        f"at most {start:.1f} s",
        limits.cold_start_seconds <= start,
    )
    yield Verdict(
        "`runplane --help`",
        f"{limits.help_seconds * 1000:.0f} ms",
        f"at most {allowed['help_seconds'] * 1000:.0f} ms",
        limits.help_seconds <= allowed["help_seconds"],
    )


def markdown(record: Record) -> str:
    """The record as two tables and a description of the machine."""
    everything = record.everything
    lines = [
        "| what | ours ÷ peer, median (range of rounds) | budget | kept |",
        "|---|---|---|---|",
        *(f"| {it.what} | {it.figure} | {it.budget} | {_kept(it)} |" for it in judge(everything)),
        "",
        "| load | server | requests per CPU-second | requests/s | p50 ms | p99 ms | RSS MB |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {result.title} | {it.subject} | {it.per_cpu_second:,.0f} | {it.per_second:,.0f}"
        f" | {it.p50_ms:.2f} | {it.p99_ms:.2f} | {it.rss_mb:.0f} |"
        for result in everything.results
        for it in result.figures
    ]
    lines += ["", *_circumstances(record), *_remarks(record)]
    return "\n".join(lines) + "\n"


def _kept(verdict: Verdict) -> str:
    return "yes" if verdict.kept else "**no**"


def _circumstances(record: Record) -> Iterator[str]:
    machine, timing = record.machine, record.timing
    packages = ", ".join(f"{name} {number}" for name, number in machine.packages.items())
    yield (
        f"Measured {machine.measured_at} at commit {machine.commit}: median of {timing['rounds']} rounds of"
        f" {timing['seconds']} s after {timing['warm_up']} s of warm-up, 32 connections."
    )
    yield (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB, Linux {machine.kernel},"
        f" Python {machine.python}, SQLite {machine.sqlite}, {packages}; {machine.tools['wrk']}."
    )


def _remarks(record: Record) -> Iterator[str]:
    for result in record.everything.results:
        for peer, reason in result.skipped.items():
            yield f"Not measured: {peer} ({reason})."
    limits = record.everything.limits
    if limits is not None:
        yield (
            f"The server took {limits.idle_memory_mb:.0f} MB before the loads; a start uses"
            f" {limits.cold_start_cpu_seconds:.2f} s of CPU."
        )
    ledger = record.everything.ledger
    if ledger.tokens:
        yield (
            f"The audit log stands for all {ledger.tokens:,} token calls, in {ledger.audit_rows:,} rows,"
            " and the last use is stored."
        )
    if record.machine.busy > 0.5:
        yield f"The machine was not idle before the run: load average {record.machine.busy}."


def store(record: Record) -> Path:
    """Write the record to bench/results and its tables into the pages that show the latest one."""
    stem = RESULTS / f"{record.machine.measured_at[:10]}-{record.machine.commit}"
    text = markdown(record)
    stem.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    stem.with_suffix(".md").write_text(f"# Bench of {record.machine.measured_at[:10]}\n\n{text}")
    write_into_pages(_START, _END, text)
    return stem.with_suffix(".md")


def write_into_pages(start: str, end: str, text: str) -> None:
    """Put `text` between two marks of the pages that show the latest results."""
    for page in _PAGES:
        before, _, rest = page.read_text().partition(start)
        after = rest.partition(end)[2]
        page.write_text(f"{before}{start}\n\n{text}\n{end}{after}")
