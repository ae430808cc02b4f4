"""Storage classes on the wire. Version 1 mixes snake case with one capital letter, as the contract has it."""

from __future__ import annotations

import msgspec

from runplane.server.http.operation import Wire
from runplane.server.organization.inventory.model import StorageClassRow
from runplane.server.organization.inventory.usage.model import ConfigurationRow
from runplane.server.organization.inventory.usage.wire import (
    Customization,
    Permissions,
    shown_customization,
    shown_permissions,
)

NONE = StorageClassRow(name="runai-none", provisioner="", allow_volume_expansion=False, is_default=False)
"""Stands for no storage class: volumes that were provisioned by hand."""


class StorageClassesQuery(Wire):
    """Of which cluster, and which."""

    cluster_id: str
    name: str | None = None
    include_none: bool = False


class SpecV1(msgspec.Struct):
    """What Kubernetes says of a storage class."""

    provisioner: str
    allow_volume_expansion: bool
    is_default: bool


class StorageClassV1(msgspec.Struct):
    """A storage class."""

    cluster_id: str
    storage_class_name: str
    Spec: SpecV1


class StorageClassesV1(Wire):
    """The storage classes of a cluster."""

    items: list[StorageClassV1]


class SpecV2(Wire):
    """What Kubernetes says of a storage class."""

    provisioner: str
    allow_volume_expansion: bool
    is_default: bool


class StorageClassV2(Wire):
    """A storage class and how it may be used."""

    cluster_id: str
    storage_class_name: str
    spec: SpecV2
    permissions: Permissions | None
    customization: Customization | None


class StorageClassesV2(Wire):
    """The storage classes of a cluster."""

    items: list[StorageClassV2]


def present_v1(cluster_id: str, row: StorageClassRow) -> StorageClassV1:
    """A storage class as version 1 shows it."""
    spec = SpecV1(row.provisioner, row.allow_volume_expansion, row.is_default)
    return StorageClassV1(cluster_id, row.name, spec)


def present_v2(cluster_id: str, row: StorageClassRow, usage: ConfigurationRow | None) -> StorageClassV2:
    """A storage class as version 2 shows it."""
    return StorageClassV2(
        cluster_id=cluster_id,
        storage_class_name=row.name,
        spec=SpecV2(
            provisioner=row.provisioner,
            allow_volume_expansion=row.allow_volume_expansion,
            is_default=row.is_default,
        ),
        permissions=shown_permissions(usage.permissions if usage else None),
        customization=shown_customization(usage.customization if usage else None),
    )
