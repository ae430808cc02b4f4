"""The three security settings of a tenant (contract 3, "Settings"): what each holds and may hold.

A setting is replaced whole, as PUT promises: what a request leaves out goes back to its default. Values keep
to the patterns of the contract although they read narrow (no localhost as a logout address), because the
official client checks answers with the same patterns and would fail on what it could not have sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from runplane.server.core.errors import Invalid, NotFound
from runplane.server.organization.settings.store import select_family, select_setting, upsert_setting
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

FAMILY: Final = "security"
_MAX_TEXT: Final = 2000
_ALIAS = re.compile(r"[a-z0-9_-]*")
_ADDRESS = re.compile(r"(https?://)?[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}(:[0-9]{1,5})?(/[^\s]*)?")


@dataclass(frozen=True, slots=True)
class SecuritySetting:
    """A setting: its members with their defaults, and what refuses a value."""

    key: str
    defaults: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], None]


def _check_redirect(value: Mapping[str, Any]) -> None:
    alias = value["idpAlias"]
    if alias is not None and (len(alias) > _MAX_TEXT or not _ALIAS.fullmatch(alias)):
        raise Invalid("idpAlias may hold small letters, digits, hyphens and underscores only.")


def _check_timeout(value: Mapping[str, Any]) -> None:
    minutes = value["idleTimeout"]
    if minutes is not None and minutes < 1:
        raise Invalid("idleTimeout is in minutes and at least 1.")


def _check_logout(value: Mapping[str, Any]) -> None:
    uri = value["uri"]
    if uri and (len(uri) > _MAX_TEXT or not _ADDRESS.fullmatch(uri)):
        raise Invalid("uri must be an address such as https://example.com/goodbye, or empty.")


SETTINGS: Final = (
    SecuritySetting(
        "autoRedirectSSO", MappingProxyType({"enabled": False, "idpAlias": None}), _check_redirect
    ),
    SecuritySetting("browserSessionTimeout", MappingProxyType({"idleTimeout": 60}), _check_timeout),
    SecuritySetting("logoutRedirectUri", MappingProxyType({"uri": None}), _check_logout),
)
_BY_KEY: Final = {it.key: it for it in SETTINGS}


def list_settings(reader: Reader, tenant_id: int) -> dict[str, dict[str, Any]]:
    """All security settings of a tenant by key."""
    stored = select_family(reader, tenant_id, FAMILY)
    return {it.key: {**it.defaults, **stored.get(it.key, {})} for it in SETTINGS}


def get_setting(reader: Reader, tenant_id: int, key: str) -> dict[str, Any]:
    """One security setting of a tenant. Raises NotFound."""
    setting = _find(key)
    return {**setting.defaults, **(select_setting(reader, tenant_id, FAMILY, key) or {})}


def idle_seconds(reader: Reader, tenant_id: int) -> int | None:
    """How long a browser's session of a tenant may go unused, in seconds; None for no limit."""
    minutes: int | None = get_setting(reader, tenant_id, "browserSessionTimeout")["idleTimeout"]
    return None if minutes is None else minutes * 60


def update_setting(unit: Unit, tenant_id: int, key: str, given: Mapping[str, Any], updated_by: str) -> None:
    """Replace a security setting by the members `given`. Raises NotFound and Invalid."""
    setting = _find(key)
    strange = [name for name in given if name not in setting.defaults]
    if strange or not given:
        wanted = " and ".join(setting.defaults)
        raise Invalid(f"The security setting {key} holds {wanted}; send these and nothing else.")
    value = {**setting.defaults, **given}
    setting.check(value)
    upsert_setting(unit, tenant_id, FAMILY, key, value, updated_by)


def _find(key: str) -> SecuritySetting:
    found = _BY_KEY.get(key)
    if found is None:
        raise NotFound(f"There is no security setting with this key; there are {', '.join(_BY_KEY)}.")
    return found
