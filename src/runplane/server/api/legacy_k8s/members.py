"""People on a project or department as lists of names: each name is an access rule at that scope.

The old lists say nothing of roles. On a project they mean researchers, on a department its administrators;
rules with other roles are neither shown nor touched. Whoever changes a list needs what creating and deleting
those rules takes (authorization.access_rules.service).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from runplane.server.api.authorization.access_rules import service
from runplane.server.api.authorization.access_rules.model import ACCESS_RULES, RuleDraft, RuleRow
from runplane.server.api.authorization.access_rules.store import select_rules
from runplane.server.api.legacy_k8s.flat_roles import ROLE_IDS
from runplane.server.authz.permissions import ACCESS_RULES as RULES
from runplane.server.authz.permissions import READ, permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.listing import Condition, Operator, Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.units.model import DEPARTMENTS, UnitKind
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_MAY_READ = permission(READ, RULES)


def may_see(principal: Principal, path: str) -> bool:
    """Whether the caller may know who works in the unit at `path`."""
    return principal.grants.allows(_MAY_READ, path)


def _role_of(kind: UnitKind) -> int:
    return ROLE_IDS["department_admin" if kind is DEPARTMENTS else "researcher"]


def _page(kind: UnitKind, **more: str) -> Page:
    wanted: dict[str, str | int] = {"scopeType": kind.scope.value, "roleId": _role_of(kind), **more}
    fields = ACCESS_RULES.fields
    return Page(
        conditions=tuple(Condition(fields[name], Operator.EQUAL, value) for name, value in wanted.items())
    )


def members_of(
    reader: Reader, principal: Principal, kind: UnitKind, cluster_id: str | None = None
) -> dict[int, list[RuleRow]]:
    """The rules behind the lists, by number of the unit; only those the caller may read."""
    page = _page(kind) if cluster_id is None else _page(kind, clusterId=cluster_id)
    return _by_unit(select_rules(reader, principal.tenant_id, page, principal.grants.scopes(_MAY_READ)))


def members_of_one(reader: Reader, principal: Principal, kind: UnitKind, number: int) -> list[RuleRow]:
    """As `members_of`, for one unit."""
    page = _page(kind, scopeId=str(number))
    return select_rules(reader, principal.tenant_id, page, principal.grants.scopes(_MAY_READ))


def _by_unit(rows: Iterable[RuleRow]) -> dict[int, list[RuleRow]]:
    found: dict[int, list[RuleRow]] = {}
    for row in rows:
        found.setdefault(int(row.scope_id), []).append(row)
    return found


def set_members(
    unit: Unit,
    principal: Principal,
    kind: UnitKind,
    number: int,
    wanted: Iterable[tuple[str, str]],
    kinds: Collection[SubjectKind],
) -> None:
    """Make the list be `wanted`, pairs of a kind of subject (as access rules call it) and its name.

    Only rules for subjects of `kinds` go: what a request does not speak of stays.
    Raises NotFound and Invalid for a name that means nobody, Forbidden for a rule the caller may not give or
    take.
    """
    everywhere = ScopeSet((principal.tenant_path,))
    page = _page(kind, scopeId=str(number))
    there = {
        (row.subject_kind, row.subject_key): row
        for row in select_rules(unit, principal.tenant_id, page, everywhere)
    }
    kept: set[tuple[str, str]] = set()
    for subject_type, name in wanted:
        subject = service.find_subject(unit, principal.tenant_id, subject_type, name)
        key = (subject.kind.value, subject.key)
        if key not in there and key not in kept:
            draft = RuleDraft(name, subject_type, _role_of(kind), str(number), kind.scope.value)
            service.create_rule(unit, principal, draft)
        kept.add(key)
    for key, row in there.items():
        if key not in kept and row.subject_kind in kinds:
            service.delete_rule(unit, principal, str(row.id))
