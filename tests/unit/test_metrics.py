"""/metrics: what one process counts, what the workers of one supervisor count together, who may read it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Info

from runplane.server.core.errors import Forbidden, Invalid, Unauthenticated
from runplane.server.http.fleet import (
    FOLD_SECONDS,
    FRESH_SECONDS,
    Family,
    Fleet,
    added,
    as_metrics,
    families_of,
    open_fleet,
)
from runplane.server.http.metrics import RequestMetrics
from runplane.server.identity.counts import TokenCounts


def registry(*collectors: RequestMetrics | TokenCounts) -> CollectorRegistry:
    made = CollectorRegistry()
    for it in collectors:
        made.register(it)
    return made


def figures(parts: list[list[Family]]) -> dict[str, float]:
    """Each sample under its name and labels."""
    return {
        f"{one.name}{sorted(one.labels.items())}": one.value
        for it in as_metrics(added(parts))
        for one in it.samples
    }


def worker(folder: Path, slot: int, requests: int, run: str = "a") -> Fleet:
    """A worker that has answered so many requests and written it down."""
    counted = RequestMetrics()
    for _ in range(requests):
        counted.observe("get_users", 200, 0.003)
    fleet = Fleet(folder, str(slot), run)
    memory = Family(
        "process_resident_memory_bytes", "gauge", "", [("process_resident_memory_bytes", (), 100.0)]
    )
    fleet.write([*families_of(registry(counted)), memory])
    return fleet


REQUESTS = "runplane_requests_total[('operation', 'get_users'), ('status', '200')]"
MEMORY = "process_resident_memory_bytes[]"


def age(folder: Path, seconds: float, name: str) -> None:
    """Let a file be that old."""
    then = time.time() - seconds
    for it in (folder / "metrics").glob(name):
        os.utime(it, (then, then))


def test_two_servers_of_one_process_count_apart() -> None:
    one, two = RequestMetrics(), RequestMetrics()
    first, second = registry(one), registry(two)
    one.observe("get_users", 200, 0.1)
    labels = {"operation": "get_users", "status": "200"}
    assert first.get_sample_value("runplane_requests_total", labels) == 1.0
    assert second.get_sample_value("runplane_requests_total", labels) is None
    assert REGISTRY.get_sample_value("runplane_requests_total", labels) is None


def test_refusals_are_counted_by_status_and_reason() -> None:
    counted = RequestMetrics()
    counted.refused(401, Unauthenticated("no", reason="expired"))
    counted.refused(403, Forbidden("no"))
    counted.refused(403, Forbidden("no"))
    counted.refused(400, Invalid("no"))
    found = figures([families_of(registry(counted))])
    assert {name: value for name, value in found.items() if "refusals" in name} == {
        "runplane_refusals_total[('reason', 'expired'), ('status', '401')]": 1.0,
        "runplane_refusals_total[('reason', 'forbidden'), ('status', '403')]": 2.0,
    }


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/v1/token", "v1"),
        ("/api/v2/token", "v2"),
        ("/auth/realms/secret-name/protocol/openid-connect/token", "realm"),
        ("/v1/k8s/auth/token", "k8s"),
        ("/else", "other"),
    ],
)
def test_tokens_are_counted_by_dialect_and_never_by_path(path: str, dialect: str) -> None:
    counted = TokenCounts()
    counted.issued("password", path)
    counted.refused("password", path, "invalid_grant")
    found = figures([families_of(registry(counted))])
    assert found[f"runplane_tokens_issued_total[('dialect', '{dialect}'), ('grant', 'password')]"] == 1.0
    assert not any("secret-name" in it for it in found)
    assert any(f"'{dialect}'" in it and "invalid_grant" in it for it in found)


def test_one_worker_tells_of_all(tmp_path: Path) -> None:
    one = worker(tmp_path, 0, 3)
    two = worker(tmp_path, 1, 4)
    for it in (one, two):
        own = [Family("x", "gauge", "", [("x", (), 1.0)])]
        assert "x[]" in figures([own, *it.others()])
    assert figures(one.others())[REQUESTS] == 4.0
    assert figures(two.others())[REQUESTS] == 3.0
    assert figures([*one.others(), *two.others()])[MEMORY] == 200.0
    buckets = [value for name, value in figures([*one.others(), *two.others()]).items() if "'+Inf'" in name]
    assert buckets == [7.0]


def test_the_counts_of_a_worker_that_is_gone_stay_and_its_memory_goes(tmp_path: Path) -> None:
    here = worker(tmp_path, 0, 1)
    worker(tmp_path, 1, 5, run="killed")
    age(tmp_path, FRESH_SECONDS + 1, "worker-1-killed.json")
    worker(tmp_path, 1, 2, run="its successor")
    found = figures(here.others())
    assert found[REQUESTS] == 7.0
    assert found[MEMORY] == 100.0


def test_files_of_the_dead_become_one_and_are_counted_once(tmp_path: Path) -> None:
    here = worker(tmp_path, 0, 1)
    for run in "abcd":
        worker(tmp_path, 1, 5, run=run)
    age(tmp_path, FOLD_SECONDS + 1, "worker-1-*.json")
    kept = {it.name: it.read_bytes() for it in (tmp_path / "metrics").glob("worker-1-*.json")}
    here.fold()
    assert figures(here.others())[REQUESTS] == 20.0
    assert [it.name for it in (tmp_path / "metrics").glob("worker-*.json")] == ["worker-0-a.json"]
    # killed between the two steps of folding: the files are still there and count no second time
    for name, content in kept.items():
        (tmp_path / "metrics" / name).write_bytes(content)
    age(tmp_path, FOLD_SECONDS + 1, "worker-1-*.json")
    here.fold()
    assert figures(here.others())[REQUESTS] == 20.0
    worker(tmp_path, 1, 2, run="e")
    assert figures(here.others())[REQUESTS] == 22.0


def test_what_is_half_written_is_left_out(tmp_path: Path) -> None:
    here = worker(tmp_path, 0, 1)
    (tmp_path / "metrics" / "worker-1-x.json").write_bytes(b"[[")
    (tmp_path / "metrics" / "retired.json").write_bytes(b"")
    assert figures(here.others()) == {}


def test_ages_and_starts_are_not_added() -> None:
    def part(value: float) -> list[Family]:
        names = ("runplane_freshness_lag_seconds", "process_start_time_seconds")
        return [Family(it, "gauge", "", [(it, (), value)]) for it in names]

    found = figures([part(1.0), part(5.0)])
    assert found == {"runplane_freshness_lag_seconds[]": 5.0, "process_start_time_seconds[]": 1.0}


def test_what_a_server_is_stays_one() -> None:
    made = CollectorRegistry()
    Info("runplane", "What runs.", registry=made).info({"version": "1"})
    part = families_of(made)
    assert figures([part, part]) == {"runplane_info[('version', '1')]": 1.0}


def test_who_serves_alone_has_no_fleet(tmp_path: Path) -> None:
    assert open_fleet({}) is None
    given = {"RUNPLANE_RUN_DIR": str(tmp_path), "RUNPLANE_WORKER": "0", "RUNPLANE_WORKER_RUN": "x"}
    assert open_fleet(given) is not None
    assert open_fleet({**given, "RUNPLANE_RUN_DIR": str(tmp_path / "gone")}) is None
