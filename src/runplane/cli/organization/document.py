"""What the organization file holds, as values; the same values are read from a server and compared.

A member that is left out has its default, in the file as in these structs: a listed object is described
whole, so a plan can say what applying will do without knowing what was there when the file was written.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import fields, replace

UNLIMITED: Final = "unlimited"
Amount = Annotated[float, Meta(ge=-1, le=1e12)] | Literal["unlimited"]
Name = Annotated[str, Meta(min_length=1, max_length=1000)]
Seconds = Annotated[int, Meta(ge=1, le=2**31 - 1)]
_S = TypeVar("_S", bound="Share")


class Member(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A part of the file."""


class Share(Member, frozen=True):
    """CPU millicores of a node pool: the quota, the most there can be, and the weight beyond the quota."""

    deserved: Amount = UNLIMITED
    limit: Amount = UNLIMITED
    over_quota_weight: float | None = None


class Gpu(Share, frozen=True):
    """GPUs of a node pool; no quota unless one is given."""

    deserved: Amount = 0.0


class Memory(Share, frozen=True):
    """Memory of a node pool."""

    units: Literal["Mib", "MB", "GB"] = "MB"


class Quota(Member, frozen=True):
    """What a department or project has in one node pool; the default is what a new node pool gives."""

    gpu: Gpu = Gpu()
    cpu: Share = Share()
    memory: Memory = Memory()
    priority: str | None = None


class SchedulingRules(Member, frozen=True):
    """Limits of workloads in seconds."""

    interactive_job_time_limit_seconds: Seconds | None = None
    interactive_job_max_idle_duration_seconds: Seconds | None = None
    interactive_job_preempt_idle_duration_seconds: Seconds | None = None
    training_job_max_idle_duration_seconds: Seconds | None = None
    training_job_time_limit_seconds: Seconds | None = None


class NodeTypes(Member, frozen=True):
    """Node types by what runs on them."""

    training: tuple[str, ...] = ()
    workspace: tuple[str, ...] = ()
    names: dict[str, str] | None = None


class Unit(Member, frozen=True):
    """What departments and projects have in common; `resources` is keyed by the name of the node pool."""

    name: Name
    cluster: Name | None = None
    description: str = ""
    scheduling_rules: SchedulingRules = SchedulingRules()
    default_node_pools: tuple[str, ...] | None = None
    node_types: NodeTypes = NodeTypes()
    resources: dict[str, Quota] = {}


class Department(Unit, frozen=True):
    """A department."""


class Project(Unit, frozen=True):
    """A project; without a department it belongs to the one named `default`."""

    department: Name = "default"
    requested_namespace: str | None = None
    enforce_runai_scheduler: bool = True


class Role(Member, frozen=True):
    """A custom role, by the names of its permission sets."""

    name: Name
    description: str = ""
    enabled: bool = True
    permission_sets: tuple[str, ...] = ()
    kubernetes_role: str | None = None


class ServiceAccount(Member, frozen=True):
    """A service account without its secret."""

    name: Name
    enabled: bool = True
    expires_at: str | None = None


class Place(Member, frozen=True):
    """A cluster, or a department or project in it."""

    cluster: Name | None = None
    department: Name | None = None
    project: Name | None = None


class AccessRule(Member, frozen=True, kw_only=True):
    """One subject, one role, one place: all of it is what makes it the same rule, so it is never changed."""

    user: Name | None = None
    service_account: Name | None = None
    group: Name | None = None
    role: Name
    scope: Literal["tenant"] | Place


class Organization(Member, frozen=True):
    """The whole file. A section that is None is not looked after at all."""

    version: Literal[1]
    departments: tuple[Department, ...] | None = None
    projects: tuple[Project, ...] | None = None
    roles: tuple[Role, ...] | None = None
    service_accounts: tuple[ServiceAccount, ...] | None = None
    access_rules: tuple[AccessRule, ...] | None = None


def normal_unit(unit: Any, cluster: str | None) -> Any:
    """A department or project in the one spelling that equal ones share; `cluster` where it names none."""
    quotas = {pool: _normal_quota(it) for pool, it in unit.resources.items()}
    kept = {pool: it for pool, it in sorted(quotas.items()) if it != Quota()}
    return replace(unit, cluster=unit.cluster or cluster, resources=kept)


def _normal_quota(quota: Quota) -> Quota:
    memory = _normal_share(quota.memory)
    if not any(isinstance(it, float) and it > 0 for it in (memory.deserved, memory.limit)):
        memory = replace(memory, units="MB")
    return replace(quota, gpu=_normal_share(quota.gpu), cpu=_normal_share(quota.cpu), memory=memory)


def _normal_share(share: _S) -> _S:
    changed = {name: UNLIMITED for name in ("deserved", "limit") if getattr(share, name) in (-1, UNLIMITED)}
    return replace(share, **changed)


def normal_role(role: Role) -> Role:
    """A role in the one spelling that equal ones share."""
    return replace(role, permission_sets=tuple(sorted(set(role.permission_sets))))


def normal_rule(rule: AccessRule, cluster: str | None) -> AccessRule:
    """A rule in the one spelling that equal ones share: e-mail addresses count whatever their case."""
    scope = rule.scope
    if isinstance(scope, Place):
        scope = replace(scope, cluster=scope.cluster or cluster)
    return replace(rule, scope=scope, user=rule.user and rule.user.lower())


def compact(value: Any) -> Any:
    """`value` as plain data for YAML, without what is at its default; whole numbers without a point."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: compact(getattr(value, field.name))
            for field in fields(value)
            if field.required or getattr(value, field.name) != _default(field)
        }
    if isinstance(value, tuple):
        return [compact(it) for it in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: compact(it) for key, it in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _default(field: Any) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every attribute of `value`, defaults included, by its dotted name in the file."""
    found: dict[str, Any] = {}
    if isinstance(value, msgspec.Struct):
        for it in fields(value):
            found |= leaves(getattr(value, it.name), f"{path}.{it.encode_name}".lstrip("."))
        return found
    if isinstance(value, dict) and path.endswith("resources"):
        for pool, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            found |= leaves(inner, f"{path}.{pool}")
        return found
    return {path: compact(value)}
