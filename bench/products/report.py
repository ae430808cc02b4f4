"""The contest as a file and a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.machine import Machine
from bench.measure import Timing
from bench.products.contest import Load, Scaling, Signature, Start
from bench.report import RESULTS, write_into_pages

_START = "<!-- products: written by `python -m bench.products` -->"
_END = "<!-- end of products -->"


class Record(msgspec.Struct, frozen=True):
    """One invocation, as kept in bench/results."""

    machine: Machine
    timing: dict[str, int]
    starts: list[Start]
    loads: list[Load]
    scaling: list[Scaling]
    signature: Signature
    skipped: dict[str, str]


def timing_of(timing: Timing) -> dict[str, int]:
    """Seconds and rounds, for the record."""
    return {"seconds": timing.seconds, "warm_up": timing.warm_up, "rounds": timing.rounds}


def markdown(record: Record) -> str:
    """Tables of loads, starts and sizes, and where they were measured."""
    lines: list[str] = []
    for load in record.loads:
        lines += [*_load(load), ""]
    lines += [*_starts(record.starts), "", *_scaling(record.scaling), ""]
    signed = record.signature
    lines += [
        (
            f"A token call takes {signed.token_us:.0f} µs of CPU; an ES256 signature alone takes"
            f" {signed.openssl_us:.0f} µs (`openssl speed ecdsap256`, same core)."
        ),
        "",
        *(f"Not measured: {name} ({reason})." for name, reason in record.skipped.items()),
        *_circumstances(record),
    ]
    return "\n".join(lines) + "\n"


def store(record: Record) -> Path:
    """Write the record to bench/results and its tables into the pages that show the latest one."""
    stem = RESULTS / f"products-{record.machine.measured_at[:10]}-{record.machine.commit}"
    text = markdown(record)
    stem.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    page = stem.with_suffix(".md")
    page.write_text(f"# Products beside one another, {record.machine.measured_at[:10]}\n\n{text}")
    write_into_pages(_START, _END, text)
    return page


def _load(load: Load) -> Iterator[str]:
    ratios = {it.peer: f"{it.ratio:.1f} ({it.lowest:.1f}–{it.highest:.1f})" for it in load.comparisons}
    columns = "what it does | per CPU-second | requests/s | p50 ms | p99 ms | RSS MB | runplane ÷ it"
    yield f"| {load.title} | {columns} |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    for it in load.figures:
        yield (
            f"| {it.subject} | {load.notes[it.subject]} | {it.per_cpu_second:,.0f} | {it.per_second:,.0f}"
            f" | {it.p50_ms:.2f} | {it.p99_ms:.2f} | {it.rss_mb:.0f} | {ratios.get(it.subject, '')} |"
        )


def _starts(starts: list[Start]) -> Iterator[str]:
    yield "| product | version | start to first answer, s | CPU of it, s | memory then, MB | installed, MB |"
    yield "|---|---|--:|--:|--:|--:|"
    for it in starts:
        yield (
            f"| {it.product} | {it.version} | {it.cold_start_seconds:.2f} | {it.cold_start_cpu_seconds:.2f}"
            f" | {it.idle_mb:.0f} | {it.installed_mb:.0f} |"
        )


def _scaling(scaling: list[Scaling]) -> Iterator[str]:
    yield "| runplane, SQLite, load on the same cores | one worker, per second | two workers | two ÷ one |"
    yield "|---|--:|--:|--:|"
    for it in scaling:
        yield f"| {it.title} | {it.one:,.0f} | {it.two:,.0f} | {it.ratio:.2f} |"


def _circumstances(record: Record) -> Iterator[str]:
    machine, timing = record.machine, record.timing
    yield (
        f"Measured {machine.measured_at} at commit {machine.commit}: median of {timing['rounds']} rounds of"
        f" {timing['seconds']} s after {timing['warm_up']} s of warm-up in each, 32 connections, one server"
        " process, pinned to one core, the load to another. PostgreSQL's CPU time is on runplane's bill."
    )
    yield (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb} GB, Linux {machine.kernel}, Python"
        f" {machine.python}, node {machine.tools['node']}; {machine.tools['wrk']}. Load average before:"
        f" {machine.busy}."
    )
