"""SQL of access rules. Deleted ones stay, so that `includeDeleted` can show them."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import String, and_, bindparam, case, literal_column, or_, select, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from runplane.server.api.authorization.access_rules.model import (
    ACCESS_RULES,
    DELETING,
    MY_ACCESS_RULES,
    READY,
    RuleRow,
)
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import insert_access_rule
from runplane.server.authz.tables import access_rules
from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.sql.dialects import Sought
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_RULE = access_rules.c
_COLUMNS = tuple(_RULE[name] for name in RuleRow.__slots__)
_PHASE: ColumnElement[str] = case(
    (_RULE.deleted_at.is_(None), literal_column(f"'{READY}'", String())),
    else_=literal_column(f"'{DELETING}'", String()),
)

_LIST = ListQuery(
    ACCESS_RULES,
    select(*_COLUMNS),
    {
        "subjectId": _RULE.subject_id,
        "subjectType": _RULE.subject_type,
        "roleId": _RULE.role_id,
        "scopeId": _RULE.scope_id,
        "scopeType": _RULE.scope_type,
        "roleName": _RULE.role_name,
        "scopeName": _RULE.scope_name,
        "createdAt": _RULE.created_at,
        "deletedAt": _RULE.deleted_at,
        "createdBy": _RULE.created_by,
        "phase": _PHASE,
        "subjectKind": _RULE.subject_kind,
        "clusterId": _RULE.cluster_id,
        "updatedAt": _RULE.updated_at,
    },
    _RULE.id,
    _RULE.scope_path,
    _RULE.tenant_id,
)
_MINE = ListQuery(
    MY_ACCESS_RULES,
    select(*_COLUMNS).where(_RULE.deleted_at.is_(None)),
    {"subjectId": _RULE.subject_id, "roleName": _RULE.role_name, "scopeName": _RULE.scope_name},
    _RULE.id,
)

_OF_TENANT = _RULE.tenant_id == bindparam("tenant_id")
_LIVE = _RULE.deleted_at.is_(None)
# A subject may be given as it is shown or as it is stored. Each half has an index of its own, and rules are
# then looked up by number: one condition with OR would be tried on each rule of the tenant.
_NAMED = access_rules.alias("named")
_NAMED_IN_TENANT = select(_NAMED.c.id).where(_NAMED.c.tenant_id == bindparam("tenant_id"))
_SUBJECTS = _RULE.id.in_(
    union_all(
        _NAMED_IN_TENANT.where(Sought(_NAMED.c.subject_id, bindparam("subjects"))),
        _NAMED_IN_TENANT.where(
            Sought(_NAMED.c.subject_kind, bindparam("kinds")),
            Sought(_NAMED.c.subject_key, bindparam("subjects")),
        ),
    )
)
_KINDS = json.dumps([kind.value for kind in SubjectKind])
_OF_CALLER = or_(
    and_(_RULE.subject_kind == bindparam("kind"), _RULE.subject_key == bindparam("key")),
    and_(_RULE.subject_kind == bindparam("group"), Sought(_RULE.subject_key, bindparam("groups"))),
)
_ONE = Prepared(select(*_COLUMNS).where(_OF_TENANT, _LIVE, _RULE.id == bindparam("id")))

Where = tuple[ColumnElement[bool], ...]


def _narrowed(
    tenant_id: int, *, deleted: bool, subjects: Sequence[str] | None
) -> tuple[Where, tuple[bool, bool], dict[str, Any]]:
    """Conditions, the key of their shape, and the values in them."""
    where: Where = () if deleted else (_LIVE,)
    params: dict[str, Any] = {"tenant_id": tenant_id}
    if subjects is not None:
        where = (*where, _SUBJECTS)
        params |= {"subjects": json.dumps(list(subjects)), "kinds": _KINDS}
    return where, (deleted, subjects is not None), params


def select_rules(
    reader: Reader,
    tenant_id: int,
    page: Page,
    scopes: ScopeSet,
    *,
    deleted: bool = False,
    subjects: Sequence[str] | None = None,
) -> list[RuleRow]:
    """A page of the rules inside `scopes`; `subjects` (names or keys) narrows it to theirs."""
    where, shape, values = _narrowed(tenant_id, deleted=deleted, subjects=subjects)
    few, small = subjects is not None, _LIST.is_small(reader, tenant_id, scopes)
    query, params = _LIST.page(page, scopes=scopes, where=where, shape_key=shape, few=few, small=small)
    return [RuleRow(*row) for row in reader.all(query, {**params, **values})]


def count_rules(
    unit: Unit,
    tenant_id: int,
    page: Page,
    scopes: ScopeSet,
    *,
    deleted: bool = False,
    subjects: Sequence[str] | None = None,
) -> int:
    """How many rules all pages together have; arguments as for `select_rules`."""
    where, shape, values = _narrowed(tenant_id, deleted=deleted, subjects=subjects)
    few, small = subjects is not None, _LIST.is_small(unit, tenant_id, scopes)
    query, params = _LIST.count(page, scopes=scopes, where=where, shape_key=shape, few=few, small=small)
    values |= params
    if few or small or not page.is_everything:
        return unit.scalar(query, values)
    key = ("access rules", deleted, scopes.roots)
    return unit.tally(tenant_id, key, lambda: unit.scalar(query, values))


def _caller(principal: Principal) -> dict[str, Any]:
    return {
        "tenant_id": principal.tenant_id,
        "kind": principal.kind.value,
        "key": principal.key,
        "group": "group",
        "groups": json.dumps(principal.groups),
    }


def select_rules_of_caller(reader: Reader, principal: Principal, page: Page) -> list[RuleRow]:
    """A page of the rules that name the caller or one of its groups."""
    query, params = _MINE.page(page, where=(_OF_TENANT, _OF_CALLER))
    return [RuleRow(*row) for row in reader.all(query, {**params, **_caller(principal)})]


def count_rules_of_caller(reader: Reader, principal: Principal, page: Page) -> int:
    """How many rules name the caller or one of its groups."""
    query, params = _MINE.count(page, where=(_OF_TENANT, _OF_CALLER))
    return reader.scalar(query, {**params, **_caller(principal)})


def select_rule(reader: Reader, tenant_id: int, rule_id: int) -> RuleRow | None:
    """A live rule."""
    row = reader.one(_ONE, {"tenant_id": tenant_id, "id": rule_id})
    return RuleRow(*row) if row else None


def insert_rule(unit: Unit, values: dict[str, Any], sentence: str) -> RuleRow:
    """Store a rule. Raises AlreadyExists, naming it with `sentence`, when a live one says the same."""
    try:
        rule_id = insert_access_rule(unit, values)
    except IntegrityError as error:
        raise AlreadyExists("Access rule", sentence) from error
    return RuleRow(id=rule_id, deleted_at=None, **values)


def delete_rule(unit: Unit, tenant_id: int, rule_id: int, by: str) -> bool:
    """Mark a live rule deleted; says whether it was there."""
    result = unit.execute(
        update(access_rules)
        .where(_RULE.id == rule_id, _RULE.tenant_id == tenant_id, _LIVE)
        .values(deleted_at=unit.now, updated_at=unit.now, deleted_by=by)
    )
    unit.changed(tenant_id)
    return result.rowcount == 1


class Undone(Exception):
    """Leave a savepoint and take back what happened in it."""


@contextmanager
def savepoint(unit: Unit, *, keep: bool = True) -> Generator[None]:
    """Whatever fails inside takes back only what was done inside. Without `keep` it is always taken back."""
    try:
        with unit.connection.begin_nested():
            yield
            if not keep:
                raise Undone
    except Undone:
        pass
