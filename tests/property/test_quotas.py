"""The algebra of quotas against plain Python models, and every meaning of -1, null and 0."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runplane.server.core.errors import Invalid
from runplane.server.http.codec import convert
from runplane.server.organization.quotas import (
    FRESH,
    MEGABYTES,
    Quota,
    ResourcesIn,
    Share,
    applied,
    difference,
    exceeding,
    merged,
    promised,
    together,
    totals,
)
from runplane.server.organization.scheduling import SchedulingRules, check, effective, must_tighten

POOLS = (1, 2, 3)
STORED = Quota(Share(2.0, 4.0, 1.0), Share(100.0, 400.0, 2.0), Share(10.0, 40.0, 3.0), "GB", "High")


def request(**members: Any) -> ResourcesIn:
    return convert(members, ResourcesIn, strict=True)


# What one attribute means: -1, null, 0, a number, nothing at all. PUT merges onto FRESH, PATCH onto STORED.
GPU_QUOTA = [({"deserved": -1}, None, None), ({"deserved": None}, 0, 0), ({"deserved": 0}, 0, 0)]
GPU_QUOTA += [({"deserved": 1.5}, 1.5, 1.5), ({}, 0, 2)]
CPU_QUOTA = [({"deserved": -1}, None, None), ({"deserved": None}, None, None), ({"deserved": 0}, 0, 0)]
CPU_QUOTA += [({"deserved": 250}, 250, 250), ({}, None, 100)]
MEMORY_QUOTA = [({"deserved": -1}, None, None), ({"deserved": None}, None, None), ({"deserved": 0}, 0, 0)]
MEMORY_QUOTA += [({"deserved": 25}, 25, 25), ({}, None, 10)]


@pytest.mark.parametrize(
    ("resource", "change", "put", "patch"),
    [("gpu", *row) for row in GPU_QUOTA]
    + [("cpu", *row) for row in CPU_QUOTA]
    + [("memory", *row) for row in MEMORY_QUOTA],
)
def test_every_way_to_say_a_quota(
    resource: str, change: dict[str, Any], put: float | None, patch: float | None
) -> None:
    asked = request(**{resource: change})
    assert getattr(merged(FRESH, asked), resource).deserved == put
    assert getattr(merged(STORED, asked), resource).deserved == patch


@pytest.mark.parametrize("resource", ["gpu", "cpu", "memory"])
@pytest.mark.parametrize(
    ("change", "put", "patch"),
    [
        ({"limit": -1}, None, None),
        ({"limit": None}, None, None),
        ({"limit": 0, "deserved": 0}, 0, 0),
        ({"limit": 450}, 450, 450),
        ({}, None, "kept"),
    ],
)
def test_every_way_to_say_a_limit(
    resource: str, change: dict[str, Any], put: float | None, patch: float | str | None
) -> None:
    asked = request(**{resource: change})
    kept = getattr(STORED, resource).limit
    assert getattr(merged(FRESH, asked), resource).limit == put
    assert getattr(merged(STORED, asked), resource).limit == (kept if patch == "kept" else patch)


@pytest.mark.parametrize("resource", ["gpu", "cpu", "memory"])
@pytest.mark.parametrize(("given", "after"), [(None, None), (0, 0), (2.5, 2.5)])
def test_every_way_to_say_a_weight(resource: str, given: float | None, after: float | None) -> None:
    asked = request(**{resource: {"overQuotaWeight": given}})
    assert getattr(merged(STORED, asked), resource).weight == after


def test_null_instead_of_a_resource_gives_its_default() -> None:
    cleared = merged(STORED, request(cpu=None, memory=None, priority=None))
    assert cleared == Quota(gpu=STORED.gpu)
    with pytest.raises(Invalid, match="gpu"):
        request(gpu=None)


@pytest.mark.parametrize(
    "members",
    [
        {"gpu": {"deserved": -2}},
        {"gpu": {"deserved": -0.5}},
        {"cpu": {"limit": -3}},
        {"memory": {"deserved": 1e13, "units": "MB"}},
        {"gpu": {"overQuotaWeight": -1}},
        {"gpu": {"deserved": 3, "limit": 2}},
        {"cpu": {"deserved": 3, "limit": 0}},
        {"memory": {"deserved": 5, "limit": 4, "units": "GB"}},
    ],
)
def test_impossible_amounts_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        merged(FRESH, request(**members))


@pytest.mark.parametrize(
    "members",
    [
        {"gpu": 4},
        {"gpu": {"deserved": "4"}},
        {"gpu": {"deserved": True}},
        {"memory": {"units": "KB"}},
        {"memory": {"units": None}},
        {"nodePool": "1"},
        {"priority": 3},
    ],
)
def test_wrong_shapes_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        request(**members)


def test_memory_without_units_is_refused_where_nothing_says_them() -> None:
    asked = request(memory={"deserved": 5})
    with pytest.raises(Invalid, match="units"):
        applied({}, [(1, asked)], POOLS, whole=True)
    assert applied({1: STORED}, [(1, asked)], POOLS, whole=False)[1].memory.deserved == 5
    unlimited = request(memory={"deserved": -1, "limit": None})
    assert applied({}, [(1, unlimited)], POOLS, whole=True)[1] == FRESH


def test_what_is_not_named_keeps_its_amount_when_units_change() -> None:
    after = merged(STORED, request(memory={"deserved": 5000, "units": "MB"}))
    assert (after.memory.deserved, after.memory.limit, after.units) == (5000, 40_000, "MB")


@pytest.mark.parametrize("whole", [True, False])
def test_unknown_and_repeated_node_pools_are_refused(whole: bool) -> None:
    with pytest.raises(Invalid, match="no node pool 9"):
        applied({}, [(9, request())], POOLS, whole=whole)
    with pytest.raises(Invalid, match="twice"):
        applied({}, [(1, request()), (1, request())], POOLS, whole=whole)


# Models

amounts = st.one_of(st.none(), st.integers(0, 1000).map(float))
wire_amounts = st.one_of(st.none(), st.just(-1), st.integers(0, 1000))
units = st.sampled_from(sorted(MEGABYTES))


@st.composite
def shares(draw: st.DrawFn, *, gpu: bool = False) -> Share:
    deserved = draw(st.integers(0, 1000).map(float) if gpu else amounts)
    more = draw(amounts)
    limit = None if more is None else (deserved or 0.0) + more
    return Share(deserved, limit, draw(amounts))


quotas = st.builds(
    Quota,
    gpu=shares(gpu=True),
    cpu=shares(),
    memory=shares(),
    units=units,
    priority=st.sampled_from([None, "Low", "High"]),
)
per_pool = st.dictionaries(st.sampled_from(POOLS), quotas)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """A request in JSON in which nothing contradicts: limits are named only as unlimited."""
    found: dict[str, Any] = {}
    for name in draw(st.sets(st.sampled_from(["gpu", "cpu", "memory", "priority"]))):
        if name == "priority":
            found[name] = draw(st.sampled_from([None, "Low", "Normal"]))
            continue
        share: dict[str, Any] = {}
        if draw(st.booleans()):
            share["deserved"] = draw(wire_amounts)
            share["limit"] = draw(st.sampled_from([None, -1]))
        if draw(st.booleans()):
            share["overQuotaWeight"] = draw(amounts)
        if name == "memory":
            share["units"] = draw(units)
        found[name] = share if name == "gpu" or draw(st.booleans()) else None
    return found


def as_model(quota: Quota) -> dict[str, Any]:
    """A quota as a plain dictionary; memory in exact megabytes, so that units do not matter."""
    factor = Fraction(str(MEGABYTES[quota.units]))
    found: dict[str, Any] = {"priority": quota.priority, "units": quota.units}
    for name in ("gpu", "cpu", "memory"):
        share: Share = getattr(quota, name)
        scale = factor if name == "memory" else Fraction(1)
        found[f"{name}.deserved"] = None if share.deserved is None else Fraction(share.deserved) * scale
        found[f"{name}.limit"] = None if share.limit is None else Fraction(share.limit) * scale
        found[f"{name}.weight"] = share.weight
    return found


def model_of(base: Quota, change: dict[str, Any]) -> dict[str, Any]:
    """The same merge over dictionaries, written from the rules and not from the code."""
    fresh = as_model(FRESH)
    result = as_model(base)
    if "priority" in change:
        result["priority"] = change["priority"]
    for name in ("gpu", "cpu", "memory"):
        if name not in change:
            continue
        if change[name] is None:
            for key in [it for it in fresh if it.startswith(name)]:
                result[key] = fresh[key]
            if name == "memory":
                result["units"] = fresh["units"]
            continue
        if "units" in change[name]:
            result["units"] = change[name]["units"]
        scale = Fraction(str(MEGABYTES[result["units"]])) if name == "memory" else Fraction(1)
        for attribute in ("deserved", "limit"):
            if attribute in change[name]:
                value = change[name][attribute]
                if value is None:
                    result[f"{name}.{attribute}"] = fresh[f"{name}.{attribute}"]
                else:
                    result[f"{name}.{attribute}"] = None if value == -1 else Fraction(value) * scale
        if "overQuotaWeight" in change[name]:
            result[f"{name}.weight"] = change[name]["overQuotaWeight"]
    return result


def close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        one[key] == other[key]
        or (
            isinstance(one[key], Fraction)
            and isinstance(other[key], Fraction)
            and abs(one[key] - other[key]) <= Fraction(1, 10**9) * max(one[key], other[key])
        )
        for key in one
    )


@given(quotas, changes())
def test_merging_is_the_model(base: Quota, change: dict[str, Any]) -> None:
    assert close(as_model(merged(base, request(**change))), model_of(base, change))


@given(quotas, changes())
def test_merging_twice_changes_nothing_more(base: Quota, change: dict[str, Any]) -> None:
    once = merged(base, request(**change))
    assert merged(once, request(**change)) == once


@given(per_pool, st.dictionaries(st.sampled_from(POOLS), changes()))
def test_patch_touches_named_pools_and_put_all(
    current: dict[int, Quota], asked: dict[int, dict[str, Any]]
) -> None:
    items = [(pool, request(**change)) for pool, change in asked.items()]
    patched = applied(current, items, POOLS, whole=False)
    for pool in POOLS:
        base = current.get(pool, FRESH)
        assert patched[pool] == (merged(base, request(**asked[pool])) if pool in asked else base)
    try:
        replaced = applied(current, items, POOLS, whole=True)
    except Invalid as error:
        assert "units" in error.message  # noqa: PT017 - the one thing a generated PUT may lack
        return
    assert replaced == {pool: merged(FRESH, request(**asked.get(pool, {}))) for pool in POOLS}


def exact(quota: Quota, name: str, *, capped: bool) -> Fraction | None:
    share: Share = getattr(quota, name)
    value = share.deserved
    if value is None and capped:
        value = share.limit
    factor = Fraction(str(MEGABYTES[quota.units])) if name == "memory" else Fraction(1)
    return None if value is None else Fraction(value) * factor


def model_sum(values: list[Fraction | None]) -> Fraction | None:
    return None if None in values else sum((it for it in values if it is not None), Fraction(0))


@given(st.lists(quotas, max_size=5))
def test_totals_are_the_sums(each: list[Quota]) -> None:
    found = totals(each)
    for name, total in (("gpu", found.gpu), ("cpu", found.cpu), ("memory", found.megabytes)):
        wanted = model_sum([exact(it, name, capped=False) for it in each])
        assert (total is None) == (wanted is None)
        if wanted is not None:
            assert total == pytest.approx(float(wanted), rel=1e-9)


@given(per_pool, st.lists(per_pool, max_size=4))
def test_whoever_is_over_is_found_and_nobody_else(
    parent: dict[int, Quota], children: list[dict[int, Quota]]
) -> None:
    wanted: set[tuple[int, str]] = set()
    for pool in POOLS:
        for name in ("gpu", "cpu", "memory"):
            backed = exact(parent.get(pool, FRESH), name, capped=True)
            assigned = model_sum([exact(it.get(pool, FRESH), name, capped=True) for it in children])
            if backed is not None and (assigned is None or assigned > backed):
                wanted.add((pool, name))
    found = exceeding(parent, promised(children, POOLS))
    assert {(it.pool, it.resource) for it in found} == wanted


@given(st.lists(per_pool, max_size=4), st.lists(per_pool, max_size=4))
def test_promises_add_up(some: list[dict[int, Quota]], others: list[dict[int, Quota]]) -> None:
    apart = together(promised(some, POOLS), promised(others, POOLS))
    whole = promised([*some, *others], POOLS)
    for pool in POOLS:
        for name in ("gpu", "cpu", "megabytes"):
            one, other = getattr(apart[pool], name), getattr(whole[pool], name)
            assert one is None if other is None else one == pytest.approx(other, rel=1e-9)


@given(per_pool, per_pool)
def test_difference_names_what_differs(before: dict[int, Quota], after: dict[int, Quota]) -> None:
    steps = difference(before, after)
    differing = {it for it in POOLS if before.get(it, FRESH) != after.get(it, FRESH)}
    assert {it.pool for it in steps} == differing
    assert all(it.before != it.after for it in steps)
    assert difference(after, after) == []


# Scheduling rules

NAMES = SchedulingRules.__struct_fields__
rules = st.builds(SchedulingRules, **{name: st.one_of(st.none(), st.integers(1, 20)) for name in NAMES})


@given(rules, rules)
def test_effective_rules_are_the_tighter_ones(parent: SchedulingRules, own: SchedulingRules) -> None:
    both = effective(parent, own)
    for name in NAMES:
        given_values = [it for it in (getattr(parent, name), getattr(own, name)) if it is not None]
        assert getattr(both, name) == (min(given_values) if given_values else None)
    assert effective(own, parent) == both
    assert effective(parent, both) == both


@given(rules, rules)
def test_a_project_may_only_tighten(parent: SchedulingRules, own: SchedulingRules) -> None:
    loose = [
        name
        for name in NAMES
        if getattr(parent, name) is not None
        and getattr(own, name) is not None
        and getattr(own, name) > getattr(parent, name)
    ]
    if loose:
        with pytest.raises(Invalid, match="department"):
            must_tighten(parent, own)
    else:
        must_tighten(parent, own)
    must_tighten(parent, effective(parent, own))


@given(rules)
def test_an_idle_limit_is_below_the_time_limit(own: SchedulingRules) -> None:
    pairs = (
        (own.interactive_job_max_idle_duration_seconds, own.interactive_job_time_limit_seconds),
        (own.training_job_max_idle_duration_seconds, own.training_job_time_limit_seconds),
    )
    wrong = [1 for idle, limit in pairs if idle is not None and limit is not None and idle >= limit]
    if wrong:
        with pytest.raises(Invalid, match="must be below"):
            check(own)
    else:
        check(own)
