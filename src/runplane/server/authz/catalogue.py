"""The predefined roles: stable ids, names, and what each may do, as one table (upstream's 2.25 matrix).

The table speaks of *entities*, the rows people see in a role form; `ENTITIES` says which resource types each
stands for. The contract's 43 types cannot tell upstream's two "minimal" views (Clusters minimal, Node pools
minimal) from full reading, and without them nobody could find a cluster to submit to, so a minimal row grants
`read`. What must stay guarded, a cluster's own configuration, comes with write access to clusters only.

Ids 1 and 3 to 13 are upstream's. From 14 on they are ours, since upstream numbers the rest per installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from runplane.server.authz import permissions as p
from runplane.server.core.clock import Instant
from runplane.server.core.errors import NotFound

CREATED_AT: Final = Instant("2026-01-01T00:00:00.000Z")
CREATED_BY: Final = "runplane"

SYSTEM_ADMINISTRATOR_ID: Final = 1


@dataclass(frozen=True, eq=False, slots=True)
class Entity:
    """A row of the role form. `guarded` types are granted with full access only, never with view."""

    title: str
    slug: str
    resources: tuple[p.ResourceType, ...]
    guarded: tuple[p.ResourceType, ...] = ()

    def view(self) -> frozenset[p.Permission]:
        """What `r` in the table grants."""
        return frozenset(p.permission(p.READ, it) for it in self.resources)

    def full(self) -> frozenset[p.Permission]:
        """What `X` in the table grants: every action that exists."""
        both = self.resources + self.guarded
        return frozenset(p.permission(action, it) for it in both for action in it.actions)


@dataclass(frozen=True, eq=False, slots=True)
class Role:
    """A predefined role. `kubernetes_role` is <role> in the ClusterRole names `runai-<role>` of a cluster."""

    id: int
    name: str
    description: str
    permissions: frozenset[p.Permission]
    legacy: bool
    kubernetes_role: str
    created_at: Instant = CREATED_AT
    created_by: str = CREATED_BY


_DATA_SOURCES: Final = (
    p.GIT_ASSETS,
    p.HOST_PATH_ASSETS,
    p.NFS_ASSETS,
    p.S3_ASSETS,
    p.CM_VOLUME_ASSETS,
    p.SECRET_VOLUME_ASSETS,
)
_DASHBOARDS: Final = (p.DASHBOARDS_OVERVIEW, p.DASHBOARDS_ANALYTICS, p.DASHBOARDS_CONSUMPTION)

# `slug` names the permission sets. Where a set name is known from upstream's documents, its spelling decides.
ENTITIES: Final[tuple[Entity, ...]] = (
    Entity("Account", "account", (p.TENANT,)),
    Entity("Branding settings", "brandingSettings", (p.BRANDING_SETTINGS,)),
    Entity("Departments", "departments", (p.DEPARTMENT,)),
    Entity("Event history", "eventHistory", (p.EVENTS_HISTORY,)),
    Entity("Network topologies", "networkTopologies", (p.NETWORK_TOPOLOGIES,)),
    Entity("Policies", "policies", (p.POLICIES,)),
    Entity("Projects", "projects", (p.PROJECT,)),
    Entity("Security settings", "securitySettings", (p.SECURITY_SETTINGS,)),
    Entity("Settings", "settings", (p.SETTINGS,)),
    Entity("Clusters", "clusters", (p.CLUSTER,), guarded=(p.CLUSTER_CONFIG,)),
    Entity("Node pools", "nodePools", (p.NODE_POOLS,)),
    Entity("Nodes", "nodes", (p.NODES,)),
    Entity("Access rules", "accessRules", (p.ACCESS_RULES,)),
    Entity("Applications", "applications", (p.APPS,)),
    Entity("Roles", "roles", (p.ROLES,)),
    Entity("Service accounts", "serviceAccounts", (p.SERVICE_ACCOUNT,)),
    Entity("Users", "users", (p.USERS,)),
    Entity("Inferences", "inference", (p.INFERENCES,)),
    Entity("Trainings", "training", (p.TRAININGS,)),
    Entity("Workload properties", "workloadProperties", (p.WORKLOAD_PROPERTIES,)),
    Entity("Workloads", "workload", (p.WORKLOADS, p.JOBS)),
    Entity("Workspaces", "workspace", (p.WORKSPACES,)),
    Entity("Compute resources", "computeResources", (p.COMPUTE_RESOURCES,)),
    Entity("Credentials", "credentials", (p.CREDENTIALS,)),
    Entity("Data sources", "dataSources", _DATA_SOURCES),
    Entity("Data volumes", "dataVolumes", (p.DATA_VOLUMES,)),
    Entity("Environments", "environments", (p.ENVIRONMENTS,)),
    Entity("PVC", "pvc", (p.PVC_ASSETS,)),
    Entity("Registries", "registries", (p.REGISTRIES,)),
    Entity("Storage class configurations", "storageClassConfigurations", (p.STORAGE_CLASS_CONFIGURATION,)),
    Entity("Templates", "templates", (p.TEMPLATES,)),
    Entity("Dashboards", "dashboards", _DASHBOARDS),
    Entity("Access keys", "accessKeys", (p.ACCESS_KEYS,)),
    Entity("Scrapeable metrics", "scrapeableMetrics", (p.SCRAPEABLE_METRICS,)),
)

# Rows of the table that are another entity's view.
_MINIMAL: Final[Mapping[str, str]] = {"Clusters minimal": "Clusters", "Node pools minimal": "Node pools"}

# id, column of the table, legacy, name, description
_ROLES: Final[tuple[tuple[int, str, bool, str, str], ...]] = (
    (1, "SA", False, "System administrator", "Manages everything in the account."),
    (
        3,
        "ED",
        False,
        "Editor",
        "Manages organization units, policies, workloads and assets; sees identities.",
    ),
    (4, "RM", True, "Research manager", "Manages projects, their access and their assets; runs workloads."),
    (5, "L1", True, "L1 researcher", "Runs workloads and makes the assets they need."),
    (6, "ML", True, "ML engineer", "Serves models and watches the resources they use."),
    (7, "VW", False, "Viewer", "Sees workloads, assets and organization units; changes nothing."),
    (8, "L2", True, "L2 researcher", "Runs workloads from assets that others prepared."),
    (9, "EN", True, "Environment administrator", "Manages environments."),
    (10, "DO", True, "Data source administrator", "Manages data sources and volume claims."),
    (11, "CR", True, "Compute resource administrator", "Manages compute resources."),
    (12, "TA", True, "Template administrator", "Manages templates."),
    (13, "DW", False, "Department viewer", "Sees a department, its projects and what runs in them."),
    (
        14,
        "DA",
        False,
        "Department administrator",
        "Manages departments: projects, people, workloads and assets.",
    ),
    (
        15,
        "DL",
        True,
        "Department administrator (legacy)",
        "The former department administrator; sees clusters too.",
    ),
    (16, "CA", True, "Credentials administrator", "Manages credentials."),
    (17, "DV", True, "Data volume administrator", "Manages data volumes."),
    (18, "AI", False, "AI practitioner", "Runs workloads of every kind and makes the assets they need."),
    (
        19,
        "PA",
        False,
        "Project administrator",
        "Manages a project: its access, policies, workloads and assets.",
    ),
    (20, "DS", False, "Data and storage administrator", "Manages data sources, volumes and storage classes."),
)

# X every action, r read, . nothing. The last three rows are ours. Dashboards go to the roles that had them in
# release 2.18 and to their successors. One's own access keys need no permission; other people's are for
# administrators, and so is the scraping of metrics.
_MATRIX: Final = """
                              AI CR CA DS DO DV DA DL DW ED EN L1 L2 ML PA RM SA TA VW
Account                        r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
Branding settings              .  r  r  .  r  r  r  r  r  r  r  r  r  r  .  r  X  r  r
Departments                    r  r  r  r  r  r  r  r  r  X  r  .  .  r  r  r  X  r  r
Event history                  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  r  .  .
Network topologies             .  .  .  .  .  .  r  r  .  r  .  r  r  r  .  .  X  .  r
Policies                       r  r  r  .  r  r  X  X  r  X  r  r  r  r  X  r  X  r  r
Projects                       r  r  r  r  r  r  X  X  r  X  r  r  r  r  r  X  X  r  r
Security settings              .  r  r  .  r  r  r  r  r  r  r  r  r  r  r  r  X  r  r
Settings                       r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  X  r  r
Clusters                       .  r  r  .  r  r  .  r  r  r  r  r  r  r  .  r  X  r  r
Clusters minimal               r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
Node pools                     .  .  .  .  .  .  r  r  .  r  .  r  r  r  .  r  X  .  r
Node pools minimal             r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r
Nodes                          .  .  .  .  .  .  r  r  .  r  .  .  .  r  .  .  r  .  r
Access rules                   .  .  .  .  .  .  X  X  .  X  .  .  .  .  X  X  X  .  .
Applications                   .  .  .  .  .  .  X  X  .  r  .  .  .  .  r  .  X  .  .
Roles                          .  .  .  .  .  .  r  r  .  r  .  .  .  .  r  r  X  .  .
Service accounts               .  .  .  .  .  .  X  X  .  r  .  .  .  .  r  .  X  .  .
Users                          .  .  .  .  .  .  X  X  .  r  .  .  .  .  .  .  X  .  .
Inferences                     X  .  .  r  .  .  X  X  r  X  .  r  .  X  X  r  X  .  r
Trainings                      X  r  r  r  r  r  X  X  r  X  r  X  X  .  X  X  X  r  r
Workload properties            r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  r  X  r  r
Workloads                      X  r  r  r  r  r  X  X  r  X  r  X  X  X  X  r  X  r  r
Workspaces                     X  r  r  r  r  r  X  X  r  X  r  X  X  r  X  X  X  r  r
Compute resources              X  X  r  r  r  r  X  X  r  X  r  X  r  r  X  X  X  r  r
Credentials                    X  .  X  r  r  r  X  X  r  X  .  X  r  X  X  r  X  .  r
Data sources                   X  r  r  X  X  r  X  X  r  X  r  X  r  r  X  X  X  r  r
Data volumes                   r  r  r  X  r  X  X  X  r  X  r  r  r  r  X  X  X  r  r
Environments                   X  r  r  r  r  r  X  X  r  X  X  X  r  r  X  X  X  r  r
PVC                            r  r  r  X  X  r  X  X  r  X  r  X  r  r  X  X  X  r  r
Registries                     X  r  r  r  r  r  X  X  r  X  r  r  r  r  X  r  X  r  r
Storage class configurations   r  .  .  X  r  .  X  X  r  X  .  r  r  r  X  r  X  r  r
Templates                      X  r  r  r  r  r  X  X  r  X  r  X  r  r  X  X  X  X  r
Dashboards                     r  r  r  r  r  r  r  r  r  r  r  r  .  r  r  r  r  r  r
Access keys                    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  X  .  .
Scrapeable metrics             .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  r  .  .
"""


def _read_matrix(text: str) -> dict[str, frozenset[p.Permission]]:
    """What each column of `text` grants. A row or cell it does not understand is a KeyError or ValueError."""
    entities = {it.title: it for it in ENTITIES}
    header, *rows = (line.split() for line in text.splitlines() if line.strip())
    granted: dict[str, set[p.Permission]] = {column: set() for column in header}
    for row in rows:
        title, cells = " ".join(row[: -len(header)]), row[-len(header) :]
        entity = entities[_MINIMAL.get(title, title)]
        meaning = {"X": entity.full(), "r": entity.view(), ".": frozenset[p.Permission]()}
        for column, cell in zip(header, cells, strict=True):
            granted[column] |= meaning[cell]
    return {column: frozenset(held) for column, held in granted.items()}


def _kebab(name: str) -> str:
    return name.lower().replace("(", "").replace(")", "").replace(" ", "-")


def _build() -> tuple[Role, ...]:
    granted = _read_matrix(_MATRIX)
    return tuple(
        Role(number, name, description, granted[column], legacy, _kebab(name))
        for number, column, legacy, name, description in _ROLES
    )


# In order of id: the order of every answer that lists them.
ROLES: Final[tuple[Role, ...]] = _build()
_BY_ID: Final[Mapping[int, Role]] = MappingProxyType({it.id: it for it in ROLES})
_BY_NAME: Final[Mapping[str, Role]] = MappingProxyType({it.name.lower(): it for it in ROLES})


def by_id(role_id: int) -> Role | None:
    """The predefined role of that id, None when there is none (a custom role, perhaps)."""
    return _BY_ID.get(role_id)


def by_name(name: str) -> Role | None:
    """The predefined role of that name in any letter case, None when there is none."""
    return _BY_NAME.get(name.strip().lower())


def role_permissions(role_id: int) -> frozenset[p.Permission]:
    """What a predefined role grants. Raises NotFound for an id that is not predefined."""
    role = _BY_ID.get(role_id)
    if role is None:
        raise NotFound(f"There is no predefined role {role_id}; GET /api/v1/authorization/roles lists them.")
    return role.permissions


def roles_granting(permission: p.Permission) -> tuple[str, ...]:
    """Names of the predefined roles that hold `permission`: current ones first, then legacy, each by id."""
    holders = [it for it in ROLES if permission in it.permissions]
    return tuple(it.name for it in sorted(holders, key=lambda it: (it.legacy, it.id)))
