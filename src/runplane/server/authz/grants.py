"""What a subject holds: its access rules turned into permission → scopes.

Rules only add up; there is no deny. A subject's grants are computed once per version of its tenant and shared
by all its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runplane.server.authz.permissions import Permission
from runplane.server.core.scope import EMPTY, ScopeSet


@dataclass(frozen=True, slots=True)
class Grant:
    """One access rule as authorization sees it."""

    rule_id: int
    role_id: int
    role_name: str
    permissions: frozenset[Permission]
    path: str


class Grants:
    """An immutable set of grants with the scopes of each permission worked out on demand."""

    __slots__ = ("_scopes", "rules")

    def __init__(self, rules: Iterable[Grant] = ()) -> None:
        self.rules = tuple(rules)
        self._scopes: dict[Permission, ScopeSet] = {}

    def scopes(self, permission: Permission) -> ScopeSet:
        """Where `permission` is held."""
        found = self._scopes.get(permission)
        if found is None:
            found = ScopeSet.of(rule.path for rule in self.rules if permission in rule.permissions)
            self._scopes[permission] = found
        return found

    def allows(self, permission: Permission, path: str) -> bool:
        """Whether `permission` is held at the scope `path`."""
        return self.scopes(permission).contains(path)

    def all(self) -> dict[Permission, ScopeSet]:
        """Every permission held, with its scopes."""
        held = {permission for rule in self.rules for permission in rule.permissions}
        return {permission: self.scopes(permission) for permission in held}

    def missing(self, permissions: Iterable[Permission], scopes: ScopeSet) -> list[Permission]:
        """Those of `permissions` that are not held everywhere in `scopes`."""
        return [it for it in permissions if not self.scopes(it).includes(scopes)]

    def covers(self, other: Grants) -> bool:
        """Whether everything `other` may do, these grants may do too: the meaning of "does not outrank"."""
        return all(
            self.scopes(permission).includes(ScopeSet((rule.path,)))
            for rule in other.rules
            for permission in rule.permissions
        )

    def sees(self, path: str) -> bool:
        """Whether the scope at `path` may be known of: something is held there, above it or below it."""
        return any(path.startswith(rule.path) or rule.path.startswith(path) for rule in self.rules)

    def visible(self) -> ScopeSet:
        """The scopes in which at least one permission is held."""
        return ScopeSet.of(rule.path for rule in self.rules) if self.rules else EMPTY


NO_GRANTS = Grants()
