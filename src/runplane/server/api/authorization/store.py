"""SQL of custom roles, and of refusals looked up in the audit log.

Custom roles are numbered from 1000 on, above the predefined ones, and a number is not given out again while
a rule, even a deleted one, names it: the history of access stays readable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, union_all, update
from sqlalchemy.exc import IntegrityError

from runplane.server.api.authorization.model import RoleRow
from runplane.server.audit.tables import audit_log
from runplane.server.authz.permission_sets import granted_by
from runplane.server.authz.tables import access_rules, roles
from runplane.server.core.clock import Instant
from runplane.server.core.errors import AlreadyExists, Conflict
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

FIRST_ID = 1000
_ATTEMPTS = 5

_COLUMNS = (
    roles.c.id,
    roles.c.name,
    roles.c.description,
    roles.c.enabled,
    roles.c.permission_sets,
    roles.c.kubernetes_role,
    roles.c.created_by,
    roles.c.created_at,
    roles.c.updated_at,
)
_OF_TENANT = select(*_COLUMNS).where(roles.c.tenant_id == bindparam("tenant_id"))
_ONE = Prepared(_OF_TENANT.where(roles.c.id == bindparam("id")))
_HELD = Prepared(_OF_TENANT.where(roles.c.id == bindparam("id")).with_for_update())
_ALL = Prepared(_OF_TENANT.order_by(roles.c.id))
_BY_NAME = Prepared(
    select(roles.c.id).where(
        roles.c.tenant_id == bindparam("tenant_id"), roles.c.name_key == bindparam("name_key")
    )
)
_USED = union_all(
    select(func.max(roles.c.id).label("id")), select(func.max(access_rules.c.role_id).label("id"))
).subquery()
_HIGHEST = Prepared(select(func.max(_USED.c.id)))
_RULES_OF_ROLE = Prepared(
    select(func.count())
    .select_from(access_rules)
    .where(
        access_rules.c.tenant_id == bindparam("tenant_id"),
        access_rules.c.role_id == bindparam("id"),
        access_rules.c.deleted_at.is_(None),
    )
)
_REFUSALS = Prepared(
    select(
        audit_log.c.timestamp,
        audit_log.c.subject,
        audit_log.c.subject_type,
        audit_log.c.http_method,
        audit_log.c.url,
        audit_log.c.metadata,
    ).where(
        audit_log.c.tenant_id == bindparam("tenant_id"),
        audit_log.c.timestamp >= bindparam("since"),
        audit_log.c.timestamp <= bindparam("until"),
        audit_log.c.http_status_code == 403,
        audit_log.c.metadata.like(bindparam("mark")),
    )
)


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A refusal as the audit log keeps it."""

    at: Instant
    subject: str
    subject_type: str
    http_method: str
    url: str
    metadata: dict[str, str]


def _role_of(row: Row) -> RoleRow:
    number, name, description, enabled, sets, kubernetes_role, created_by, created_at, updated_at = row
    ids = tuple(json.loads(sets))
    return RoleRow(
        id=number,
        name=name,
        description=description,
        enabled=bool(enabled),
        custom=True,
        sets=ids,
        permissions=granted_by(ids),
        kubernetes_role=kubernetes_role,
        created_by=created_by,
        created_at=created_at,
        updated_at=updated_at,
    )


def select_role(reader: Reader, tenant_id: int, role_id: int) -> RoleRow | None:
    """A custom role of the tenant."""
    row = reader.one(_ONE, {"tenant_id": tenant_id, "id": role_id})
    return _role_of(row) if row else None


def hold_role(unit: Unit, tenant_id: int, role_id: int) -> RoleRow | None:
    """A custom role that nobody else changes, deletes or hands out before the unit ends."""
    row = unit.one(_HELD, {"tenant_id": tenant_id, "id": role_id})
    return _role_of(row) if row else None


def select_roles(reader: Reader, tenant_id: int) -> list[RoleRow]:
    """The custom roles of the tenant in order of id."""
    return [_role_of(row) for row in reader.all(_ALL, {"tenant_id": tenant_id})]


def insert_role(unit: Unit, tenant_id: int, values: dict[str, Any]) -> int:
    """Store a custom role and return its id. Raises AlreadyExists for a name that is taken.

    Ids are shared by all tenants, so another unit may take the next one first: then the one after is tried.
    """
    for _ in range(_ATTEMPTS):
        highest = unit.scalar(_HIGHEST, {})
        number = max(FIRST_ID, (highest or 0) + 1)
        try:
            with unit.connection.begin_nested():
                unit.execute(
                    insert(roles), {**values, "id": number, "tenant_id": tenant_id, "created_at": unit.now}
                )
        except IntegrityError as error:
            if unit.one(_BY_NAME, {"tenant_id": tenant_id, "name_key": values["name_key"]}):
                raise AlreadyExists("Role", values["name"]) from error
        else:
            return number
    raise Conflict("Many roles are being created at this moment; try again.")


def update_role(unit: Unit, tenant_id: int, role_id: int, values: dict[str, Any]) -> None:
    """Change a custom role; rules carry its name. Raises AlreadyExists for a name that is taken."""
    mine = (roles.c.id == role_id, roles.c.tenant_id == tenant_id)
    try:
        unit.execute(update(roles).where(*mine).values(**values))
    except IntegrityError as error:
        raise AlreadyExists("Role", values["name"]) from error
    unit.execute(
        update(access_rules)
        .where(access_rules.c.tenant_id == tenant_id, access_rules.c.role_id == role_id)
        .values(role_name=values["name"])
    )


def delete_role(unit: Unit, tenant_id: int, role_id: int) -> None:
    """Remove a custom role."""
    unit.execute(delete(roles).where(roles.c.id == role_id, roles.c.tenant_id == tenant_id))


def count_rules_of_role(reader: Reader, tenant_id: int, role_id: int) -> int:
    """How many live access rules name the role."""
    return reader.scalar(_RULES_OF_ROLE, {"tenant_id": tenant_id, "id": role_id})


def select_refusal(
    reader: Reader, tenant_id: int, decision_id: str, since: Instant, until: Instant
) -> RefusalRow | None:
    """The refusal with a decision id (a UUID), recorded between two instants."""
    params = {"tenant_id": tenant_id, "since": since, "until": until, "mark": f"%{decision_id}%"}
    for *facts, metadata in reader.all(_REFUSALS, params):
        found = json.loads(metadata)
        if found.get("decisionId") == decision_id:
            return RefusalRow(*facts, metadata=found)
    return None
