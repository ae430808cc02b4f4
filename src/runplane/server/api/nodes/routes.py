"""/api/v1/nodes: the nodes of every cluster, as their agents reported them last.

A node is seen by whoever may read nodes anywhere in its cluster. Telemetry adds up what was reported; series
over time are empty, since nothing measures them.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.nodes import wire
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import NODES, READ
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Operations, Reply
from runplane.server.organization.inventory import service
from runplane.server.organization.inventory.model import NODES as LISTING
from runplane.server.organization.inventory.readings import node_readings
from runplane.server.organization.inventory.telemetry import GROUPS, MEASURES
from runplane.server.organization.inventory.wire import NodeCountOut, NodesOut, present
from runplane.server.organization.series import (
    MetricsOut,
    MetricsQuery,
    TelemetryOut,
    series,
    telemetry,
    telemetry_question,
)


def operations() -> list[Operation]:
    """The operations below /api/v1/nodes."""
    ops = Operations("/api/v1/nodes", tag="Nodes")

    @ops.get("", allow=can(READ, NODES).anywhere(), listing=LISTING, reply=NodesOut)
    def get_tenant_nodes(call: Call[Any]) -> NodesOut:
        """List the nodes of all clusters"""
        rows = service.list_nodes(call.unit, call.principal, call.scopes, call.page)
        return NodesOut(nodes=[present(row) for row in rows])

    @ops.get("/count", allow=can(READ, NODES).anywhere(), listing=LISTING, reply=NodeCountOut)
    def count_tenant_nodes(call: Call[Any]) -> NodeCountOut:
        """Count the nodes of all clusters"""
        return NodeCountOut(count=service.count_nodes(call.unit, call.principal, call.scopes, call.page))

    @ops.get(
        "/telemetry", allow=can(READ, NODES).anywhere(), query=wire.NodeTelemetryQuery, reply=TelemetryOut
    )
    def get_node_telemetry(call: Call[Any]) -> TelemetryOut | Reply:
        """Add up what nodes reported

        Without a value where no node reported one.
        """
        return _telemetry(call)

    @ops.get(
        "/{nodeId}/metrics",
        allow=can(READ, NODES).anywhere(),
        query=MetricsQuery,
        reply=MetricsOut,
    )
    def get_node_metrics(call: Call[Any]) -> Reply:
        """Get series of a node

        What was reported last, if that was in the span; nothing keeps what was before.
        """
        node = service.get_node(call.unit, call.principal, call.path["nodeId"])
        return series(call, wire.NODE_METRICS, node_readings(call.unit, node))

    return ops.items


def _telemetry(call: Call[Any]) -> TelemetryOut | Reply:
    query: wire.NodeTelemetryQuery = call.query
    measure, groups = telemetry_question(query.telemetry_type, query.group_by, tuple(MEASURES), tuple(GROUPS))
    found = service.node_telemetry(
        call.unit,
        call.principal,
        call.scopes,
        measure,
        groups,
        cluster_id=query.cluster_id,
        pool=query.nodepool_name,
        now=call.unit.now,
    )
    answer = telemetry(measure, call.unit.now, found)
    if call.request.headers.get(b"accept", b"").startswith(b"text/csv"):
        return Reply(wire.telemetry_csv(answer, groups), media_type=b"text/csv")
    return answer
