"""Taking in what an agent reports of its cluster's nodes and storage classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from runplane.protocol.agent import NodeReport, StorageClassReport
from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.core.ids import new_id
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.inventory import store
from runplane.server.organization.inventory.model import CAPACITY, StorageClassRow
from runplane.server.organization.node_pools.model import pool_of
from runplane.server.organization.node_pools.store import select_claims
from runplane.server.sql.unit import Unit


def take_nodes(unit: Unit, cluster: ClusterRow, reports: Sequence[NodeReport]) -> bool:
    """Store the whole list of a cluster's nodes; says whether anything changed.

    A node of a known name with another uid is another node. Raises Invalid for two nodes of one name.
    """
    if len({report.name for report in reports}) != len(reports):
        raise Invalid("nodes: two nodes have the same name.")
    known = store.select_reported(unit, cluster.id)
    wanted = {report.name: _columns(report) for report in reports}
    gone = [
        row["id"] for name, row in known.items() if name not in wanted or wanted[name]["uid"] != row["uid"]
    ]
    store.delete_nodes(unit, gone)
    kept = {name: row for name, row in known.items() if row["id"] not in set(gone)}
    new = [values for name, values in wanted.items() if name not in kept]
    _insert(unit, cluster, new)
    changed = False
    for name, row in kept.items():
        news = {key: value for key, value in wanted[name].items() if row[key] != value}
        if news:
            store.update_node(unit, row["id"], news)
            changed = True
    return bool(changed or new or gone)


def take_storage_classes(unit: Unit, cluster: ClusterRow, reports: Sequence[StorageClassReport]) -> None:
    """Store the whole list of a cluster's storage classes. Raises Invalid for two of one name."""
    rows = sorted(
        (
            StorageClassRow(it.name, it.provisioner, it.allow_volume_expansion, it.is_default)
            for it in reports
        ),
        key=lambda row: row.name,
    )
    if len({row.name for row in rows}) != len(rows):
        raise Invalid("storageClasses: two storage classes have the same name.")
    if store.select_storage_classes(unit, cluster.tenant_id, cluster.id) != rows:
        store.replace_storage_classes(unit, cluster.tenant_id, cluster.id, rows)


def _insert(unit: Unit, cluster: ClusterRow, columns: list[dict[str, Any]]) -> None:
    claims = select_claims(unit, cluster.id)
    rows = [
        {
            **values,
            "id": new_id(),
            "tenant_id": cluster.tenant_id,
            "cluster_id": cluster.id,
            "path": cluster.path,
            "node_pool_id": pool_of(json.loads(values["labels"]), claims),
            "updated_at": unit.now,
        }
        for values in columns
    ]
    store.insert_nodes(unit, rows)


def _columns(report: NodeReport) -> dict[str, Any]:
    detail = {
        "conditions": msgspec.to_builtins(report.conditions),
        "taints": msgspec.to_builtins(report.taints),
    }
    return {
        "uid": report.uid,
        "name": report.name,
        "status": report.status,
        "gpu_type": report.gpu_type if report.gpu_count else None,
        "gpu_count": report.gpu_count,
        "nvlink_domain_uid": report.nv_link_domain_uid,
        "nvlink_clique_id": report.nv_link_clique_id,
        "labels": json.dumps(report.labels, sort_keys=True),
        "detail": json.dumps(detail, sort_keys=True),
        **{name: getattr(report, name) for name in CAPACITY},
        "created_at": parse_instant(report.created_at, "nodes: createdAt"),
    }
