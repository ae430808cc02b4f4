"""Scopes of tokens: what a token is confined to, out of all that its subject holds (ADR 26).

A scope names permissions (`workloads:read`, `project:*`, `*:read`), places (`project:42`) or both.
Permissions without a place count wherever the subject holds them; places without a permission leave all that
the subject holds there. A scope takes away and never gives, so nobody has to be asked whether a token may
have it: what follows from it is the subject's rules cut down (`narrowed`), and the guard decides on those as
on any others.

The words of OpenID Connect are accepted and mean nothing here: deployed programs send them with every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from runplane.server.authz import tree
from runplane.server.authz.grants import Grant, Grants
from runplane.server.authz.permissions import ALL_PERMISSIONS, Action, Permission
from runplane.server.core.errors import Invalid
from runplane.server.core.ids import is_uuid
from runplane.server.core.scope import ScopeSet, ScopeType
from runplane.server.sql.prepared import Reader

MAX_LENGTH: Final = 1000
"""Characters of a scope: it travels in every token."""

_IGNORED: Final = frozenset(("openid", "email", "profile", "offline_access", "groups", "address", "phone"))
_PLACES: Final = {
    it.value: it for it in (ScopeType.TENANT, ScopeType.CLUSTER, ScopeType.DEPARTMENT, ScopeType.PROJECT)
}
_ACTIONS: Final = frozenset(it.value for it in Action)
_ANY: Final = "*"
_MAX_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class TokenScope:
    """A scope that was read. An empty member does not confine."""

    words: tuple[str, ...] = ()
    places: tuple[tuple[ScopeType, str], ...] = ()

    @property
    def text(self) -> str:
        """The one spelling, which tokens carry: places, then permissions, each sorted, single spaces."""
        return " ".join((*(f"{kind.value}:{ref}" for kind, ref in self.places), *self.words))

    @property
    def permissions(self) -> frozenset[Permission] | None:
        """The permissions that are left, None for all."""
        if not self.words:
            return None
        return frozenset(it for word in self.words for it in _meant(word))

    def __bool__(self) -> bool:
        return bool(self.words or self.places)


WIDE: Final = TokenScope()
"""The scope of a token that is not confined."""


def parse_scope(text: str) -> TokenScope:
    """Read a scope. Raises Invalid, naming the word that is none."""
    if len(text) > MAX_LENGTH:
        raise Invalid(f"The scope must not be longer than {MAX_LENGTH} characters.")
    words: set[str] = set()
    places: set[tuple[ScopeType, str]] = set()
    for word in text.split(" "):
        name, _, rest = word.partition(":")
        if not word or word in _IGNORED:
            continue
        if name in _PLACES and rest != _ANY and rest not in _ACTIONS:
            places.add(_place(_PLACES[name], rest, word))
        elif any(_meant(word)):
            words.add(word)
        else:
            raise _unreadable(word)
    return TokenScope(tuple(sorted(words)), tuple(sorted(places)))


def resolve(reader: Reader, tenant_id: int, scope: TokenScope) -> ScopeSet | None:
    """Where the places of `scope` are now, None for everywhere. A place that is gone is left out."""
    if not scope.places:
        return None
    nodes = (tree.find(reader, tenant_id, kind, ref) for kind, ref in scope.places)
    return ScopeSet.of(node.path for node in nodes if node is not None)


def narrowed(grants: Grants, scope: TokenScope, places: ScopeSet | None) -> Grants:
    """`grants` cut down to `scope`, whose places `resolve` has found."""
    permissions = scope.permissions

    def cut() -> Iterator[Grant]:
        for rule in grants.rules:
            left = rule.permissions if permissions is None else rule.permissions & permissions
            if not left:
                continue
            paths = ScopeSet((rule.path,)) if places is None else places.intersection(ScopeSet((rule.path,)))
            yield from (replace(rule, permissions=left, path=path) for path in paths.roots)

    return Grants(cut())


def check_places(reader: Reader, tenant_id: int, grants: Grants, scope: TokenScope) -> None:
    """Raise Invalid for a place that does not exist, or that a subject with `grants` cannot know of."""
    for kind, ref in scope.places:
        node = tree.find(reader, tenant_id, kind, ref)
        if node is None or not grants.sees(node.path):
            raise Invalid(f"There is no {kind.value} {ref} that a token of yours could be for.")


def shrunk(reader: Reader, tenant_id: int, given: TokenScope, asked: TokenScope) -> TokenScope:
    """`asked` as a part of `given`, which also fills what it leaves open. Raises Invalid if it is wider."""
    result = TokenScope(asked.words or given.words, asked.places or given.places)
    before, after = given.permissions, result.permissions
    if before is not None and (after is None or not after <= before):
        raise _wider(given)
    around, inside = resolve(reader, tenant_id, given), resolve(reader, tenant_id, result)
    if around is not None and (inside is None or not around.includes(inside)):
        raise _wider(given)
    # a place that is made later may lie anywhere
    if given.places and any(tree.find(reader, tenant_id, *it) is None for it in asked.places):
        raise _wider(given)
    return result


def _meant(word: str) -> Iterator[Permission]:
    resource, _, action = word.partition(":")
    if resource == action == _ANY:
        return
    for it in ALL_PERMISSIONS:
        if resource in (_ANY, it.resource.name) and action in (_ANY, it.action.value):
            yield it


def _place(kind: ScopeType, ref: str, word: str) -> tuple[ScopeType, str]:
    if kind is ScopeType.CLUSTER:
        good = is_uuid(ref)
    else:
        good = ref.isascii() and ref.isdigit() and len(ref) <= _MAX_DIGITS and str(int(ref)) == ref
    if not good:
        raise _unreadable(word)
    return kind, ref


def _unreadable(word: str) -> Invalid:
    return Invalid(
        f"The scope may not hold {word[:60]!r}; write permissions such as workloads:read "
        "and places such as project:42."
    )


def _wider(given: TokenScope) -> Invalid:
    return Invalid(f"The scope may not be wider than the one given at sign-in: {given.text}.")
