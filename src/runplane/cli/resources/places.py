"""The resources of the organization: clusters, node pools, departments and projects."""

from __future__ import annotations

from typing import Final

from runplane.cli.resources.fields import CLUSTER, DESCRIPTION, NAME, QUOTAS, id_into, into
from runplane.cli.resources.model import Field, Kind

_UNIT: Final = ("description", "resources", "schedulingRules", "defaultNodePools", "nodeTypes")
_PLACEMENT: Final = "binpack or spread."

CLUSTER_KIND: Final = Kind(
    name="cluster",
    plural="clusters",
    path="/api/v1/clusters",
    id="uuid",
    about="Work with clusters.",
    columns=(("NAME", "name"), ("STATE", "status.state"), ("VERSION", "version"), ("CREATED", "createdAt")),
    more=(("DOMAIN", "domain"), ("LAST SEEN", "lastLiveness"), ("ID", "uuid")),
    fields=(
        Field("--domain", "Address of the cluster.", into("domain"), "URL", on=("create",)),
        Field("--version", "Version of its agent.", into("version"), "VERSION", on=("create",)),
        NAME,
    ),
    takes=("name",),
    update_method="PUT",
    forcible=True,
    examples={
        "list": ("runplane cluster list", "runplane cluster list -o wide --sort name"),
        "get": ("runplane cluster get lab -o json",),
        "create": ("runplane cluster create lab",),
        "update": ("runplane cluster update lab --name laboratory",),
        "delete": ("runplane cluster delete lab --yes",),
    },
)

NODE_POOL: Final = Kind(
    name="node-pool",
    plural="node-pools",
    path="/api/v1/node-pools",
    member="nodepools",
    about="Work with node pools.",
    columns=(("NAME", "name"), ("CLUSTER", "clusterName"), ("LABEL", "labelKey"), ("VALUE", "labelValue")),
    more=(("PHASE", "phase"), ("CREATED", "createdAt"), ("ID", "id")),
    fields=(
        CLUSTER,
        Field("--label-key", "Label of its nodes.", into("labelKey"), "KEY", required=True),
        Field("--label-value", "Value of that label.", into("labelValue"), "VALUE", required=True),
        Field(
            "--over-provisioning",
            "Shares that a GPU may be promised in.",
            into("overProvisioningRatio"),
            "NUMBER",
            int,
        ),
        Field("--gpu-placement", _PLACEMENT, into("placementStrategy", "gpu"), "STRATEGY"),
        Field("--cpu-placement", _PLACEMENT, into("placementStrategy", "cpu"), "STRATEGY"),
    ),
    paged=True,
    search="filter",
    in_cluster=True,
    examples={
        "list": ("runplane node-pool list --cluster lab", "runplane node-pool list --filter name=^a -o wide"),
        "get": ("runplane node-pool get a100 --cluster lab",),
        "create": ("runplane node-pool create a100 --label-key gpu --label-value a100",),
        "update": ("runplane node-pool update a100 --gpu-placement spread --cpu-placement spread",),
        "delete": ("runplane node-pool delete a100 --yes",),
    },
)

DEPARTMENT: Final = Kind(
    name="department",
    plural="departments",
    path="/api/v1/org-unit/departments",
    member="departments",
    about="Work with departments.",
    columns=(("NAME", "name"), ("CLUSTER", "clusterName"), ("GPU QUOTA", "totalResources.gpuQuota")),
    more=(
        ("DESCRIPTION", "description"),
        ("CREATED", "createdAt"),
        ("CREATED BY", "createdBy"),
        ("ID", "id"),
    ),
    fields=(CLUSTER, DESCRIPTION, *QUOTAS),
    defaults={"resources": []},
    takes=_UNIT,
    update_method="PUT",
    paged=True,
    search="filter",
    in_cluster=True,
    examples={
        "list": ("runplane department list", "runplane department list --sort -createdAt --limit 5"),
        "get": ("runplane department get research",),
        "create": (
            "runplane department create research --gpu-quota 8 --gpu-limit 16",
            "runplane department create research -f research.yaml",
        ),
        "update": (
            "runplane department update research --gpu-quota 12",
            "runplane department update research --description Physics",
        ),
        "delete": ("runplane department delete research --yes",),
    },
)

PROJECT: Final = Kind(
    name="project",
    plural="projects",
    path="/api/v1/org-unit/projects",
    member="projects",
    about="Work with projects.",
    columns=(
        ("NAME", "name"),
        ("DEPARTMENT", "parent.name"),
        ("CLUSTER", "clusterName"),
        ("GPU QUOTA", "totalResources.gpuQuota"),
        ("STATUS", "status.phase"),
    ),
    more=(
        ("DESCRIPTION", "description"),
        ("NAMESPACE", "status.namespace"),
        ("CREATED", "createdAt"),
        ("ID", "id"),
    ),
    fields=(
        CLUSTER,
        Field("--department", "The department it is in.", id_into("parentId", "department"), "NAME"),
        DESCRIPTION,
        Field("--namespace", "Its namespace.", into("requestedNamespace"), "NAME", on=("create",)),
        *QUOTAS,
    ),
    defaults={"resources": []},
    takes=(*_UNIT, "parentId", "enforceRunaiScheduler"),
    update_method="PUT",
    paged=True,
    search="server",
    in_cluster=True,
    examples={
        "list": (
            "runplane project list",
            "runplane project list --filter parentName==research --sort -totalGpuQuota",
            "runplane project list --search team -o name",
        ),
        "get": ("runplane project get team-a", "runplane project get team-a -o yaml > team-a.yaml"),
        "create": (
            "runplane project create team-a --department research --gpu-quota 4",
            "runplane project create team-a -f team-a.yaml --dry-run",
        ),
        "update": (
            "runplane project update team-a --gpu-quota 6 --gpu-limit unlimited --dry-run",
            "runplane project update team-a --department physics",
        ),
        "delete": ("runplane project delete team-a", "runplane project delete team-a team-b --yes"),
    },
)
