"""A role as every operation of this room sees it, predefined or custom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.authz import catalogue
from runplane.server.authz.permissions import Permission
from runplane.server.core.clock import Instant

MAX_INT32: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A role. `kubernetes_role` is the id of the predefined role whose rights in clusters this one gives.

    `sets` are the ids of the permission sets a custom role is made of; a predefined role has none.
    """

    id: int
    name: str
    description: str
    enabled: bool
    custom: bool
    sets: tuple[str, ...]
    permissions: frozenset[Permission]
    kubernetes_role: str | None
    created_by: str
    created_at: Instant
    updated_at: Instant

    @property
    def reach(self) -> frozenset[Permission]:
        """All that a rule with this role hands out: here, and in clusters as the role it copies them from."""
        return self.permissions | kubernetes_reach(self.kubernetes_role)


def kubernetes_reach(kubernetes_role: str | None) -> frozenset[Permission]:
    """What the predefined role with the id `kubernetes_role` (text) grants; nothing for None."""
    return catalogue.role_permissions(int(kubernetes_role)) if kubernetes_role else frozenset()


def predefined(role: catalogue.Role) -> RoleRow:
    """A role of the catalogue."""
    return RoleRow(
        id=role.id,
        name=role.name,
        description=role.description,
        enabled=True,
        custom=False,
        sets=(),
        permissions=role.permissions,
        kubernetes_role=str(role.id),
        created_by=role.created_by,
        created_at=role.created_at,
        updated_at=role.created_at,
    )


def path_number(text: str) -> int | None:
    """An int32 identifier from the address, None for what cannot be one: it then names nothing."""
    if text.isascii() and text.isdigit() and len(text) <= 10:
        number = int(text)
        return number if number <= MAX_INT32 else None
    return None
