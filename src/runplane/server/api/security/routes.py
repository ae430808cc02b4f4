"""The three operations on security settings. They hold for the whole tenant, so changing them does too."""

from __future__ import annotations

from typing import Any

from runplane.server.api.security.wire import SecuritySettingIn, SecuritySettingsOut
from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import READ, SECURITY_SETTINGS, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations
from runplane.server.organization.settings import security


def operations() -> list[Operation]:
    """Reading and replacing security settings."""
    ops = Operations("/api/v1/security/settings", tag="Settings")

    @ops.get("", allow=can(READ, SECURITY_SETTINGS).anywhere(), reply=SecuritySettingsOut)
    def get_security_settings(call: Call[Any]) -> dict[str, Any]:
        """Get all security settings"""
        return security.list_settings(call.unit, call.principal.tenant_id)

    @ops.get("/{key}", allow=can(READ, SECURITY_SETTINGS).anywhere(), reply=dict[str, Any])
    def get_security_setting_by_key(call: Call[Any]) -> dict[str, Any]:
        """Get a security setting"""
        return security.get_setting(call.unit, call.principal.tenant_id, call.path["key"])

    @ops.put(
        "/{key}",
        allow=can(UPDATE, SECURITY_SETTINGS).at(own_tenant),
        body=SecuritySettingIn,
        audit=Audited("security-setting"),
    )
    def update_security_setting_by_key(call: Call[SecuritySettingIn]) -> None:
        """Replace a security setting"""
        key, given = call.path["key"], call.body.given()
        security.update_setting(call.unit, call.principal.tenant_id, key, given, call.principal.name)
        call.note.target(key, key, fields=",".join(sorted(given)))

    return ops.items
