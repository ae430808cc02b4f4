"""/v1/k8s/clusters: clusters as scripts from before 2.18 know them, their install file and storage classes.

What is called `uuid` today was `clusterUuid` in the oldest releases, so both are answered. The install file
is JSON for either `format`: JSON is YAML too, and the official client can read nothing else.
"""

from __future__ import annotations

import json
from typing import Any

from runplane.server.api.clusters import wire
from runplane.server.api.storage_classes.wire import NONE
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import CLUSTER, CREATE, DELETE, READ, UPDATE
from runplane.server.core.clock import Instant
from runplane.server.core.listing import Page
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Audited, Operation, Operations, Reply, Wire
from runplane.server.identity.service import Identity
from runplane.server.organization.clusters import service
from runplane.server.organization.clusters.access import cluster_in_path
from runplane.server.organization.clusters.model import CLUSTERS, ClusterRow
from runplane.server.organization.inventory.service import list_storage_classes

_ALL = Page(sort=CLUSTERS.default_sort)
_CLOUDS = ("gke", "aws", "aks", "op", "airgapped", "openshift")
_OLD: dict[str, Any] = {"deprecated": True, "successor": "/api/v1/clusters", "extension": True}


class OldClusterOut(wire.ClusterOut):
    """A cluster under both names of its identifier."""

    cluster_uuid: str


class InstallFileQuery(Wire):
    """Where the cluster runs. The values are the same everywhere, so it is only checked."""

    cloud: str | None = None
    clusterip: str | None = None
    format: str = "yaml"


class StorageClassesQuery(Wire):
    """Whether to name the one that stands for no storage class too."""

    include_none: bool = False


class StorageClassNamesOut(Wire):
    """Names of storage classes."""

    storage_classes: list[str]


def present(row: ClusterRow, now: Instant) -> OldClusterOut:
    """A cluster as a reply."""
    shown = wire.present(row, now)
    members = {name: getattr(shown, name) for name in shown.__struct_fields__}
    return OldClusterOut(**members, cluster_uuid=row.id)


def operations(identity: Identity) -> list[Operation]:
    """The operations on clusters."""
    return [*_collection(identity), *_one(), *_inside(identity)]


def _collection(identity: Identity) -> list[Operation]:
    ops = Operations("/v1/k8s/clusters", tag="Clusters")

    @ops.get(
        "",
        id="legacy_get_clusters",
        allow=can(READ, CLUSTER).anywhere(),
        reply=list[OldClusterOut],
        **_OLD,
    )
    def legacy_get_clusters(call: Call[Any]) -> list[OldClusterOut]:
        """List clusters"""
        rows = service.list_clusters(call.unit, call.principal, call.scopes, _ALL, leaving=False)
        return [present(row, call.unit.now) for row in rows]

    @ops.post(
        "",
        id="legacy_create_cluster",
        allow=can(CREATE, CLUSTER).at(own_tenant),
        body=wire.ClusterIn,
        reply=OldClusterOut,
        audit=Audited("cluster"),
        **_OLD,
    )
    def legacy_create_cluster(call: Call[wire.ClusterIn]) -> OldClusterOut:
        """Create a cluster"""
        given = call.body
        row = service.create_cluster(
            call.unit,
            call.principal,
            identity.kek,
            name=given.name,
            domain=given.domain,
            version=given.version,
        )
        call.note.target(row.id, row.name)
        return present(row, call.unit.now)

    return ops.items


def _one() -> list[Operation]:
    ops = Operations("/v1/k8s/clusters/{uuid}", tag="Clusters")

    @ops.get("", id="legacy_get_cluster", allow=can(READ, CLUSTER).anywhere(), reply=OldClusterOut, **_OLD)
    def legacy_get_cluster(call: Call[Any]) -> OldClusterOut:
        """Get a cluster"""
        row = service.get_cluster(call.unit, call.principal, call.path["uuid"])
        return present(row, call.unit.now)

    @ops.delete(
        "",
        id="legacy_delete_cluster",
        status=202,
        allow=can(DELETE, CLUSTER).at(cluster_in_path(CLUSTER, "uuid")),
        reply=wire.LeavingOut,
        may_be_empty=True,
        audit=Audited("cluster"),
        **_OLD,
    )
    def legacy_delete_cluster(call: Call[Any]) -> Reply:
        """Delete a cluster

        As today: 202 asks its agent to clean up; 204 where no agent ever spoke, and the cluster is gone.
        """
        row, gone = service.delete_cluster(call.unit, call.principal, call.path["uuid"], force=False)
        call.note.target(row.id, row.name)
        if gone:
            return Reply(status=204)
        return Reply(
            wire.LeavingOut(code=202, message="The agent of the cluster has been asked to clean up.")
        )

    return ops.items


def _inside(identity: Identity) -> list[Operation]:
    ops = Operations("/v1/k8s/clusters", tag="Clusters")

    @ops.get(
        "/{cluster_uuid}/installfile",
        id="getInstallFile",
        allow=can(UPDATE, CLUSTER).at(cluster_in_path(CLUSTER, "cluster_uuid")),
        query=InstallFileQuery,
        reply=dict[str, Any],
        deprecated=True,
        successor="/api/v1/clusters",
    )
    def get_install_file(call: Call[Any]) -> Reply:
        """Get the chart values that install the agent of a cluster

        The answer holds the agent's secret.
        """
        query: InstallFileQuery = call.query
        form = enum_member(query.format, ("json", "yaml"), "format")
        if query.cloud is not None:
            enum_member(query.cloud, _CLOUDS, "cloud")
        row = service.get_cluster(call.unit, call.principal, call.path["cluster_uuid"])
        secret = service.agent_secret(row, identity.kek)
        address = identity.realms.address_of(call.principal.realm)
        values = wire.chart_values(row.id, secret, address, row.domain or "")
        text = json.dumps(_nested(values), indent=2)
        media = b"application/json" if form == "json" else b"application/x-yaml"
        return Reply(text.encode(), media_type=media)

    @ops.get(
        "/{uuid}/storage-classes",
        id="V1GetStorageClasses",
        tag="Storage Classes",
        allow=can(READ, CLUSTER).anywhere(),
        query=StorageClassesQuery,
        reply=StorageClassNamesOut,
        deprecated=True,
        successor="/api/v2/storage-classes",
    )
    def v1_get_storage_classes(call: Call[Any]) -> StorageClassNamesOut:
        """List the names of a cluster's storage classes"""
        _, rows = list_storage_classes(call.unit, call.principal, call.path["uuid"])
        names = [row.name for row in rows]
        return StorageClassNamesOut(storage_classes=[*names, NONE.name] if call.query.include_none else names)

    return ops.items


def _nested(values: dict[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        found.setdefault(section, {})[key] = value
    return found
