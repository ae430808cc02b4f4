"""Storage class configurations on the wire."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.http.operation import Wire
from runplane.server.organization.inventory.usage.model import ConfigurationRow
from runplane.server.organization.inventory.usage.wire import (
    Customization,
    CustomizationChanges,
    Permissions,
    shown_customization,
    shown_permissions,
)


class ConfigurationIn(Wire):
    """A configuration to make."""

    scope_type: Literal["cluster"]
    scope_id: str
    name: str
    permissions: Permissions | None = None
    customization: Customization | None = None
    tenant_id: int | None = None


class TenantQuery(Wire):
    """The tenant, which can only be the caller's own."""

    tenant_id: int | None = None


class ConfigurationReplaceIn(Wire):
    """A whole configuration; what is left out is none."""

    permissions: Permissions | None = None
    customization: Customization | None = None


class ConfigurationChangesIn(Wire):
    """Parts of a configuration; null clears one."""

    permissions: Permissions | UnsetType | None = UNSET
    customization: CustomizationChanges | UnsetType | None = UNSET

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        return msgspec.to_builtins(self)


class ConfigurationOut(Wire):
    """A configuration."""

    id: str
    tenant_id: int
    scope_type: str
    scope_id: str
    name: str
    permissions: Permissions | None
    customization: Customization | None


class ConfigurationsOut(Wire):
    """A page of configurations."""

    storage_class_configurations: list[ConfigurationOut]
    next: int | UnsetType = UNSET


def present(row: ConfigurationRow) -> ConfigurationOut:
    """A configuration as a reply."""
    return ConfigurationOut(
        id=row.id,
        tenant_id=row.tenant_id,
        scope_type=row.scope_type,
        scope_id=row.cluster_id,
        name=row.name,
        permissions=shown_permissions(row.permissions),
        customization=shown_customization(row.customization),
    )
