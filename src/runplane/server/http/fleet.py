"""One scrape for all workers of a supervisor: each keeps a file of its figures, and one adds them up.

Files and not sockets, because the counts of a worker that is gone must stay in the sum: a counter that falls
looks like a restart of everything. A worker writes once a second what it has counted, so a sum is at most a
second old and a killed worker takes at most a second of counts with it. What dead workers have left is folded
into one file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.samples import Sample

WRITE_SECONDS: Final = 1.0
FRESH_SECONDS: Final = 10.0
"""A file that is older is of a worker that is gone, or hangs: its counts stay, its gauges are over."""
FOLD_SECONDS: Final = 60.0
"""A file that is older is folded into that of the dead."""

_ADDED: Final = frozenset({"counter", "histogram"})
_LEAST: Final = frozenset({"process_start_time_seconds", "process_max_fds"})
_ENDINGS_OF_MOST: Final = ("_age_seconds", "_lag_seconds", "_up")

Labels = tuple[tuple[str, str], ...]


class Family(msgspec.Struct, array_like=True):
    """A metric with its samples: (name, labels) → value."""

    name: str
    kind: str
    about: str
    samples: list[tuple[str, Labels, float]]


class _Retired(msgspec.Struct):
    """What workers that are gone have counted, and whose files are in it already."""

    families: list[Family] = []
    folded: list[str] = []


def families_of(registry: CollectorRegistry) -> list[Family]:
    """The figures of this process."""
    return [
        Family(
            it.name,
            it.type,
            it.documentation,
            [(one.name, tuple(sorted(one.labels.items())), float(one.value)) for one in it.samples],
        )
        for it in registry.collect()
    ]


def added(parts: Iterable[Iterable[Family]]) -> list[Family]:
    """The figures of several processes as those of one."""
    families: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, Labels], float]] = {}
    for family in (it for part in parts for it in part):
        families.setdefault(family.name, family)
        into = sums.setdefault(family.name, {})
        for name, labels, value in family.samples:
            key = (name, labels)
            into[key] = _joined(family, into[key], value) if key in into else value
    return [
        Family(it.name, it.kind, it.about, [(*key, value) for key, value in sums[it.name].items()])
        for it in families.values()
    ]


def _joined(family: Family, one: float, two: float) -> float:
    if family.kind in _ADDED:
        return one + two
    if family.name in _LEAST:
        return min(one, two)
    if family.kind == "info":
        return one
    return max(one, two) if family.name.endswith(_ENDINGS_OF_MOST) else one + two


def as_metrics(families: Iterable[Family]) -> list[Metric]:
    """In the library's form, for writing them out."""
    found: list[Metric] = []
    for it in families:
        metric = Metric(it.name, it.about, it.kind)
        metric.samples = [Sample(name, dict(labels), value) for name, labels, value in it.samples]
        found.append(metric)
    return found


class Fleet:
    """The files of the workers of one supervisor. `run` names this run of this worker, and no other."""

    def __init__(self, folder: Path, slot: str, run: str) -> None:
        self._folder = folder / "metrics"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._own = self._folder / f"worker-{slot}-{run}.json"

    def write(self, families: list[Family]) -> None:
        """Keep this process' figures for the others."""
        self._replace(self._own, families)

    def others(self) -> list[list[Family]]:
        """The figures of the other workers, and the counts of those that are gone."""
        with self._locked(exclusive=False):
            retired = self._retired()
            there = [it for it in self._files() if it != self._own and it.name not in retired.folded]
            return [retired.families, *(_counts(it, self._age(it)) for it in there)]

    def fold(self) -> None:
        """Put the counts of workers that are long gone into one file."""
        with self._locked(exclusive=True):
            retired = self._retired()
            old = [it for it in self._files() if it != self._own and self._age(it) > FOLD_SECONDS]
            new = [it for it in old if it.name not in retired.folded]
            if new:
                counts = [_counts(it, FOLD_SECONDS) for it in new]
                # The names stay until the files are gone: who is killed in between counts nothing twice.
                folded = _Retired(added([retired.families, *counts]), [it.name for it in old])
                self._replace(self._folder / "retired.json", folded)
            for it in old:
                it.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("worker-*.json"))

    def _retired(self) -> _Retired:
        with contextlib.suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode((self._folder / "retired.json").read_bytes(), type=_Retired)
        return _Retired()

    def _age(self, path: Path) -> float:
        try:
            return time.time() - path.stat().st_mtime
        except OSError:
            return 0.0

    def _replace(self, path: Path, content: Any) -> None:
        part = path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(content))
        part.replace(path)

    @contextlib.contextmanager
    def _locked(self, *, exclusive: bool) -> Generator[None]:
        # The system lets go of the lock of a process that is killed.
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)


def _counts(path: Path, age: float) -> list[Family]:
    """What a file holds; of a worker that is gone only what was counted."""
    try:
        families = msgspec.json.decode(path.read_bytes(), type=list[Family])
    except (OSError, msgspec.DecodeError):
        return []
    return [it for it in families if it.kind in _ADDED or age <= FRESH_SECONDS]


def open_fleet(environ: Mapping[str, str]) -> Fleet | None:
    """The fleet that this process belongs to; None for one that serves alone."""
    try:
        folder, slot, run = (environ[f"RUNPLANE_{it}"] for it in ("RUN_DIR", "WORKER", "WORKER_RUN"))
        return Fleet(Path(folder), slot, run)
    except (KeyError, FileNotFoundError):
        return None
