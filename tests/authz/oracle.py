"""What the matrix expects, worked out without the server's own authorization.

It knows: which permission an operation declares (text), which permissions a role has (read over the wire),
and the places of the tree as a table of parents. From the server's code it takes nothing but the
declaration; scopes are compared by walking up the parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from authz.world import ADMINISTRATOR, PLACES, Persona, tenant_of
from runplane.server.authz.guard import Form, own_tenant, the_system

# The one thing that a token got with a temporary password may do.
OPEN_TO_CONFINED = "change_user_password"
ALL_KINDS = frozenset(kind for kind, _, _ in PLACES.values())
# Where somebody must be bound for a scope that the call does not choose.
_HIGH_ENOUGH = {own_tenant: {"tenant", "system"}, the_system: {"system"}}
# What belongs to a person and to no machine (contract 3: access keys authenticate as their owner).
PERSONAL = ("/api/v1/access-keys", "/api/v1/user-applications")


class Outcome(Enum):
    """How a request ends."""

    UNKNOWN_CALLER = "401"
    CONFINED = "403: the token only changes a password"
    NO_PERMISSION = "403 that names the permission"
    OUTRANKED = "403: the target holds, or the rule grants, more than the caller has"
    NOT_A_PERSON = "403: only a person does this, signed in as itself"
    NOT_ITS_OWNER = "403: somebody else's, and seeing it is not enough"
    NOT_AN_AGENT = "403: only the agent of a cluster does this"
    AGENT = "403: an agent does nothing else"
    UNSEEN = "404 as for what does not exist"
    ALLOWED = "2xx"


@dataclass(frozen=True)
class Target:
    """What a request acts on.

    `place` is where the thing lies; a thing of the whole tenant lies in the tenant. `scoped` says that the
    caller needs the permission at that place; `by_body` that the place is named in the body. `holds` are the
    (role, place) pairs of the person or machine acted upon, or what an access rule gives. `owner` is the
    person a personal thing belongs to, `needs` a (permission, place) without which the thing is not seen, or
    what is seen at its place is not deleted.
    `everywhere` marks what every tenant has, such as predefined data. `of_cluster` marks what belongs to the
    cluster at `place` as a whole: it is read by whoever may read such things anywhere in the cluster.
    """

    place: str = "tenant"
    scoped: bool = False
    by_body: bool = False
    holds: tuple[tuple[str, str], ...] = ()
    owner: str | None = None
    needs: tuple[str, str] | None = None
    everywhere: bool = False
    of_cluster: bool = False


def above(place: str) -> list[str]:
    """`place` and every place above it."""
    found = [place]
    while (parent := PLACES[found[-1]][2]) is not None:
        found.append(parent)
    return found


def holds(roles: Mapping[str, frozenset[str]], persona: Persona, permission: str, place: str) -> bool:
    """Whether the persona's one role has the permission and is bound at the place or above it."""
    return persona.role is not None and permission in roles[persona.role] and persona.place in above(place)


def outside(target: Target, persona: Persona) -> bool:
    """Whether the target lies in another tenant than the persona, for whom it then does not exist.

    That holds for who is bound to the whole system too: nobody acts in a tenant but their own.
    """
    somewhere = target.place != "system" and not target.everywhere
    return somewhere and tenant_of(target.place) != tenant_of(persona.place)


def expected(
    operation: Any, persona: Persona, target: Target | None, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    """The outcome of an operation that is not public."""
    if persona.token is None:
        return Outcome.UNKNOWN_CALLER
    if persona.confined and operation.id != OPEN_TO_CONFINED:
        return Outcome.CONFINED
    if persona.agent or operation.allow.form is Form.AGENT:
        return _of_agents(operation, persona)
    if operation.allow.form is Form.SIGNED_IN:
        return _of_own_things(operation, persona, target, roles)
    return _of_permissions(operation, persona, target, roles)


def _of_agents(operation: Any, persona: Persona) -> Outcome:
    if operation.allow.form is not Form.AGENT:
        return Outcome.AGENT
    return Outcome.ALLOWED if persona.agent else Outcome.NOT_AN_AGENT


def _of_permissions(
    operation: Any, persona: Persona, target: Target | None, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    permission = operation.allow.permission.text
    held = persona.role is not None and permission in roles[persona.role]
    if not held or PLACES[persona.place][0] not in _HIGH_ENOUGH.get(operation.allow.source, ALL_KINDS):
        return Outcome.NO_PERMISSION
    if operation.allow.source is the_system:
        # What is made there has an administrator of its own, who may be given no more than its maker has.
        return Outcome.ALLOWED if persona.role == ADMINISTRATOR else Outcome.OUTRANKED
    if target is not None and outside(target, persona):
        return Outcome.UNSEEN
    if target is not None and target.of_cluster:
        return _of_a_cluster(operation, permission, persona, target, roles)
    if target is not None and target.scoped:
        return _at_a_place(operation, permission, persona, target, roles)
    return _of_the_tenant(operation, persona, target, roles)


def _of_the_tenant(
    operation: Any, persona: Persona, target: Target | None, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    if target is None or target.everywhere:
        return Outcome.ALLOWED
    if tenant_of(target.place) != tenant_of(persona.place):
        return Outcome.UNSEEN
    covered = not operation.writes or _covers(persona, target, roles)
    return Outcome.ALLOWED if covered else Outcome.OUTRANKED


def _of_own_things(
    operation: Any, persona: Persona, target: Target | None, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    machine = operation.path.startswith(PERSONAL) and persona.user_id is None
    # All but one signed in with a client's secret, which must not be enough to take an account over.
    by_secret = operation.id == OPEN_TO_CONFINED and not persona.confined
    if machine or by_secret:
        return Outcome.NOT_A_PERSON
    if target is None or target.everywhere:
        return Outcome.ALLOWED
    here = tenant_of(target.place) == tenant_of(persona.place)
    shown = target.needs is None or holds(roles, persona, *target.needs)
    mine = target.owner in (None, persona.user_id)
    return Outcome.ALLOWED if here and shown and mine else Outcome.UNSEEN


def _at_a_place(
    operation: Any, permission: str, persona: Persona, target: Target, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    if not holds(roles, persona, permission, target.place):
        if target.by_body:
            # A place may be known of when something is held there, above it or below it.
            seen = persona.place in above(target.place) or target.place in above(persona.place)
        else:
            seen = holds(roles, persona, f"{permission.partition(':')[0]}:read", target.place)
        return Outcome.NO_PERMISSION if seen else Outcome.UNSEEN
    if operation.method == "DELETE" and target.needs and not holds(roles, persona, *target.needs):
        return Outcome.NOT_ITS_OWNER
    if not permission.endswith(":read") and not _covers(persona, target, roles):
        return Outcome.OUTRANKED
    return Outcome.ALLOWED


def _of_a_cluster(
    operation: Any, permission: str, persona: Persona, target: Target, roles: Mapping[str, frozenset[str]]
) -> Outcome:
    reads = persona.role is not None and f"{permission.partition(':')[0]}:read" in roles[persona.role]
    near = persona.place in above(target.place) or target.place in above(persona.place)
    if not reads or not near:
        return Outcome.UNSEEN
    at_it = operation.allow.source is None or holds(roles, persona, permission, target.place)
    return Outcome.ALLOWED if at_it else Outcome.NO_PERMISSION


def _covers(persona: Persona, target: Target, roles: Mapping[str, frozenset[str]]) -> bool:
    return all(
        holds(roles, persona, permission, place) for role, place in target.holds for permission in roles[role]
    )
