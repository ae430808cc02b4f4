"""The server's settings: what there is (`model`) and where values come from (`sources`)."""

from __future__ import annotations

from runplane.server.settings.model import (
    AdminSettings,
    KeySettings,
    LogSettings,
    PasswordSettings,
    Setting,
    Settings,
    SettingsError,
    TokenSettings,
    known_settings,
)
from runplane.server.settings.sources import CONFIG_VARIABLE, Loaded, load_settings

__all__ = [
    "CONFIG_VARIABLE",
    "AdminSettings",
    "KeySettings",
    "Loaded",
    "LogSettings",
    "PasswordSettings",
    "Setting",
    "Settings",
    "SettingsError",
    "TokenSettings",
    "known_settings",
    "load_settings",
]
