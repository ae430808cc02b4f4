"""Reading what subjects hold: access rules and custom roles, as grants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import and_, bindparam, insert, or_, select, update

from runplane.server.authz import catalogue, permission_sets
from runplane.server.authz.grants import Grant, Grants
from runplane.server.authz.permissions import Permission
from runplane.server.authz.principal import SubjectKind
from runplane.server.authz.tables import access_rules, roles
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

# Groups of one subject are looked up this many at a time: each size is one prepared statement.
_GROUPS_AT_ONCE = 16
_NOBODY = "\x01"


@lru_cache(maxsize=2)
def _rules_of(groups: int) -> Prepared:
    rule = access_rules.c
    subject = and_(rule.subject_kind == bindparam("kind"), rule.subject_key == bindparam("key"))
    names = [rule.subject_key == bindparam(f"group_{number}") for number in range(groups)]
    if names:
        subject = or_(subject, and_(rule.subject_kind == SubjectKind.GROUP.value, or_(*names)))
    return Prepared(
        select(
            rule.id, rule.role_id, rule.role_name, rule.scope_path, roles.c.permission_sets, roles.c.enabled
        )
        .select_from(access_rules.outerjoin(roles, roles.c.id == rule.role_id))
        .where(rule.tenant_id == bindparam("tenant_id"), rule.deleted_at.is_(None), subject)
        .order_by(rule.id)
    )


def load_grants(
    reader: Reader, tenant_id: int, kind: SubjectKind, key: str, groups: Sequence[str] = ()
) -> Grants:
    """Everything a subject holds, by itself and through its groups.

    `key` is the subject as rules store it: a lower-case e-mail, a service account's row id, a group's name.
    A disabled custom role grants nothing.
    """
    found: dict[int, Grant] = {}
    chunks = [groups[i : i + _GROUPS_AT_ONCE] for i in range(0, len(groups), _GROUPS_AT_ONCE)] or [()]
    for chunk in chunks:
        params: dict[str, object] = {"tenant_id": tenant_id, "kind": kind.value, "key": key}
        if chunk:
            padded = [*chunk, *([_NOBODY] * (_GROUPS_AT_ONCE - len(chunk)))]
            params.update({f"group_{number}": name for number, name in enumerate(padded)})
        for row in reader.all(_rules_of(_GROUPS_AT_ONCE if chunk else 0), params):
            rule_id, role_id, role_name, path, sets, enabled = row
            permissions = role_permissions(role_id, sets, bool(enabled))
            found[rule_id] = Grant(rule_id, role_id, role_name, permissions, path)
    return Grants(found.values())


def role_permissions(role_id: int, sets: str | None, enabled: bool) -> frozenset[Permission]:
    """What a role grants: from the catalogue, or from a custom role's permission sets while it is enabled."""
    if sets is None:
        return catalogue.role_permissions(role_id) if catalogue.by_id(role_id) else frozenset()
    if not enabled:
        return frozenset()
    return permission_sets.granted_by(json.loads(sets))


def insert_access_rule(unit: Unit, values: dict[str, Any]) -> int:
    """Store an access rule and return its number."""
    result = unit.execute(insert(access_rules).values(**values).returning(access_rules.c.id))
    unit.changed(values["tenant_id"])
    return result.scalar_one()


def delete_rules_of(unit: Unit, tenant_id: int, kind: SubjectKind, key: str, by: str) -> None:
    """Mark the access rules that name a subject as deleted; what it holds through groups stays.

    `key` is the subject as rules store it (`load_grants`).
    """
    rule = access_rules.c
    unit.execute(
        update(access_rules)
        .where(
            rule.tenant_id == tenant_id,
            rule.subject_kind == kind.value,
            rule.subject_key == key,
            rule.deleted_at.is_(None),
        )
        .values(deleted_at=unit.now, updated_at=unit.now, deleted_by=by)
    )
    unit.changed(tenant_id)
