"""Where a result was measured: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

_ROOT = Path(__file__).parent.parent
_PACKAGES = ("uvicorn", "uvloop", "httptools", "starlette", "msgspec", "pyjwt", "cryptography", "sqlalchemy")


class Machine(msgspec.Struct, frozen=True):
    """Facts a reader needs before comparing two results. `busy` is the load average before the run."""

    measured_at: str
    commit: str
    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    python: str
    sqlite: str
    packages: dict[str, str]
    tools: dict[str, str]
    busy: float


def describe() -> Machine:
    """This machine and checkout, now."""

    return Machine(
        measured_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=_commit(),
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        packages={name: version(name) for name in _PACKAGES},
        tools={"wrk": _first_line("wrk", "-v"), "node": _first_line("node", "--version")},
        busy=round(os.getloadavg()[0], 2),
    )


def _commit() -> str:
    commit = _first_line("git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD")
    changed = _first_line("git", "-C", str(_ROOT), "status", "--porcelain", "--", "src")
    return f"{commit or 'unknown'}{'-dirty' if changed else ''}"


def _cpu() -> str:
    wanted = {"model name": "", "cpu family": "", "model": ""}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in wanted and not wanted[name.strip()]:
            wanted[name.strip()] = value.strip()
    family = f" (family {wanted['cpu family']} model {wanted['model']})" if wanted["cpu family"] else ""
    return f"{wanted['model name'] or platform.machine()}{family}"


def _first_line(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return (ran.stdout.strip().splitlines() or [""])[0]
