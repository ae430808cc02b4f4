"""Where calls about departments and projects act, and who sees one.

A unit is in sight of whoever may read units of its kind there; in requests that place something new, the
target is in sight of whoever holds anything at, above or below it (as for access rules).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runplane.server.authz import tree
from runplane.server.authz.permissions import READ, permission
from runplane.server.authz.principal import Principal
from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.scope import ScopeType
from runplane.server.organization.clusters.access import unknown_cluster
from runplane.server.organization.clusters.model import silent_since
from runplane.server.organization.units import store
from runplane.server.organization.units.model import DEPARTMENTS, UnitKind, UnitRow, unit_number
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_NEVER = Instant("0000-00-00T00:00:00.000Z")


def unknown(kind: UnitKind, text: str) -> NotFound:
    """The refusal for a unit that does not exist, or that the caller cannot see."""
    return NotFound(f"There is no {kind.noun} {text[:60]!r} that you can see.")


def visible(
    reader: Reader, principal: Principal, kind: UnitKind, text: str, since: Instant = _NEVER
) -> UnitRow:
    """A unit that the caller may read. Raises NotFound. `since` is needed for the phase only."""
    number = unit_number(text)
    row = None if number is None else store.select_unit(reader, kind, principal.tenant_id, number, since)
    if row is None or not principal.grants.allows(permission(READ, kind.resource), row.path):
        raise unknown(kind, text)
    return row


def unit_in_path(kind: UnitKind) -> Callable[[Any], str]:
    """A scope source: the unit that the address names."""

    def path_of(call: Any) -> str:
        return visible(call.reader, call.principal, kind, call.path[kind.parameter]).path

    return path_of


def cluster_in_body(call: Any) -> str:
    """A scope source: the cluster that the body names as `clusterId`."""
    return cluster_node(call.reader, call.principal, call.body.cluster_id).path


def cluster_node(reader: Reader, principal: Principal, cluster_id: str) -> tree.Node:
    """The scope of a cluster of which the caller may know. Raises NotFound."""
    node = tree.find(reader, principal.tenant_id, ScopeType.CLUSTER, cluster_id.lower())
    if node is None or not principal.grants.sees(node.path):
        raise unknown_cluster(cluster_id)
    return node


def parent_in_body(call: Any) -> str:
    """A scope source: the department that the body puts a project into."""
    return parent_of(call.reader, call.principal, call.body.cluster_id, call.body.parent_id).path


def parent_of(reader: Reader, principal: Principal, cluster_id: str, parent_id: str | None) -> UnitRow:
    """The department a project of a cluster is to lie in: the named one, else the cluster's default.

    Raises NotFound for what does not exist or is out of sight, Invalid for a department of another cluster.
    That a cluster has a default department is no secret to who sees the cluster.
    """
    cluster = cluster_node(reader, principal, cluster_id)
    if parent_id is None:
        row = store.select_default_department(reader, principal.tenant_id, cluster.ref)
        if row is None:
            raise unknown_cluster(cluster_id)
        return row
    row = department(reader, principal, parent_id)
    if row.cluster_id != cluster.ref:
        raise Invalid(f"The department {row.name} lies in another cluster than clusterId says.")
    return row


def department(reader: Reader, principal: Principal, text: str) -> UnitRow:
    """A department of which the caller may know. Raises NotFound."""
    number = unit_number(text)
    row = None
    if number is not None:
        row = store.select_unit(reader, DEPARTMENTS, principal.tenant_id, number, _NEVER)
    if row is None or not principal.grants.sees(row.path):
        raise unknown(DEPARTMENTS, text)
    return row


def held(unit: Unit, principal: Principal, kind: UnitKind, text: str) -> UnitRow:
    """A unit that nobody else changes before this unit of work ends. Raises NotFound."""
    number = unit_number(text)
    since = silent_since(unit.now)
    row = None if number is None else store.hold_unit(unit, kind, principal.tenant_id, number, since)
    if row is None:
        raise unknown(kind, text)
    return row


def parent_of_project(reader: Reader, tenant_id: int, row: UnitRow) -> UnitRow:
    """The department a project lies in."""
    parent = store.select_unit(reader, DEPARTMENTS, tenant_id, row.department_id or 0, _NEVER)
    if parent is None:
        raise RuntimeError(f"project {row.id} has no department")
    return parent
