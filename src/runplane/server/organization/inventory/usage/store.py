"""SQL of storage class configurations. Every statement names the tenant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.core.scope import ScopeSet
from runplane.server.organization.inventory.tables import storage_class_configurations
from runplane.server.organization.inventory.usage.model import CONFIGURATIONS, ConfigurationRow
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_TABLE = storage_class_configurations
_COLUMNS = tuple(_TABLE.c[name] for name in ConfigurationRow.__slots__)
_JSON: Final = ("permissions", "customization")
_ONE = Prepared(
    select(*_COLUMNS).where(_TABLE.c.id == bindparam("id"), _TABLE.c.tenant_id == bindparam("tenant_id"))
)
_OF_CLUSTER = Prepared(
    select(*_COLUMNS).where(
        _TABLE.c.cluster_id == bindparam("cluster_id"), _TABLE.c.tenant_id == bindparam("tenant_id")
    )
)
_LIST: Final = ListQuery(
    CONFIGURATIONS,
    select(*_COLUMNS),
    {
        "name": _TABLE.c.name,
        "tenantId": _TABLE.c.tenant_id,
        "scopeType": _TABLE.c.scope_type,
        "scopeId": _TABLE.c.cluster_id,
    },
    _TABLE.c.id,
    _TABLE.c.path,
)
_OF_TENANT = (_TABLE.c.tenant_id == bindparam("tenant_id"),)


def _row(row: Row) -> ConfigurationRow:
    values = dict(zip(ConfigurationRow.__slots__, row, strict=True))
    for name in _JSON:
        values[name] = None if values[name] is None else json.loads(values[name])
    return ConfigurationRow(**values)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if name in _JSON and value is not None else value
        for name, value in values.items()
    }


def select_configuration(reader: Reader, tenant_id: int, configuration_id: str) -> ConfigurationRow | None:
    """A configuration by id."""
    row = reader.one(_ONE, {"id": configuration_id, "tenant_id": tenant_id})
    return _row(row) if row else None


def select_configurations_of(reader: Reader, tenant_id: int, cluster_id: str) -> dict[str, ConfigurationRow]:
    """Storage class → its configuration in a cluster."""
    rows = reader.all(_OF_CLUSTER, {"tenant_id": tenant_id, "cluster_id": cluster_id})
    return {found.name: found for found in map(_row, rows)}


def select_configurations(
    reader: Reader, tenant_id: int, page: Page, scopes: ScopeSet
) -> list[ConfigurationRow]:
    """The rows of a page within `scopes` and one more, for `core.listing.cut`."""
    query, params = _LIST.page(page, scopes=scopes, where=_OF_TENANT, shape_key="tenant", peek=True)
    return [_row(row) for row in reader.all(query, {**params, "tenant_id": tenant_id})]


def insert_configuration(unit: Unit, values: Mapping[str, Any]) -> None:
    """Store a configuration. Raises AlreadyExists when the storage class has one in its cluster."""
    try:
        unit.execute(insert(_TABLE), _stored(values))
    except IntegrityError as error:
        raise AlreadyExists("A configuration of the storage class", values["name"]) from error


def update_configuration(unit: Unit, configuration_id: str, values: Mapping[str, Any]) -> None:
    """Change a configuration."""
    unit.execute(update(_TABLE).where(_TABLE.c.id == configuration_id).values(**_stored(values)))


def delete_configuration(unit: Unit, configuration_id: str) -> None:
    """Remove a configuration."""
    unit.execute(delete(_TABLE).where(_TABLE.c.id == configuration_id))
