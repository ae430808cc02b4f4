"""What the agent of a cluster may do: say that it is there, and how the cluster is.

Its token names the cluster, so nothing it sends can speak of another. Liveness is the server's clock, never
the cluster's. Nothing here touches what tokens are allowed, so a heartbeat empties no cache.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec

from runplane.protocol.agent import HEARTBEAT_SECONDS, Directions, Heartbeat
from runplane.server.authz.principal import Principal
from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Conflict, Unauthenticated
from runplane.server.organization.clusters import store
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.clusters.service import remove_cluster
from runplane.server.organization.inventory.reports import take_nodes, take_storage_classes
from runplane.server.organization.node_pools.membership import label_keys, settle
from runplane.server.organization.node_pools.store import select_claims
from runplane.server.organization.node_pools.topologies.store import select_levels
from runplane.server.organization.units.reported.taking import take_allocations
from runplane.server.sql.unit import Unit


def register(unit: Unit, principal: Principal, said: Heartbeat) -> Directions:
    """Take an agent that just started; what it left out is asked for."""
    row = _take(unit, _cluster(unit, principal), said)
    return _directions(unit, row, resync=said.nodes is None or said.storage_classes is None)


def heartbeat(unit: Unit, principal: Principal, said: Heartbeat) -> Directions:
    """Take a sign of life; the last one of an agent that was asked to leave removes the cluster.

    Raises Unauthenticated, Invalid, and Conflict for an agent that leaves without having been asked.
    """
    row = _cluster(unit, principal)
    if said.removed:
        if row.delete_requested_at is None:
            raise Conflict("Nobody asked for the removal of this cluster; go on sending heartbeats.")
        remove_cluster(unit, row, principal.name)
        return _directions(unit, row, resync=False)
    row = _take(unit, row, said)
    return _directions(unit, row, resync=not row.report["inventory"])


def _cluster(unit: Unit, principal: Principal) -> ClusterRow:
    # Locked, so that two heartbeats at once cannot both insert a node.
    row = store.lock_cluster(unit, principal.tenant_id, principal.id)
    if row is None:
        raise Unauthenticated("The cluster of this token was deleted.", reason="deleted")
    return row


def _take(unit: Unit, row: ClusterRow, said: Heartbeat) -> ClusterRow:
    known = row.report.get("inventory", False)
    report = {**_report(said), "inventory": known or said.nodes is not None}
    values: dict[str, Any] = {"last_liveness": unit.now, "simulated": said.simulated}
    if said.version:
        values["version"] = said.version
    if report != row.report:
        values["report"] = json.dumps(report)
    store.update_cluster(unit, row.tenant_id, row.id, values)
    current = replace(row, report=report)
    if said.storage_classes is not None:
        take_storage_classes(unit, current, said.storage_classes)
    if said.allocations is not None:
        take_allocations(unit, current, said.allocations, simulated=said.simulated)
    changed = said.nodes is not None and take_nodes(unit, current, said.nodes)
    if changed or report["inventory"] != known:
        settle(unit, current)
    return current


def _report(said: Heartbeat) -> dict[str, Any]:
    """What is kept of a heartbeat beside lists: members as the contract shows them."""
    conditions: list[dict[str, Any]] = msgspec.to_builtins(said.conditions)
    for condition in conditions:
        condition["lastTransitionTime"] = parse_instant(
            condition["lastTransitionTime"], "conditions: lastTransitionTime"
        )
    return {
        "conditions": conditions,
        "operands": msgspec.to_builtins(said.operands),
        "platform": msgspec.to_builtins(said.platform),
        "config": msgspec.to_builtins(said.config),
        "dependencies": msgspec.to_builtins(said.dependencies),
    }


def _directions(unit: Unit, row: ClusterRow, *, resync: bool) -> Directions:
    return Directions(
        cluster_id=row.id,
        cluster_name=row.name,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        resync=resync,
        remove=row.delete_requested_at is not None,
        label_keys=label_keys(select_claims(unit, row.id), select_levels(unit, row.id)),
    )
