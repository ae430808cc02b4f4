"""What requests say about a department or project, checked against its cluster and its department."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from runplane.server.core.errors import Invalid
from runplane.server.http.operation import Wire
from runplane.server.organization import scheduling
from runplane.server.organization.quotas import NodePoolRef, ResourcesIn
from runplane.server.organization.scheduling import SchedulingRules
from runplane.server.organization.units.model import Pool, Traits, UnitRow
from runplane.server.organization.units.priorities import priority_named

MAX_DESCRIPTION = 1024
MAX_NODE_TYPES = 100


class NodeTypes(Wire):
    """Node types (values of the node label `run.ai/type`) by what runs on them."""

    training: list[str] = msgspec.field(default_factory=list[str])
    workspace: list[str] = msgspec.field(default_factory=list[str])
    names: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """The members that creating and updating either kind have in common."""

    description: str | None
    scheduling_rules: SchedulingRules | None
    default_node_pools: list[str] | None
    node_types: NodeTypes | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A unit to make."""

    cluster_id: str
    name: str
    wishes: Wishes
    resources: Sequence[ResourcesIn]


def rules_of(row: UnitRow | None) -> SchedulingRules:
    """The scheduling rules stored in a unit; none for None."""
    if row is None or row.scheduling_rules is None:
        return SchedulingRules()
    return msgspec.json.decode(row.scheduling_rules, type=SchedulingRules)


def traits(wishes: Wishes, pools: Sequence[Pool], parent: UnitRow | None) -> Traits:
    """What to store. Raises Invalid for rules looser than the parent's, unknown pools, and too much text."""
    description = wishes.description or ""
    if len(description) > MAX_DESCRIPTION:
        raise Invalid(f"description must have at most {MAX_DESCRIPTION} characters.")
    rules = wishes.scheduling_rules
    if rules is not None:
        scheduling.check(rules)
        scheduling.must_tighten(rules_of(parent), rules)
    return Traits(
        description=description,
        scheduling_rules=None if rules is None else _text(rules),
        default_node_pools=_default_pools(wishes.default_node_pools, pools),
        node_types=None if wishes.node_types is None else _text(_checked(wishes.node_types)),
    )


def _text(value: Wire) -> str:
    return msgspec.json.encode(value).decode()


def _default_pools(given: list[str] | None, pools: Sequence[Pool]) -> str | None:
    """Kept as given: clients send names and ids, and read back what they sent."""
    if given is None:
        return None
    seen: set[int] = set()
    for text in given:
        pool = find_pool(text, pools)
        if pool is None:
            raise Invalid(f"defaultNodePools: there is no node pool {text[:60]!r} in this cluster.")
        if pool.id in seen:
            raise Invalid(f"defaultNodePools: the node pool {pool.name} stands there twice.")
        seen.add(pool.id)
    return json.dumps(given)


def find_pool(text: str, pools: Sequence[Pool]) -> Pool | None:
    """The node pool with this id, else with this name."""
    return next((it for it in pools if str(it.id) == text), None) or next(
        (it for it in pools if it.name == text), None
    )


def _checked(types: NodeTypes) -> NodeTypes:
    for name, values in (("training", types.training), ("workspace", types.workspace)):
        if len(values) > MAX_NODE_TYPES or any(not it or len(it) > 253 for it in values):
            raise Invalid(f"nodeTypes.{name} takes at most {MAX_NODE_TYPES} names of 1 to 253 characters.")
    return types


def placed(items: Sequence[ResourcesIn], pools: Sequence[Pool]) -> list[tuple[int, ResourcesIn]]:
    """Each item of `resources` with the number of its node pool, the default one where it names none.

    Raises Invalid for a node pool that the cluster does not have, and for an unknown priority.
    """
    found: list[tuple[int, ResourcesIn]] = []
    for item in items:
        if isinstance(item.priority, str):
            item.priority = priority_named(item.priority)
        found.append((_pool_of(item.node_pool, pools).id, item))
    return found


def _pool_of(ref: NodePoolRef | None, pools: Sequence[Pool]) -> Pool:
    if ref is None or (ref.id is None and ref.name is None):
        found, said = next((it for it in pools if it.is_default), None), "default"
    elif ref.id is not None:
        said = str(ref.id)
        found = next((it for it in pools if str(it.id) == said), None)
    else:
        said = ref.name or ""
        found = next((it for it in pools if it.name == said), None)
    if found is None:
        raise Invalid(f"resources: there is no node pool {said[:60]!r} in this cluster.")
    return found
