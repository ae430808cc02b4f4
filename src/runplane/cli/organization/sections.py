"""The sections of the file as data: what an object is called, and what makes two of them the same one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runplane.cli.organization.document import (
    AccessRule,
    Member,
    Organization,
    Place,
    compact,
    normal_role,
    normal_rule,
    normal_unit,
)

Key = Hashable


@dataclass(frozen=True, slots=True)
class Section:
    """One section. `normal(object, cluster)` gives equal objects one spelling, `cluster` being the only one
    there is, if there is but one; `path` is the collection's address on the server."""

    field: str
    member: str
    noun: str
    path: str
    key: Callable[[Any], Key]
    label: Callable[[Any], str]
    normal: Callable[[Any, str | None], Any]

    def of(self, organization: Organization) -> tuple[Any, ...] | None:
        """The objects of this section; None where the file says nothing about it."""
        return getattr(organization, self.field)


def _placed(unit: Any) -> Key:
    return (unit.cluster, unit.name)


def _placed_label(unit: Any) -> str:
    return f"{unit.cluster or '?'}/{unit.name}"


def _named(it: Any) -> str:
    return str(it.name)


def _rule_key(rule: AccessRule) -> Key:
    place = rule.scope
    scope = (place.cluster, place.department, place.project) if isinstance(place, Place) else place
    return (rule.user, rule.service_account, rule.group, rule.role, scope)


def _rule_label(rule: AccessRule) -> str:
    who = rule.user or rule.service_account or rule.group
    place = rule.scope
    if isinstance(place, str):
        return f"{who} as {rule.role} in the tenant"
    kind, name = next(
        ((it, getattr(place, it)) for it in ("project", "department") if getattr(place, it)),
        ("cluster", None),
    )
    where = f"{place.cluster}/{name}" if name else place.cluster
    return f"{who} as {rule.role} in {kind} {where}"


def _same(it: Any, _: str | None) -> Any:
    return it


ROLES: Final = Section(
    "roles",
    "roles",
    "role",
    "/api/v2/authorization/roles",
    _named,
    _named,
    lambda it, _: normal_role(it),
)
ACCOUNTS: Final = Section(
    "service_accounts",
    "serviceAccounts",
    "service account",
    "/api/v1/service-accounts",
    _named,
    _named,
    _same,
)
DEPARTMENTS: Final = Section(
    "departments",
    "departments",
    "department",
    "/api/v1/org-unit/departments",
    _placed,
    _placed_label,
    normal_unit,
)
PROJECTS: Final = Section(
    "projects",
    "projects",
    "project",
    "/api/v1/org-unit/projects",
    _placed,
    _placed_label,
    normal_unit,
)
RULES: Final = Section(
    "access_rules",
    "accessRules",
    "access rule",
    "/api/v1/authorization/access-rules",
    _rule_key,
    _rule_label,
    normal_rule,
)

SECTIONS: Final = (ROLES, ACCOUNTS, DEPARTMENTS, PROJECTS, RULES)
"""In the order in which their objects are made: later ones name earlier ones."""
REMOVAL: Final = (RULES, PROJECTS, DEPARTMENTS, ACCOUNTS, ROLES)
"""In the order in which they are deleted."""


def plain(organization: Organization) -> Mapping[str, Any]:
    """The organization as data for YAML."""
    found: dict[str, Member] = compact(organization)
    return found
