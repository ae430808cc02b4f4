"""How a storage class may be used, in the contract's shape; stored as it is sent.

A member that was not sent is not stored and not shown, so that PATCH can tell it from null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire

Flag = bool | UnsetType | None
Quantity = (
    Annotated[str, Meta(pattern=r"^\+?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$", max_length=64, examples=["1G"])]
    | UnsetType
    | None
)
Words = Annotated[str, Meta(min_length=1, max_length=1000)] | UnsetType | None


class Permissions(Wire):
    """What the storage class may be used for."""

    allowed_for_assets: Flag = UNSET
    allowed_for_workloads: Flag = UNSET
    allowed_for_ephemeral_volumes: Flag = UNSET
    allowed_for_persistent_volumes: Flag = UNSET
    allow_data_sharing: Flag = UNSET


class AccessModes(Wire):
    """Which access modes."""

    read_write_once: Flag = UNSET
    read_only_many: Flag = UNSET
    read_write_many: Flag = UNSET


class AccessMode(Wire):
    """How access modes are offered."""

    required: Flag = UNSET
    default: AccessModes | UnsetType | None = UNSET
    supported_values: AccessModes | UnsetType | None = UNSET


class VolumeModes(Wire):
    """Which volume modes."""

    filesystem: Flag = UNSET
    block: Flag = UNSET


class VolumeMode(Wire):
    """How volume modes are offered."""

    required: Flag = UNSET
    default: Literal["Filesystem", "Block"] | UnsetType | None = UNSET
    supported_values: VolumeModes | UnsetType | None = UNSET


class ClaimSize(Wire):
    """Which sizes may be asked for."""

    default: Quantity = UNSET
    supported_units: list[Literal["MB", "MiB", "GB", "GiB", "TB", "TiB"]] | UnsetType | None = UNSET
    min: Quantity = UNSET
    max: Quantity = UNSET
    step: Quantity = UNSET


class AddedAttribute(Wire):
    """An annotation that is asked for when a volume is claimed."""

    key: Annotated[str, Meta(pattern=r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$", max_length=63)]
    format: Literal["text", "number", "boolean"] | UnsetType | None = UNSET
    display: Words = UNSET
    description: Words = UNSET
    placeholder: Words = UNSET
    required: Flag = UNSET
    default_value: Words = UNSET
    validation_regexp: Words = UNSET
    min_value: float | UnsetType | None = UNSET
    max_value: float | UnsetType | None = UNSET
    step: float | UnsetType | None = UNSET
    validation_error: Words = UNSET


class Customization(Wire):
    """What somebody who claims a volume may choose."""

    access_mode: AccessMode | UnsetType | None = UNSET
    volume_mode: VolumeMode | UnsetType | None = UNSET
    claim_size: ClaimSize | UnsetType | None = UNSET
    attributes: Annotated[list[AddedAttribute], Meta(max_length=100)] | UnsetType | None = UNSET


class CustomizationChanges(Customization):
    """Parts of a customization; attributes are merged by key."""

    attributes_to_remove: list[str] | UnsetType | None = UNSET


def stored(value: Wire | UnsetType | None) -> dict[str, Any] | None:
    """What is kept of a part of a request: the members that were sent."""
    return None if value is None or isinstance(value, UnsetType) else msgspec.to_builtins(value)


def shown_permissions(value: dict[str, Any] | None) -> Permissions | None:
    """Stored permissions as a reply."""
    return None if value is None else msgspec.convert(value, Permissions)


def shown_customization(value: dict[str, Any] | None) -> Customization | None:
    """A stored customization as a reply."""
    return None if value is None else msgspec.convert(value, Customization)
