"""Trusts for the matrix: each for a service account of its own, which holds what the target says."""

from __future__ import annotations

from typing import Any

from authz.oracle import Target
from authz.world import World, tenant_of
from runplane.server.core.ids import new_id
from runplane.server.identity.trusts.model import Condition
from runplane.server.identity.trusts.store import insert_trust

CONDITIONS = [{"claim": "sub", "values": ["job"]}]


def add_account(world: World, target: Target) -> str:
    """A service account that holds what the target says; returns its id."""
    key, _, _ = world.add_client(tenant_of(target.place))
    for role, place in target.holds:
        world.add_rule("service-account", key, role, place)
    return key


def add_trust(world: World, target: Target) -> str:
    """A trust for such a service account; returns its id."""
    trust_id, tenant_id = new_id(), tenant_of(target.place)
    values: dict[str, Any] = {
        "id": trust_id,
        "tenant_id": tenant_id,
        "name": world.fresh(tenant_id),
        "service_account_id": add_account(world, target),
        "issuer": "https://issuer.example",
        "audience": "runplane",
        "conditions": (Condition("sub", "equals", ("job",)),),
        "jwks": None,
        "max_token_seconds": 900,
        "single_use": False,
        "enabled": True,
        "version": 1,
        "created_by": "test",
        "updated_by": "test",
    }
    world._write(
        lambda unit: insert_trust(unit, {**values, "created_at": unit.now, "updated_at": unit.now}), tenant_id
    )
    return trust_id
