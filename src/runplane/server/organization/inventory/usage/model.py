"""What a storage class configuration is: permissions and customization in the contract's own shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from runplane.server.core.clock import Instant
from runplane.server.core.listing import Envelope, Field, Kind, Listing

CONFIGURATIONS: Final = Listing(
    "storage class configurations",
    Field("name"),
    Field("tenantId", Kind.INTEGER),
    Field("scopeType", choices=("cluster",)),
    Field("scopeId"),
    envelope=Envelope("storageClassConfigurations", next="next"),
)


@dataclass(frozen=True, slots=True)
class ConfigurationRow:
    """A configuration as stored. `customization` is None where none was given, and so is `permissions`."""

    id: str
    tenant_id: int
    cluster_id: str
    path: str
    scope_type: str
    name: str
    permissions: dict[str, Any] | None
    customization: dict[str, Any] | None
    created_by: str
    created_at: Instant
    updated_by: str
    updated_at: Instant
