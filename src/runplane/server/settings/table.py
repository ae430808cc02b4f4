"""What every table of settings is. A module of its own, so that a large table can have its own file."""

from __future__ import annotations

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the settings file: typed, never changed, and strict about names."""
