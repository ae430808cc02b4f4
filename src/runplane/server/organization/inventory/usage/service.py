"""Rules of storage class configurations: one for each storage class of a cluster, named like it."""

from __future__ import annotations

from typing import Any

from runplane.server.authz.permissions import STORAGE_CLASS_CONFIGURATION
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.listing import Page, cut
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.clusters.access import may_read, must_stay, readable, unknown_cluster
from runplane.server.organization.clusters.store import lock_cluster
from runplane.server.organization.inventory.usage import store
from runplane.server.organization.inventory.usage.merging import attributes, merged, merged_customization
from runplane.server.organization.inventory.usage.model import ConfigurationRow
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_MAX_NAME = 253

Json = dict[str, Any]


def list_configurations(
    reader: Reader, principal: Principal, scopes: ScopeSet, page: Page
) -> tuple[list[ConfigurationRow], int | None]:
    """A page of the configurations somebody sees who may read them in `scopes`, and where the next begins."""
    found = store.select_configurations(reader, principal.tenant_id, page, readable(scopes))
    rows, following = cut(page, found)
    return list(rows), following


def get_configuration(reader: Reader, principal: Principal, configuration_id: str) -> ConfigurationRow:
    """One of the configurations that `list_configurations` shows. Raises NotFound."""
    row = store.select_configuration(reader, principal.tenant_id, configuration_id.lower())
    if row is None or not may_read(principal, STORAGE_CLASS_CONFIGURATION, row.path):
        raise NotFound(f"There is no storage class configuration {configuration_id[:60]!r}.")
    return row


def create_configuration(
    unit: Unit,
    principal: Principal,
    cluster_id: str,
    name: str,
    permissions: Json | None,
    customization: Json | None,
) -> ConfigurationRow:
    """Make the configuration of a storage class, which need not have been reported yet.

    Raises Invalid, NotFound and AlreadyExists.
    """
    cluster = lock_cluster(unit, principal.tenant_id, cluster_id.lower())
    if cluster is None:
        raise unknown_cluster(cluster_id)
    must_stay(cluster)
    if not name.strip() or len(name) > _MAX_NAME:
        raise Invalid(f"name must be that of a storage class: 1 to {_MAX_NAME} characters.")
    _check_attributes(customization)
    row = ConfigurationRow(
        id=new_id(),
        tenant_id=principal.tenant_id,
        cluster_id=cluster.id,
        path=cluster.path,
        scope_type="cluster",
        name=name,
        permissions=permissions,
        customization=customization,
        created_by=principal.name,
        created_at=unit.now,
        updated_by=principal.name,
        updated_at=unit.now,
    )
    store.insert_configuration(unit, {key: getattr(row, key) for key in ConfigurationRow.__slots__})
    return row


def replace_configuration(
    unit: Unit,
    principal: Principal,
    configuration_id: str,
    permissions: Json | None,
    customization: Json | None,
) -> ConfigurationRow:
    """Give a storage class another configuration. Raises Invalid and NotFound."""
    row = get_configuration(unit, principal, configuration_id)
    return _store(unit, principal, row, permissions, customization)


def update_configuration(
    unit: Unit, principal: Principal, configuration_id: str, changes: Json
) -> ConfigurationRow:
    """Change the parts named in `changes`; null clears one. Raises Invalid and NotFound."""
    row = get_configuration(unit, principal, configuration_id)
    # Locked, so that of two changes at once neither is lost.
    lock_cluster(unit, principal.tenant_id, row.cluster_id)
    row = get_configuration(unit, principal, configuration_id)
    permissions, customization = row.permissions, row.customization
    if "permissions" in changes:
        permissions = merged(permissions, changes["permissions"])
    if "customization" in changes:
        customization = merged_customization(customization, changes["customization"])
    return _store(unit, principal, row, permissions, customization)


def delete_configuration(unit: Unit, principal: Principal, configuration_id: str) -> ConfigurationRow:
    """Remove a configuration; returns what it was. Raises NotFound."""
    row = get_configuration(unit, principal, configuration_id)
    store.delete_configuration(unit, row.id)
    return row


def _store(
    unit: Unit,
    principal: Principal,
    row: ConfigurationRow,
    permissions: Json | None,
    customization: Json | None,
) -> ConfigurationRow:
    _check_attributes(customization)
    values = {
        "permissions": permissions,
        "customization": customization,
        "updated_by": principal.name,
        "updated_at": unit.now,
    }
    store.update_configuration(unit, row.id, values)
    return get_configuration(unit, principal, row.id)


def _check_attributes(customization: Json | None) -> None:
    keys = [it["key"] for it in attributes(customization)]
    if len(set(keys)) != len(keys):
        raise Invalid("customization.attributes: two attributes have the same key.")
