"""The on/off settings of a tenant: what `/v1/k8s/setting` lists and rules elsewhere ask for.

The switches themselves are data. The contract names one key, `department.use`; the others are ours, without
underscores, because the official client turns these into hyphens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.core.errors import Invalid, NotFound
from runplane.server.organization.settings.store import select_family, select_setting, upsert_setting
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

FAMILY: Final = "tenant"


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting that is on or off, under its key of `/v1/k8s/setting`."""

    key: str
    default: bool
    category: str
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class SwitchState:
    """A switch as one tenant has it. `chosen` is False while nobody has set it."""

    switch: Switch
    on: bool
    chosen: bool


LIMIT_PROJECTS: Final = Switch(
    "department.limit-projects",
    default=False,
    category="Department",
    label="Limit projects to their department",
    description="Projects may not be promised more than their department has",
)
USE_DEPARTMENTS: Final = Switch(
    "department.use",
    default=True,
    category="Department",
    label="Show departments",
    description="Departments are shown and can be made; off, all projects belong to the default one",
)
SWITCHES: Final = (USE_DEPARTMENTS, LIMIT_PROJECTS)

_BY_KEY: Final = {it.key: it for it in SWITCHES}
# What scripts send for a boolean; the contract leaves the type of a value open.
_WORDS: Final = {"true": True, "false": False}


def is_on(reader: Reader, tenant_id: int, switch: Switch) -> bool:
    """Whether a switch is on in a tenant."""
    value = select_setting(reader, tenant_id, FAMILY, switch.key)
    return switch.default if value is None else value is True


def list_switches(reader: Reader, tenant_id: int) -> list[SwitchState]:
    """Every switch as a tenant has it."""
    chosen = select_family(reader, tenant_id, FAMILY)
    return [SwitchState(it, chosen.get(it.key, it.default) is True, it.key in chosen) for it in SWITCHES]


def find_switch(key: str) -> Switch:
    """The switch of a key. Raises NotFound."""
    found = _BY_KEY.get(key)
    if found is None:
        raise NotFound("There is no tenant setting with this key; GET /v1/k8s/setting lists all of them.")
    return found


def update_switch(unit: Unit, tenant_id: int, key: str, value: object, updated_by: str) -> Switch:
    """Turn a switch on or off; `value` is a boolean or the word for it. Raises NotFound and Invalid."""
    switch = find_switch(key)
    wanted = _WORDS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(wanted, bool):
        raise Invalid(f"The setting {key} is on or off: send true or false as its value.")
    upsert_setting(unit, tenant_id, FAMILY, key, wanted, updated_by)
    return switch
