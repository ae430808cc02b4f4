"""/v1/k8s/setting: the tenant's switches. The address is old and has no successor in the contract."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from runplane.server.authz.guard import can, own_tenant
from runplane.server.authz.permissions import READ, SETTINGS, UPDATE
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Wire
from runplane.server.organization.settings import switches
from runplane.server.organization.settings.switches import SwitchState


class SettingOut(Wire):
    """A setting of the tenant. The official client reads `value` as text only."""

    active: bool
    category: str
    description: str
    source: Annotated[str, Meta(description="Tenant where somebody chose the value, otherwise Default.")]
    label: str
    stage: str
    type: str
    key: str
    value: Annotated[str, Meta(examples=["true"])]


class SettingIn(Wire):
    """A setting and the value to give it."""

    # The contract requires neither; without them the service says what is missing.
    key: Annotated[str, Meta(examples=["department.use"])] = ""
    value: Annotated[Any, Meta(description="true or false, or the word for it.", examples=[True])] = None


class SettingStoredOut(Wire):
    """The older API's word for success."""

    msg: str


def present(state: SwitchState) -> SettingOut:
    """A switch as a reply."""
    switch = state.switch
    return SettingOut(
        active=True,
        category=switch.category,
        description=switch.description,
        source="Tenant" if state.chosen else "Default",
        label=switch.label,
        stage="GA",
        type="Boolean",
        key=switch.key,
        value="true" if state.on else "false",
    )


def operations() -> list[Operation]:
    """Reading and changing the switches."""
    ops = Operations("/v1/k8s/setting", tag="Tenant")

    @ops.get("", id="getTenantSettings", allow=can(READ, SETTINGS).anywhere(), reply=list[SettingOut])
    def get_tenant_settings(call: Call[Any]) -> list[SettingOut]:
        """List the tenant's settings"""
        return [present(it) for it in switches.list_switches(call.unit, call.principal.tenant_id)]

    @ops.get("/{settingKey}", id="getTenantSettingsByKey", allow=can(READ, SETTINGS).anywhere(), reply=bool)
    def get_tenant_settings_by_key(call: Call[Any]) -> bool:
        """Get a setting of the tenant"""
        switch = switches.find_switch(call.path["settingKey"])
        return switches.is_on(call.unit, call.principal.tenant_id, switch)

    @ops.put(
        "",
        id="updateTenantSetting",
        allow=can(UPDATE, SETTINGS).at(own_tenant),
        body=SettingIn,
        reply=SettingStoredOut,
        audit=Audited("setting"),
    )
    def update_tenant_setting(call: Call[SettingIn]) -> SettingStoredOut:
        """Change a setting of the tenant"""
        who, body = call.principal, call.body
        switch = switches.update_switch(call.unit, who.tenant_id, body.key, body.value, who.name)
        call.note.target(switch.key, switch.label, value=body.value)
        return SettingStoredOut(msg="done")

    return ops.items
