"""The table of resources, by the names that people type."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runplane.cli.resources.access import (
    ACCESS_KEY,
    ACCESS_RULE,
    AUDIT,
    ROLE,
    SERVICE_ACCOUNT,
    SETTING,
    USER,
)
from runplane.cli.resources.model import Kind
from runplane.cli.resources.places import CLUSTER_KIND, DEPARTMENT, NODE_POOL, PROJECT

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        it.name: it
        for it in (
            PROJECT,
            DEPARTMENT,
            CLUSTER_KIND,
            NODE_POOL,
            USER,
            SERVICE_ACCOUNT,
            ACCESS_KEY,
            ACCESS_RULE,
            ROLE,
            SETTING,
            AUDIT,
        )
    }
)
