"""Making the changes of a plan, one request each, in its order; the first refusal ends it.

There is no transaction across requests. What was done stays, and the same command goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runplane.cli.organization.document import (
    UNLIMITED,
    AccessRule,
    Amount,
    Department,
    Place,
    Project,
    Quota,
    Role,
    ServiceAccount,
    Share,
    compact,
)
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.planning import Change, Plan
from runplane.cli.organization.reading import World
from runplane.cli.organization.sections import ACCOUNTS, DEPARTMENTS, PROJECTS, ROLES, RULES
from runplane.cli.server import Api, Refused


def apply_plan(plan: Plan, api: Api, world: World, say: Callable[[str], None]) -> None:
    """Make every change; `say` hears of each. Raises OrganizationError for the first that is refused."""
    maker = _Maker(api, world)
    postponed: list[Change] = []
    for change in plan.changes:
        if change.section not in (DEPARTMENTS, PROJECTS) or change.action == "delete":
            _make_all(postponed, maker, say)
            postponed = []
        try:
            maker.make(change)
        except Refused as error:
            # A department cannot give up what its projects still hold; they may do so next.
            if change.section is not DEPARTMENTS or change.action != "update":
                raise _failure(change, error) from None
            postponed.append(change)
        else:
            _tell(change, say)
    _make_all(postponed, maker, say)


def _make_all(changes: list[Change], maker: _Maker, say: Callable[[str], None]) -> None:
    for change in changes:
        try:
            maker.make(change)
        except Refused as error:
            raise _failure(change, error) from None
        _tell(change, say)


def _failure(change: Change, error: Refused) -> OrganizationError:
    place = f"{change.place}: " if change.place else ""
    return OrganizationError([f"{place}{change.label}: {error}"])


def _tell(change: Change, say: Callable[[str], None]) -> None:
    say(f"{change.action}d {change.label}")
    if change.section is ACCOUNTS and change.action == "create":
        say("  its secret was not kept; ask the server for a new one when you need it")


class _Maker:
    """Turns changes into requests; keeps the ids of what it makes."""

    def __init__(self, api: Api, world: World) -> None:
        self.api, self.world = api, world
        self.touched = False
        self._create = {
            ROLES.field: self._role,
            ACCOUNTS.field: self._account,
            DEPARTMENTS.field: self._department,
            PROJECTS.field: self._project,
            RULES.field: self._rule,
        }

    def make(self, change: Change) -> None:
        """One change. Raises Refused."""
        section, known = change.section, (change.section.field, change.key)
        if change.action == "create":
            body = self._create[section.field](change.wanted)
            made = self.api.change("POST", section.path, body)
            self.world.ids[known] = str(made["id"])
            if section is ROLES:
                self.world.roles[change.wanted.name] = made["id"]
            if section is ACCOUNTS and not change.wanted.enabled:
                self.api.change("PATCH", f"{section.path}/{made['id']}", {"enabled": False})
            return
        address = f"{section.path}/{self.world.ids[known]}"
        tag = self._unchanged(change, address)
        if change.action == "delete":
            self.api.change("DELETE", address, tag=tag)
        elif section is ACCOUNTS:
            self.api.change("PATCH", address, self._account_change(change), tag)
        else:
            self.api.change("PUT", address, self._create[section.field](change.wanted), tag)
        self.touched |= section is DEPARTMENTS

    def _unchanged(self, change: Change, address: str) -> str | None:
        """The tag of an object that still is as the plan has it, for If-Match. Raises Refused."""
        if self.world.parse is None or change.section is RULES:
            # Rules are made and deleted, never changed.
            return None
        item, tag = self.api.tagged(address)
        # What a project's department says counts in the project: a change of ours may show there by now.
        by_us = change.section is PROJECTS and self.touched
        if not by_us and self.world.parse(change.section, item) != change.actual:
            raise Refused("somebody has changed it since the plan was made; plan again.", 412)
        return tag

    def _role(self, role: Role) -> dict[str, Any]:
        return {
            "name": role.name,
            "description": role.description,
            "enabled": role.enabled,
            "permissionSets": [{"name": it} for it in role.permission_sets],
            "kubernetesPermissions": {"predefinedRole": role.kubernetes_role},
        }

    def _account(self, account: ServiceAccount) -> dict[str, Any]:
        return {"name": account.name, "expiresAt": account.expires_at}

    def _account_change(self, change: Change) -> dict[str, Any]:
        # Only what differs: an end that has passed since could not be sent again.
        return {name: new for name, _, new in change.differences()}

    def _department(self, department: Department) -> dict[str, Any]:
        return self._unit(department)

    def _project(self, project: Project) -> dict[str, Any]:
        return {
            **self._unit(project),
            "parentId": self.world.ids[DEPARTMENTS.field, (project.cluster, project.department)],
            "requestedNamespace": project.requested_namespace,
            "enforceRunaiScheduler": project.enforce_runai_scheduler,
        }

    def _unit(self, unit: Department | Project) -> dict[str, Any]:
        pools = unit.default_node_pools
        return {
            "name": unit.name,
            "clusterId": self.world.clusters[unit.cluster or ""],
            "description": unit.description,
            "schedulingRules": compact(unit.scheduling_rules) or None,
            "defaultNodePools": None if pools is None else list(pools),
            "nodeTypes": compact(unit.node_types),
            "resources": [_resources(pool, quota) for pool, quota in unit.resources.items()],
        }

    def _rule(self, rule: AccessRule) -> dict[str, Any]:
        subject = next(
            (kind, name)
            for kind, name in (
                ("user", rule.user),
                ("service-account", rule.service_account),
                ("group", rule.group),
            )
            if name is not None
        )
        kind, id_ = self._scope(rule.scope)
        return {
            "subjectType": subject[0],
            "subjectId": subject[1],
            "roleId": self.world.roles[rule.role],
            "scopeType": kind,
            "scopeId": id_,
        }

    def _scope(self, scope: Place | str) -> tuple[str, str]:
        if not isinstance(scope, Place):
            return "tenant", self.world.tenant
        if scope.project is not None:
            return "project", self.world.ids[PROJECTS.field, (scope.cluster, scope.project)]
        if scope.department is not None:
            return "department", self.world.ids[DEPARTMENTS.field, (scope.cluster, scope.department)]
        return "cluster", self.world.clusters[scope.cluster or ""]


def _resources(pool: str, quota: Quota) -> dict[str, Any]:
    return {
        "nodePool": {"name": pool},
        "gpu": _share(quota.gpu),
        "cpu": _share(quota.cpu),
        "memory": {**_share(quota.memory), "units": quota.memory.units},
        "priority": quota.priority,
    }


def _share(share: Share) -> dict[str, Any]:
    return {
        "deserved": _amount(share.deserved),
        "limit": _amount(share.limit),
        "overQuotaWeight": share.over_quota_weight,
    }


def _amount(amount: Amount) -> float:
    return -1 if amount == UNLIMITED else float(amount)
