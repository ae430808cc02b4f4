"""Requests for the matrix, made from an operation's own declaration.

Nothing here is listed per operation: what it acts on (`authz.things`) comes from the collection in front of
a path parameter, the request (`authz.requests`) from the types it declares. Whoever adds an operation that
needs what neither has adds it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from authz import legacy_units, org_units
from authz.oracle import Outcome, Target, expected
from authz.requests import PLAIN_ROLE, Asked, body, collection_of, required, tenant_place, url
from authz.things import ABSENT_ID, Things
from authz.world import ADMINISTRATOR, FIRST_TENANT, PLACES, Persona, World, tenant_of
from runplane.server.authz.guard import Form, own_tenant, the_system

# What is open to every signed-in caller and yet depends on what it holds.
RECORDS = "/api/v1/authorization/decisions"
# What belongs to a cluster as a whole.
OF_CLUSTERS = (
    "/api/v1/clusters",
    "/api/v1/node-pools",
    "/api/v1/network-topologies",
    "/api/v1/nodes",
    "/api/v1/storage-class",
    "/api/v2/storage-class",
)
AT_THE_DOOR = (
    Outcome.UNKNOWN_CALLER,
    Outcome.CONFINED,
    Outcome.NOT_A_PERSON,
    Outcome.NOT_AN_AGENT,
    Outcome.AGENT,
)
# Places a rule can be at; for a body, the system too, which nobody of a tenant holds.
SPOTS = tuple(place for place in PLACES if place != "system")


@dataclass(frozen=True)
class Case:
    """One request of one persona, how it must end, and the same request about a thing that does not exist."""

    persona: Persona
    method: str
    url: str
    body: Any
    outcome: Outcome
    label: str
    absent_url: str = ""
    absent_body: Any = None


def cases(operation: Any, persona: Persona, things: Things, world: World) -> Iterator[Case]:
    """Every request of a persona to an operation, made when it is asked for."""
    if (
        operation.allow.form is Form.SIGNED_IN
        and persona.place not in ("tenant", "other tenant")
        and not operation.path.startswith(RECORDS)
    ):
        return  # it looks at no scope, so one place for each role is enough
    for label, target in _targets(operation, persona):
        outcome = expected(operation, persona, target, world.permissions)
        thing = None
        collection = collection_of(operation)
        if collection is not None and target is not None:
            fresh = operation.writes and outcome is Outcome.ALLOWED
            thing = things.get(collection, target, fresh=fresh)
        asked = Asked(world, persona, target, thing.id if thing else ABSENT_ID)
        absent = replace(asked, id=thing.absent if thing else ABSENT_ID, nowhere=True)
        yield Case(
            persona,
            operation.method,
            url(operation, asked),
            body(operation, asked),
            outcome,
            label,
            url(operation, absent),
            body(operation, absent),
        )
        if outcome in AT_THE_DOOR or not _may_enter(operation, persona, world):
            return  # refused before anybody looks at the target: one request is as good as twenty


def _may_enter(operation: Any, persona: Persona, world: World) -> bool:
    permission = operation.allow.permission
    return permission is None or (
        persona.role is not None and permission.text in world.permissions[persona.role]
    )


def _targets(operation: Any, persona: Persona) -> Iterator[tuple[str, Target | None]]:
    collection = collection_of(operation)
    members = required(operation.body) | required(operation.query)
    family = legacy_units if legacy_units.ours(operation) else org_units
    units = family.targets(operation, collection)
    if units is not None:
        yield from units
        return
    if operation.path.startswith(OF_CLUSTERS) and (
        collection is not None or members & {"clusterId", "scopeType"}
    ):
        yield from _of_clusters()
        return
    if "/users" in operation.path and "email" in members and collection is None:
        # An address may hold rules before there is a person: who makes the person could become it.
        yield "a new address", None
        yield (
            "an administrator's address",
            Target(place=tenant_place(persona), holds=((ADMINISTRATOR, tenant_place(persona)),)),
        )
    elif collection in ("decisions", "permission-sets", "realms", "setting", "settings"):
        yield from _of_the_record(collection, persona)
    elif operation.path.startswith(("/api/v1/access-keys/", "/api/v1/user-applications/")):
        yield from _personal(persona)
    elif collection == "groups":
        yield from _scoped(persona, by_body=False)
    elif operation.path == "/v1/k8s/groups" and operation.writes:
        yield from _of_flat_roles()
    elif collection == "access-rules" or members & {"scopeType", "payload"}:
        yield from _scoped(persona, by_body=bool(members & {"scopeType", "payload"}))
    elif collection == "roles":
        yield "own tenant", Target(place=tenant_place(persona))
        yield "other tenant", Target(place=_elsewhere(persona))
    elif collection is not None or "serviceAccountId" in members:
        yield from _identities(persona, by_body=collection is None)
    else:
        yield "the collection", None
    source = operation.allow.source
    if source not in (None, own_tenant, the_system) and not members & {"scopeType", "payload"}:
        pytest.fail(f"{operation.id} acts at a scope the oracle cannot know of: teach authz.cases about it.")


def _elsewhere(persona: Persona) -> str:
    return "other tenant" if tenant_of(persona.place) == FIRST_TENANT else "tenant"


def _identities(persona: Persona, *, by_body: bool) -> Iterator[tuple[str, Target]]:
    here = tenant_place(persona)
    yield "holds nothing", Target(place=here)
    if persona.role is not None:
        yield "holds the same", Target(place=here, holds=((persona.role, persona.place),))
    yield "administrator", Target(place=here, holds=((ADMINISTRATOR, here),))
    if not by_body:
        yield "other tenant", Target(place=_elsewhere(persona))


def _scoped(persona: Persona, *, by_body: bool) -> Iterator[tuple[str, Target]]:
    """Every place with the persona's own role, and at its own place a role that may be more than it holds."""
    given = [(persona.role or PLAIN_ROLE, place) for place in ((*SPOTS, "system") if by_body else SPOTS)]
    given.append((ADMINISTRATOR, persona.place))
    for role, place in dict.fromkeys(given):
        target = Target(place=place, scoped=True, by_body=by_body, holds=((role, place),))
        yield f"{role} at {place}", target


def _of_clusters() -> Iterator[tuple[str, Target]]:
    for place, (kind, _, _) in PLACES.items():
        if kind == "cluster":
            yield place, Target(place=place, of_cluster=True)


def _of_flat_roles() -> Iterator[tuple[str, Target]]:
    """Flat roles hold in clusters; who cannot see one learns nothing of it."""
    for place, (kind, _, _) in PLACES.items():
        if kind == "cluster":
            yield place, Target(place=place, scoped=True, by_body=True, holds=((PLAIN_ROLE, place),))


def _personal(persona: Persona) -> Iterator[tuple[str, Target]]:
    yield "own", Target(place=tenant_place(persona), owner=persona.user_id)
    yield "somebody else's", Target(place=tenant_place(persona), owner="")
    yield "other tenant", Target(place=_elsewhere(persona), owner="")


def _of_the_record(collection: str, persona: Persona) -> Iterator[tuple[str, Target]]:
    if collection == "realms":
        # a realm takes its own tokens only
        yield "own", Target(place=tenant_place(persona), everywhere=True)
        return
    if collection != "decisions":
        yield "the same for all", Target(everywhere=True)
        return
    for place in (tenant_place(persona), _elsewhere(persona)):
        yield place, Target(place=place, needs=("events-history:read", place))
