"""Which node is in which pool, and what that makes of the pools: worked out again whenever either changes."""

from __future__ import annotations

from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.node_pools import store
from runplane.server.organization.node_pools.model import MESSAGES, Claim, phase_of, pool_of
from runplane.server.sql.unit import Unit


def settle(unit: Unit, cluster: ClusterRow, *, without: int | None = None) -> None:
    """Put every node of a cluster into its pool and store the phase of each pool.

    `without` names a pool that is about to go and so takes no node.
    """
    claims = [claim for claim in store.select_claims(unit, cluster.id) if claim.pool_id != without]
    members = store.select_members(unit, cluster.id)
    homes = {node_id: pool_of(labels, claims) for node_id, _, _, labels in members}
    moves = {node_id: homes[node_id] for node_id, pool_id, _, _ in members if homes[node_id] != pool_id}
    store.move_nodes(unit, moves)
    reported = cluster.report.get("inventory", False)
    for claim in claims:
        inside = [
            (status, labels) for node_id, _, status, labels in members if homes[node_id] == claim.pool_id
        ]
        phase = phase_of((status for status, _ in inside), reported=reported)
        detected = any(claim.acceleration_key in labels for _, labels in inside) if inside else None
        store.update_phase(unit, claim.pool_id, phase.value, MESSAGES[phase], detected=detected)


def label_keys(claims: list[Claim], levels: list[str]) -> list[str]:
    """The node labels an agent has to report: those of pools and of topology levels."""
    keys = {claim.label_key for claim in claims if claim.label_key}
    return sorted({*keys, *(claim.acceleration_key for claim in claims), *levels})
