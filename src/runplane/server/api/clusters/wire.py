"""Clusters on the wire. `simulated` is ours: it marks one that only `runplane agent simulate` speaks for."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from runplane.server.core.clock import Instant
from runplane.server.core.errors import Invalid
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Wire
from runplane.server.organization.clusters.model import ClusterRow, state_of
from runplane.server.organization.series import MetricsQuery

REPOSITORY: Final = "runplane"
CHART: Final = "runplane/runplane-cluster"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,62}")
_MAX_URL: Final = 2000

GROUPS: Final = ("Category", "Nodepool", "Project", "Department")
METRICS: Final = (
    "TOTAL_GPU_NODES", "GPU_UTILIZATION", "GPU_UTILIZATION_DISTRIBUTION", "GPU_MEMORY_UTILIZATION",
    "CPU_UTILIZATION", "CPU_MEMORY_UTILIZATION", "TOTAL_GPU", "GPU_QUOTA", "ALLOCATED_GPU",
    "UNALLOCATED_GPU", "AVG_WORKLOAD_WAIT_TIME", "WORKLOADS_COUNT",
)  # fmt: skip
"""The series of a cluster and of a node pool (contract, appendix A)."""


class ClusterIn(Wire):
    """A cluster to make."""

    name: str
    domain: str | None = None
    version: str | None = None


class ClusterNameIn(Wire):
    """Another name."""

    name: str


class ClusterQuery(Wire):
    """How much of a cluster."""

    verbosity: str = "full"

    def full(self) -> bool:
        """Whether the status is wanted. Raises Invalid for another word."""
        return enum_member(self.verbosity, ("metadata", "full"), "verbosity") == "full"


class ClustersQuery(ClusterQuery):
    """As ClusterQuery, and whether those asked to leave are shown."""

    include_requested_for_delete: bool = False


class NodesQuery(Wire):
    """Which node of the cluster."""

    node_name: str | None = None


class DeleteQuery(Wire):
    """Whether to remove a cluster without waiting for its agent."""

    force: bool = False


class InstallQuery(Wire):
    """What to install and where the cluster will be reached."""

    version: Annotated[str, Meta(examples=["2.24"])]
    remote_cluster_url: str | None = None


class ClusterMetricsQuery(MetricsQuery):
    """Series of a cluster, by group or of one node pool."""

    group_by: str | None = None
    nodepool_name: str | None = None


class PlatformOut(Wire):
    """The kind of Kubernetes."""

    type: str | None
    kube_version: str | None


class ConditionOut(Wire):
    """One condition of a cluster, in the form Kubernetes gives them."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: str


class DependenciesOut(Wire):
    """What the cluster cannot and can do without, by name."""

    required: dict[str, Any]
    optional: dict[str, Any]


class ClusterStatusOut(Wire):
    """How a cluster is: the state is worked out here, the rest is what its agent said last."""

    state: str
    conditions: list[ConditionOut]
    operands: dict[str, Any]
    platform: PlatformOut | None
    config: dict[str, Any] | None
    dependencies: DependenciesOut


class ClusterOut(Wire):
    """A cluster."""

    uuid: str
    tenant_id: int
    name: str
    created_at: str
    domain: str | None
    version: str | None
    status: ClusterStatusOut | None
    updated_at: str | None
    deleted_at: str | None
    last_liveness: str | None
    delete_requested_at: str | None
    simulated: bool


class InstallOut(Wire):
    """How to install the agent. The secret is the agent's: whoever has it speaks for the cluster."""

    installation_str: str
    repository_name: str
    chart_repo_url: str = msgspec.field(name="chartRepoURL")
    client_secret: str


class LeavingOut(Wire):
    """That the agent has been asked."""

    code: int
    message: str


def present(row: ClusterRow, now: Instant, *, full: bool = True) -> ClusterOut:
    """A cluster as a reply; without `full` it has no status."""
    return ClusterOut(
        uuid=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        created_at=row.created_at,
        domain=row.domain,
        version=row.version,
        status=_status(row, now) if full else None,
        updated_at=row.updated_at,
        # a deleted cluster leaves no row
        deleted_at=None,
        last_liveness=row.last_liveness,
        delete_requested_at=row.delete_requested_at,
        simulated=row.simulated,
    )


def _status(row: ClusterRow, now: Instant) -> ClusterStatusOut:
    report = row.report
    platform = report.get("platform")
    return ClusterStatusOut(
        state=state_of(row, now).value,
        conditions=msgspec.convert(report.get("conditions", []), list[ConditionOut]),
        operands=report.get("operands", {}),
        platform=None
        if platform is None
        else PlatformOut(type=platform["type"], kube_version=platform["kubeVersion"]),
        config=report.get("config"),
        dependencies=msgspec.convert(
            report.get("dependencies", {"required": {}, "optional": {}}), DependenciesOut
        ),
    )


def install_info(
    row: ClusterRow, secret: str, public_url: str, charts: str, query: InstallQuery
) -> InstallOut:
    """The command that installs the agent, with the chart values that runbooks know.

    `charts` is the address of the chart's repository, empty where there is none. Everything from outside is
    quoted: the text is made to be pasted into a shell. Raises Invalid.
    """
    if _VERSION.fullmatch(query.version) is None:
        raise Invalid("version must be that of a chart, such as 2.24.")
    url = query.remote_cluster_url or row.domain or ""
    if len(url) > _MAX_URL or not url.isprintable():
        raise Invalid("remoteClusterUrl must be an address of printable characters.")
    values = chart_values(row.id, secret, public_url, url)
    lines = [
        f"helm upgrade -i runai-cluster {CHART} -n runai",
        *(f"--set {shlex.quote(f'{name}={_escaped(value)}')}" for name, value in values.items()),
        f"--version={shlex.quote(query.version)} --create-namespace",
    ]
    text = "\n".join((*_repository(row, public_url, charts), " \\\n  ".join(lines)))
    return InstallOut(
        installation_str=text, repository_name=REPOSITORY, chart_repo_url=charts, client_secret=secret
    )


def _repository(row: ClusterRow, public_url: str, charts: str) -> tuple[str, ...]:
    """How helm gets to know the chart, or that it cannot."""
    if charts:
        return (f"helm repo add {REPOSITORY} {shlex.quote(charts)}", "helm repo update")
    return (
        "# This release of runplane comes without the chart, and the server's setting chart_repository",
        f"# names none: the command works once helm knows a repository {REPOSITORY} that has it.",
        "# To try an agent without Kubernetes:",
        f"# runplane agent simulate --cluster {row.id} --url {shlex.quote(public_url)}",
    )


def chart_values(cluster_id: str, secret: str, public_url: str, url: str) -> dict[str, str]:
    """The values that the chart of the agent needs, by dotted name; `url` is where the cluster is reached."""
    return {
        "controlPlane.url": public_url,
        "controlPlane.clientSecret": secret,
        "cluster.uid": cluster_id,
        "cluster.url": url,
    }


def _escaped(value: str) -> str:
    # Helm splits the value of --set at commas and reads backslashes.
    return value.replace("\\", "\\\\").replace(",", "\\,")
