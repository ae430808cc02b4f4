"""Pure rules of clusters: membership in pools, phases, states, merging, and who sees a cluster's things."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.clock import Instant, instant
from runplane.server.core.errors import Invalid
from runplane.server.core.scope import EMPTY, EVERYWHERE, ScopeSet, ScopeType
from runplane.server.organization.clusters.model import ClusterRow, check_text, state_of
from runplane.server.organization.inventory.telemetry import MEASURES, total
from runplane.server.organization.inventory.usage.merging import merged, merged_customization
from runplane.server.organization.node_pools.model import Claim, check_label_key, phase_of, pool_of
from runplane.server.organization.series import as_text

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["x", "y"])
CLAIMS = st.lists(st.tuples(KEYS, VALUES), max_size=5, unique=True)

ROW = ClusterRow(
    id="c",
    tenant_id=1,
    name="c",
    path="/1/c/",
    domain=None,
    version=None,
    created_at=Instant("2026-01-01T00:00:00.000Z"),
    updated_at=Instant("2026-01-01T00:00:00.000Z"),
    delete_requested_at=None,
    last_liveness=None,
    simulated=False,
    agent_secret=b"",
    report={},
)


@given(CLAIMS, st.dictionaries(KEYS, VALUES), st.randoms())
def test_a_node_is_in_the_oldest_pool_that_claims_it(
    pairs: list[tuple[str, str]], labels: dict[str, str], order: Any
) -> None:
    claims = [Claim(1, True, "", "", "n")]
    claims += [Claim(number, False, key, value, "n") for number, (key, value) in enumerate(pairs, 2)]
    order.shuffle(claims)
    claiming = [number for number, pair in enumerate(pairs, 2) if pair in labels.items()]
    assert pool_of(labels, claims) == min(claiming, default=1)


def test_a_pool_is_what_its_nodes_are() -> None:
    assert phase_of([], reported=False) == "Creating"
    assert phase_of([], reported=True) == "Empty"
    assert phase_of(["NotReady", "Unknown"], reported=True) == "Unschedulable"
    assert phase_of(["NotReady", "Ready"], reported=True) == "Ready"


@pytest.mark.parametrize(("age", "state"), [(0, "Connected"), (90, "Connected"), (90.001, "Disconnected")])
def test_silence_of_more_than_ninety_seconds_disconnects(age: float, state: str) -> None:
    row = replace(ROW, last_liveness=instant(1_000_000))
    assert state_of(row, instant(1_000_000 + age)) == state


def test_what_is_missing_counts_before_what_fails() -> None:
    missing = {"required": {"a": {"available": True}, "b": {"available": False}}}
    down = [{"type": "Available", "status": "False"}]
    now = instant(1_000_000)

    def state(**report: Any) -> str:
        return state_of(replace(ROW, last_liveness=now, report=report), now)

    assert state(dependencies=missing, conditions=down) == "MissingPrerequisites"
    assert state(conditions=down) == "ServiceIssues"
    assert state(conditions=[{"type": "Available", "status": "Unknown"}]) == "Connected"
    optional = {"required": {}, "optional": {"b": {"available": False}}}
    assert state(dependencies=optional) == "Connected"


PATHS = st.lists(
    st.sampled_from(["/1/", "/1/c/", "/1/c/d1/", "/1/c/d1/p1/", "/1/c/d2/", "/1/x/", "/1/x/d3/p9/"]),
    max_size=4,
)


@given(PATHS, st.sampled_from(["/1/c/", "/1/x/", "/1/y/"]))
def test_a_clusters_things_are_seen_from_above_and_from_within(paths: list[str], cluster: str) -> None:
    seen = ScopeSet.of(paths).lifted(ScopeType.CLUSTER).contains(cluster)
    assert seen == any(cluster.startswith(path) or path.startswith(cluster) for path in paths)


def test_lifting_leaves_nothing_and_everything() -> None:
    assert EMPTY.lifted(ScopeType.CLUSTER) == EMPTY
    assert EVERYWHERE.lifted(ScopeType.CLUSTER) == EVERYWHERE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3),
    lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("pqr"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once(before: dict[str, Any], changes: dict[str, Any]) -> None:
    once = merged(before, changes)
    assert once is not None
    assert merged(once, changes) == once
    assert merged(before, {}) == before
    assert before.keys() | changes.keys() == once.keys()


def test_null_clears_the_whole_and_removal_wins() -> None:
    assert merged({"a": 1}, None) is None
    assert merged_customization({"attributes": [{"key": "a"}]}, None) is None
    changes = {"attributes": [{"key": "b"}], "attributesToRemove": ["b"]}
    assert merged_customization({"attributes": [{"key": "a"}]}, changes) == {"attributes": [{"key": "a"}]}


@pytest.mark.parametrize("key", ["a", "node-type", "example.com/node_type", "A.b"])
def test_label_keys_that_kubernetes_takes(key: str) -> None:
    assert check_label_key(key, "labelKey") == key


@pytest.mark.parametrize("key", ["", "-a", "a/", "/a", "Example.com/a", "a/b/c", "a" * 64, "a" * 254 + "/b"])
def test_label_keys_that_it_does_not(key: str) -> None:
    with pytest.raises(Invalid, match="labelKey"):
        check_label_key(key, "labelKey")


def test_text_loses_its_surroundings_and_nothing_else() -> None:
    assert check_text("  a b ", "name") == "a b"
    assert check_text("", "domain") is None
    with pytest.raises(Invalid, match="name"):
        check_text("  ", "name", required=True)


def test_what_nobody_reported_has_no_sum() -> None:
    silent = {
        "name": "a",
        "status": "Ready",
        "cluster_id": "c",
        "cluster_name": "C",
        "node_pool": "p",
        "gpu_count": 2,
        **dict.fromkeys(
            (
                "cpu_cores",
                "cpu_memory_bytes",
                "gpu_memory_bytes",
                "allocated_gpus",
                "allocated_cpu_cores",
                "allocated_cpu_memory_bytes",
                "used_cpu_cores",
                "used_cpu_memory_bytes",
                "used_gpu_memory_bytes",
                "idle_allocated_gpus",
            )
        ),
    }
    told = {name for name in MEASURES if total([silent], name, [])}
    assert told == {"READY_GPU_NODES", "READY_GPUS", "TOTAL_GPU_NODES", "TOTAL_GPUS"}
    assert total([], "TOTAL_GPUS", []) == []
    assert (as_text(2.0), as_text(0.5)) == ("2", "0.5")
