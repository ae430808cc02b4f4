"""The vocabulary of authorization: the 43 resource types of contract 2.24, their actions, and permissions.

A resource type lists the actions that *exist* for it. Nodes are only ever read, so `nodes:create` is not a
permission at all. That makes "a System administrator holds everything" and "nobody grants more than they
hold" exact, and keeps permission sets assignable by the people who should assign them.

Types and permissions are interned: one object per name, compared by identity, so that sets hash at C speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from runplane.server.core.errors import Invalid


class Action(StrEnum):
    """What may be done to a resource. `sync` is what a cluster's own agent does; no role grants it."""

    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    SYNC = "sync"


class Group(StrEnum):
    """The `groupId` under which interfaces gather resource types."""

    ORGANIZATION = "organization"
    PHYSICAL_RESOURCE = "physical-resource"
    IAM = "iam"
    DASHBOARD = "dashboard"
    WORKLOAD = "workload"
    WORKLOAD_ASSET = "workload-asset"


CREATE: Final = Action.CREATE
READ: Final = Action.READ
UPDATE: Final = Action.UPDATE
DELETE: Final = Action.DELETE

CRUD: Final = (CREATE, READ, UPDATE, DELETE)
READ_ONLY: Final = (READ,)


@dataclass(frozen=True, eq=False, slots=True)
class ResourceType:
    """One kind of protected object: its wire name, what people call it, and the actions that exist for it."""

    name: str
    display_name: str
    group: Group
    actions: tuple[Action, ...] = CRUD

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False, slots=True)
class Permission:
    """One action on one resource type, in text `users:read`. `permission()` hands them out."""

    resource: ResourceType
    action: Action
    text: str

    def __str__(self) -> str:
        return self.text


class ResourcePermissions(msgspec.Struct, frozen=True, rename="camel"):
    """Wire form: every action held on one resource type."""

    resource_type: str
    display_name: str
    group_id: str
    actions: tuple[str, ...]


DEPARTMENT: Final = ResourceType("department", "Departments", Group.ORGANIZATION)
TENANT: Final = ResourceType("tenant", "Account", Group.ORGANIZATION, READ_ONLY)
PROJECT: Final = ResourceType("project", "Projects", Group.ORGANIZATION)
CLUSTER: Final = ResourceType("cluster", "Clusters", Group.PHYSICAL_RESOURCE)
CLUSTER_CONFIG: Final = ResourceType("cluster-config", "Cluster configuration", Group.PHYSICAL_RESOURCE)
NODE_POOLS: Final = ResourceType("nodepools", "Node pools", Group.PHYSICAL_RESOURCE)
NODES: Final = ResourceType("nodes", "Nodes", Group.PHYSICAL_RESOURCE, READ_ONLY)
SETTINGS: Final = ResourceType("settings", "Settings", Group.ORGANIZATION)
SECURITY_SETTINGS: Final = ResourceType("security-settings", "Security settings", Group.ORGANIZATION)
BRANDING_SETTINGS: Final = ResourceType("branding-settings", "Branding settings", Group.ORGANIZATION)
USERS: Final = ResourceType("users", "Users", Group.IAM)
APPS: Final = ResourceType("apps", "Applications", Group.IAM)
SERVICE_ACCOUNT: Final = ResourceType("service-account", "Service accounts", Group.IAM)
DASHBOARDS_OVERVIEW: Final = ResourceType(
    "dashboards-overview", "Overview dashboard", Group.DASHBOARD, READ_ONLY
)
DASHBOARDS_ANALYTICS: Final = ResourceType(
    "dashboards-analytics", "Analytics dashboard", Group.DASHBOARD, READ_ONLY
)
DASHBOARDS_CONSUMPTION: Final = ResourceType(
    "dashboards-consumption", "Consumption dashboard", Group.DASHBOARD, READ_ONLY
)
ROLES: Final = ResourceType("roles", "Roles", Group.IAM)
ACCESS_RULES: Final = ResourceType("access_rules", "Access rules", Group.IAM)
JOBS: Final = ResourceType("jobs", "Jobs", Group.WORKLOAD)
WORKLOADS: Final = ResourceType("workloads", "Workloads", Group.WORKLOAD)
WORKSPACES: Final = ResourceType("workspaces", "Workspaces", Group.WORKLOAD)
TRAININGS: Final = ResourceType("trainings", "Trainings", Group.WORKLOAD)
INFERENCES: Final = ResourceType("inferences", "Inferences", Group.WORKLOAD)
ENVIRONMENTS: Final = ResourceType("environments", "Environments", Group.WORKLOAD_ASSET)
PVC_ASSETS: Final = ResourceType("pvc-assets", "PVC", Group.WORKLOAD_ASSET)
GIT_ASSETS: Final = ResourceType("git-assets", "Data sources", Group.WORKLOAD_ASSET)
HOST_PATH_ASSETS: Final = ResourceType("host-path-assets", "Data sources", Group.WORKLOAD_ASSET)
NFS_ASSETS: Final = ResourceType("nfs-assets", "Data sources", Group.WORKLOAD_ASSET)
S3_ASSETS: Final = ResourceType("s3-assets", "Data sources", Group.WORKLOAD_ASSET)
COMPUTE_RESOURCES: Final = ResourceType("compute-resources", "Compute resources", Group.WORKLOAD_ASSET)
TEMPLATES: Final = ResourceType("templates", "Templates", Group.WORKLOAD_ASSET)
CREDENTIALS: Final = ResourceType("credentials", "Credentials", Group.WORKLOAD_ASSET)
EVENTS_HISTORY: Final = ResourceType("events-history", "Event history", Group.ORGANIZATION, READ_ONLY)
POLICIES: Final = ResourceType("policies", "Policies", Group.ORGANIZATION)
CM_VOLUME_ASSETS: Final = ResourceType("cm-volume-assets", "Data sources", Group.WORKLOAD_ASSET)
DATA_VOLUMES: Final = ResourceType("datavolumes", "Data volumes", Group.WORKLOAD_ASSET)
SECRET_VOLUME_ASSETS: Final = ResourceType("secret-volume-assets", "Data sources", Group.WORKLOAD_ASSET)
STORAGE_CLASS_CONFIGURATION: Final = ResourceType(
    "storage-class-configuration", "Storage class configurations", Group.WORKLOAD_ASSET
)
ACCESS_KEYS: Final = ResourceType("access-keys", "Access keys", Group.IAM)
WORKLOAD_PROPERTIES: Final = ResourceType("workload-properties", "Workload properties", Group.WORKLOAD)
NETWORK_TOPOLOGIES: Final = ResourceType("network-topologies", "Network topologies", Group.ORGANIZATION)
REGISTRIES: Final = ResourceType("registries", "Registries", Group.WORKLOAD_ASSET)
SCRAPEABLE_METRICS: Final = ResourceType(
    "scrapeable-metrics", "Scrapeable metrics", Group.DASHBOARD, READ_ONLY
)

# The contract's own order, which is also the order of every list of permissions we answer with.
RESOURCE_TYPES: Final[tuple[ResourceType, ...]] = (
    DEPARTMENT, TENANT, PROJECT, CLUSTER, CLUSTER_CONFIG, NODE_POOLS, NODES, SETTINGS,
    SECURITY_SETTINGS, BRANDING_SETTINGS, USERS, APPS, SERVICE_ACCOUNT, DASHBOARDS_OVERVIEW,
    DASHBOARDS_ANALYTICS, DASHBOARDS_CONSUMPTION, ROLES, ACCESS_RULES, JOBS, WORKLOADS, WORKSPACES,
    TRAININGS, INFERENCES, ENVIRONMENTS, PVC_ASSETS, GIT_ASSETS, HOST_PATH_ASSETS, NFS_ASSETS,
    S3_ASSETS, COMPUTE_RESOURCES, TEMPLATES, CREDENTIALS, EVENTS_HISTORY, POLICIES, CM_VOLUME_ASSETS,
    DATA_VOLUMES, SECRET_VOLUME_ASSETS, STORAGE_CLASS_CONFIGURATION, ACCESS_KEYS, WORKLOAD_PROPERTIES,
    NETWORK_TOPOLOGIES, REGISTRIES, SCRAPEABLE_METRICS,
)  # fmt: skip

_RESOURCE_BY_NAME: Final[Mapping[str, ResourceType]] = MappingProxyType(
    {it.name: it for it in RESOURCE_TYPES}
)
_PERMISSIONS: Final[Mapping[tuple[ResourceType, Action], Permission]] = MappingProxyType(
    {
        (resource, action): Permission(resource, action, f"{resource.name}:{action.value}")
        for resource in RESOURCE_TYPES
        for action in resource.actions
    }
)
_PERMISSION_BY_TEXT: Final[Mapping[str, Permission]] = MappingProxyType(
    {it.text: it for it in _PERMISSIONS.values()}
)

ALL_PERMISSIONS: Final[tuple[Permission, ...]] = tuple(_PERMISSIONS.values())


def resource_type(name: str) -> ResourceType:
    """The resource type of a wire name, matched exactly. Raises Invalid for an unknown one."""
    found = _RESOURCE_BY_NAME.get(name)
    if found is None:
        raise Invalid(
            f"There is no resource type {name[:60]!r}; use one of the contract's, such as 'project'."
        )
    return found


def permission(action: Action, resource: ResourceType) -> Permission:
    """The permission to do `action` on `resource`. Raises Invalid when the resource has no such action."""
    found = _PERMISSIONS.get((resource, action))
    if found is None:
        actions = ", ".join(resource.actions)
        raise Invalid(f"{resource.name} has no action {action.value!r}; it has: {actions}.")
    return found


def parse_permission(text: str) -> Permission:
    """Read `resource:action`, as a 403 prints it. Raises Invalid for anything that is not a permission."""
    found = _PERMISSION_BY_TEXT.get(text)
    if found is None:
        raise Invalid(
            f"There is no permission {text[:80]!r}; write it as resource:action, such as 'users:read'."
        )
    return found


def present_permissions(held: Iterable[Permission]) -> list[ResourcePermissions]:
    """`held` gathered per resource type in the order of the contract; actions in the order of `CRUD`."""
    wanted = frozenset(held)
    presented: list[ResourcePermissions] = []
    for resource in RESOURCE_TYPES:
        actions = tuple(it.value for it in resource.actions if _PERMISSIONS[resource, it] in wanted)
        if actions:
            presented.append(
                ResourcePermissions(resource.name, resource.display_name, resource.group.value, actions)
            )
    return presented
