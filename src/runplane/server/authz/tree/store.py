"""Keeping the scope tree: units are added, renamed, moved and removed here and nowhere else.

Access rules hold a copy of their scope's path and name, so that a list of rules needs no join. Whoever
changes a node changes those copies in the same transaction, which is why the functions live together.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from runplane.server.authz.tables import access_rules, scope_nodes
from runplane.server.core.errors import NotFound
from runplane.server.core.scope import SYSTEM_PATH, ScopeType, ancestors, child_path
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit


@dataclass(frozen=True, slots=True)
class Node:
    """One scope."""

    type: str
    ref: str
    name: str
    path: str


SYSTEM = Node(ScopeType.SYSTEM, "system", "system", SYSTEM_PATH)

_COLUMNS = (scope_nodes.c.type, scope_nodes.c.ref, scope_nodes.c.name, scope_nodes.c.path)
_BY_REF = select(*_COLUMNS).where(
    scope_nodes.c.type == bindparam("type"),
    scope_nodes.c.ref == bindparam("ref"),
    scope_nodes.c.tenant_id == bindparam("tenant_id"),
)
_FIND = Prepared(_BY_REF)
_HOLD = Prepared(_BY_REF.with_for_update(read=True))
_LOCK = Prepared(_BY_REF.with_for_update())
# Tenant, cluster, department and project: a path has no more parts.
_DEPTH = 4
_ALONG = Prepared(
    select(*_COLUMNS)
    .where(
        scope_nodes.c.tenant_id == bindparam("tenant_id"),
        or_(*(scope_nodes.c.path == bindparam(f"path_{number}") for number in range(_DEPTH))),
    )
    .order_by(scope_nodes.c.path)
)
_AT = Prepared(
    select(*_COLUMNS).where(
        scope_nodes.c.path == bindparam("path"), scope_nodes.c.tenant_id == bindparam("tenant_id")
    )
)


def find(reader: Reader, tenant_id: int, kind: str, ref: str) -> Node | None:
    """The scope of a type and identifier within a tenant. The system scope belongs to every tenant."""
    if kind == ScopeType.SYSTEM:
        return SYSTEM
    row = reader.one(_FIND, {"tenant_id": tenant_id, "type": kind, "ref": ref})
    return Node(*row) if row else None


def hold(unit: Unit, tenant_id: int, kind: str, ref: str) -> Node | None:
    """As `find`, and the scope can neither move nor go before the unit ends: for whoever copies its path."""
    if kind == ScopeType.SYSTEM:
        return SYSTEM
    row = unit.one(_HOLD, {"tenant_id": tenant_id, "type": kind, "ref": ref})
    return Node(*row) if row else None


def _lock(unit: Unit, tenant_id: int, kind: ScopeType, ref: str) -> Node:
    # Two who change one scope follow each other: the second must see the path the first has given it.
    row = unit.one(_LOCK, {"tenant_id": tenant_id, "type": kind, "ref": ref})
    if row is None:
        raise NotFound(f"There is no {kind} {ref}.")
    return Node(*row)


def along(reader: Reader, tenant_id: int, path: str) -> list[Node]:
    """The scope at `path` and those above it within the tenant, widest first."""
    wanted = [*ancestors(path)[1:], *[SYSTEM_PATH] * _DEPTH][:_DEPTH]
    params = {f"path_{number}": node for number, node in enumerate(wanted)}
    return [Node(*row) for row in reader.all(_ALONG, {"tenant_id": tenant_id, **params})]


def at(reader: Reader, tenant_id: int, path: str) -> Node | None:
    """The scope at `path`."""
    if path == SYSTEM_PATH:
        return SYSTEM
    row = reader.one(_AT, {"tenant_id": tenant_id, "path": path})
    return Node(*row) if row else None


def add(unit: Unit, tenant_id: int, kind: ScopeType, ref: str, name: str, parent: str) -> Node:
    """Put a new scope under the path `parent`."""
    node = Node(kind, ref, name, child_path(parent, kind, ref))
    unit.execute(
        insert(scope_nodes),
        {"type": kind, "ref": ref, "tenant_id": tenant_id, "name": name, "path": node.path},
    )
    unit.changed(tenant_id)
    return node


def add_tenant(unit: Unit, tenant_id: int, name: str) -> Node:
    """Put the root scope of a new tenant."""
    return add(unit, tenant_id, ScopeType.TENANT, str(tenant_id), name, SYSTEM_PATH)


def rename(unit: Unit, tenant_id: int, kind: ScopeType, ref: str, name: str) -> None:
    """Give a scope another name."""
    at_node = (scope_nodes.c.type == kind, scope_nodes.c.ref == ref, scope_nodes.c.tenant_id == tenant_id)
    unit.execute(update(scope_nodes).where(*at_node).values(name=name))
    unit.execute(
        update(access_rules)
        .where(
            access_rules.c.tenant_id == tenant_id,
            access_rules.c.scope_type == kind,
            access_rules.c.scope_id == ref,
        )
        .values(scope_name=name)
    )


def move(unit: Unit, tenant_id: int, kind: ScopeType, ref: str, parent: str) -> None:
    """Put a scope and all below it under another parent; access follows with the commit."""
    node = _lock(unit, tenant_id, kind, ref)
    target = child_path(parent, kind, ref)
    for column in (scope_nodes.c.path, access_rules.c.scope_path):
        below = (column >= node.path) & (column < node.path[:-1] + "0")
        unit.execute(
            update(column.table)
            .where(column.table.c.tenant_id == tenant_id, below)
            .values({column: target + func.substr(column, len(node.path) + 1)})
        )
    unit.changed(tenant_id)


def remove(unit: Unit, tenant_id: int, kind: ScopeType, ref: str, by: str) -> None:
    """Take a scope and all below it away; the access rules on them are marked deleted."""
    node = _lock(unit, tenant_id, kind, ref)
    below = (access_rules.c.scope_path >= node.path) & (access_rules.c.scope_path < node.path[:-1] + "0")
    unit.execute(
        update(access_rules)
        .where(access_rules.c.tenant_id == tenant_id, access_rules.c.deleted_at.is_(None), below)
        .values(deleted_at=unit.now, updated_at=unit.now, deleted_by=by)
    )
    unit.execute(
        delete(scope_nodes).where(
            scope_nodes.c.tenant_id == tenant_id,
            scope_nodes.c.path >= node.path,
            scope_nodes.c.path < node.path[:-1] + "0",
        )
    )
    unit.changed(tenant_id)
