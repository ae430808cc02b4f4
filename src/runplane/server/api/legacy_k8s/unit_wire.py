"""Departments and projects on the wire of /v1/k8s: numbers for ids, limits in seconds beside each other.

What the old shape leaves out where nothing is set (a limit, a weight, default node pools) is left out, since
its types know no null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.api.legacy_k8s.quotas import (
    OldPoolResourcesOut,
    OldSumsOut,
    QuotaMembers,
    present_quotas,
    summed,
)
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import Invalid
from runplane.server.http.operation import Wire
from runplane.server.organization.scheduling import SchedulingRules, Seconds
from runplane.server.organization.units.drafts import NodeTypes, Wishes
from runplane.server.organization.units.present import present_project
from runplane.server.organization.units.service import View
from runplane.server.organization.units.wire import PoolQuotaStatus, ProjectOut

NO_LIMIT, ONLY_SELECTED = "no_limit", "only_selected"
# name of today → name of then
_RULES = {
    "interactive_job_time_limit_seconds": "interactive_job_time_limit_secs",
    "interactive_job_max_idle_duration_seconds": "interactive_job_max_idle_duration_secs",
    "interactive_job_preempt_idle_duration_seconds": "interactive_preemptible_job_max_idle_duration_secs",
    "training_job_max_idle_duration_seconds": "training_job_max_idle_duration_secs",
    "training_job_time_limit_seconds": "training_job_time_limit_secs",
}


class NodeType(Wire):
    """A node type. Its number was one of a table that is no more; its name is the value of the node label."""

    id: int | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET


class Affinity(Wire):
    """On which node types workloads of one sort run."""

    affinity_type: str = NO_LIMIT
    selected_types: list[NodeType] = msgspec.field(default_factory=list[NodeType])

    def names(self, member: str) -> list[str]:
        """The node types, none for no limit. Raises Invalid."""
        if self.affinity_type == NO_LIMIT:
            return []
        if self.affinity_type != ONLY_SELECTED:
            raise Invalid(f"nodeAffinity.{member}.affinityType must be {NO_LIMIT} or {ONLY_SELECTED}.")
        return [str(it.name or it.id or "") for it in self.selected_types]


class NodeAffinity(Wire):
    """On which node types workloads run."""

    train: Affinity | None = None
    interactive: Affinity | None = None

    def types(self) -> NodeTypes:
        """The same in today's words. Raises Invalid."""
        train, interactive = (self.train or Affinity()), (self.interactive or Affinity())
        return NodeTypes(training=train.names("train"), workspace=interactive.names("interactive"))


class People(Wire):
    """Who works in a project: names, or ids of users and applications. A list left out stays as it is."""

    users: list[str] | None = None
    groups: list[str] | None = None
    applications: list[str] | None = None

    def kinds(self) -> list[SubjectKind]:
        """The kinds of subjects that a list is given for, be it an empty one."""
        given = (
            (SubjectKind.USER, self.users),
            (SubjectKind.GROUP, self.groups),
            (SubjectKind.SERVICE_ACCOUNT, self.applications),
        )
        return [kind for kind, names in given if names is not None]

    def subjects(self) -> list[tuple[str, str]]:
        """Kinds of subjects, as access rules call them, and their names."""
        return [
            *(("user", it) for it in self.users or ()),
            *(("group", it) for it in self.groups or ()),
            *(("app", it) for it in self.applications or ()),
        ]


class OldProjectUpdate(QuotaMembers):
    """Everything of a project that can change. What is left out is cleared, except `permissions`."""

    default_node_pools: list[str] | None = None
    interactive_job_time_limit_secs: Seconds | None = None
    interactive_job_max_idle_duration_secs: Seconds | None = None
    interactive_preemptible_job_max_idle_duration_secs: Seconds | None = None
    training_job_time_limit_secs: Seconds | None = None
    training_job_max_idle_duration_secs: Seconds | None = None
    node_affinity: NodeAffinity | None = None
    permissions: People | None = None

    def wishes(self, description: str = "") -> Wishes:
        """All but quotas and people. Raises Invalid."""
        rules = {now: getattr(self, then) for now, then in _RULES.items()}
        given = any(it is not None for it in rules.values())
        return Wishes(
            description=description,
            scheduling_rules=SchedulingRules(**rules) if given else None,
            default_node_pools=self.default_node_pools,
            node_types=None if self.node_affinity is None else self.node_affinity.types(),
        )


class OldProjectIn(OldProjectUpdate, kw_only=True):
    """A project to make."""

    name: str
    department_id: int
    namespace: str | None = None


class OldestProjectIn(OldProjectIn, kw_only=True):
    """A project to make, where the address names no cluster."""

    cluster_uuid: str


class OldProjectStatus(Wire, kw_only=True):
    """How a project is in its cluster."""

    namespace: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    quota_statuses: list[PoolQuotaStatus]


class OldProjectOut(Wire, kw_only=True):
    """A project."""

    id: int
    name: str
    department_id: int
    department_name: str
    tenant_id: int
    cluster_uuid: str
    created_at: str
    namespace: str | UnsetType = UNSET
    phase: str
    status: OldProjectStatus
    deserved_gpus: float
    max_allowed_gpus: float
    gpu_over_quota_weight: float | UnsetType = UNSET
    resources: OldSumsOut
    node_pools_resources: list[OldPoolResourcesOut]
    node_affinity: NodeAffinity
    interactive_node_affinity: str
    train_node_affinity: str
    default_node_pools: list[str] | UnsetType = UNSET
    interactive_job_time_limit_secs: int | UnsetType = UNSET
    interactive_job_max_idle_duration_secs: int | UnsetType = UNSET
    interactive_preemptible_job_max_idle_duration_secs: int | UnsetType = UNSET
    training_job_time_limit_secs: int | UnsetType = UNSET
    training_job_max_idle_duration_secs: int | UnsetType = UNSET
    permissions: People | UnsetType = UNSET


def people(rules: Sequence[Any]) -> People:
    """The subjects of access rules by kind."""
    found: dict[str, list[str]] = {it.value: [] for it in SubjectKind}
    for rule in rules:
        found[rule.subject_kind].append(rule.subject_id)
    return People(
        users=found[SubjectKind.USER],
        groups=found[SubjectKind.GROUP],
        applications=found[SubjectKind.SERVICE_ACCOUNT],
    )


def present_old_project(
    view: View, tenant_id: int, who: People | UnsetType, *, megabytes: bool = False
) -> OldProjectOut:
    """A project as a reply."""
    today: ProjectOut = present_project(view)
    entries = present_quotas(view.quotas, view.pools, megabytes=megabytes)
    sums = summed(entries)
    train, interactive = (_affinity(it) for it in (today.node_types.training, today.node_types.workspace))
    return OldProjectOut(
        id=view.row.id,
        name=today.name,
        department_id=int(today.parent_id),
        department_name=view.parent.name if view.parent else "",
        tenant_id=tenant_id,
        cluster_uuid=today.cluster_id,
        created_at=today.created_at,
        namespace=_set(view.row.namespace),
        phase=view.row.phase,
        status=OldProjectStatus(
            namespace=_set(view.row.namespace),
            message=_set(view.row.phase_message),
            quota_statuses=today.status.node_pool_quota_statuses,
        ),
        deserved_gpus=sums.gpu.deserved,
        max_allowed_gpus=sums.gpu.max_allowed,
        gpu_over_quota_weight=sums.gpu.over_quota_weight,
        resources=sums,
        node_pools_resources=entries,
        node_affinity=NodeAffinity(train=train, interactive=interactive),
        interactive_node_affinity=interactive.affinity_type,
        train_node_affinity=train.affinity_type,
        default_node_pools=_set(today.default_node_pools),
        permissions=who,
        **_limits(today),
    )


def _limits(today: ProjectOut) -> dict[str, Any]:
    rules = today.scheduling_rules or SchedulingRules()
    return {then: _set(getattr(rules, now)) for now, then in _RULES.items()}


def _affinity(names: Sequence[str]) -> Affinity:
    if not names:
        return Affinity()
    return Affinity(affinity_type=ONLY_SELECTED, selected_types=[NodeType(name=it) for it in names])


def _set(value: Any) -> Any:
    return UNSET if value is None else value
