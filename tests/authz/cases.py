"""Requests for the matrix, made from an operation's own declaration.

Nothing here is listed per operation: addresses come from the path, bodies and queries from the types the
operation declares, values from two small tables, by the name of the collection in front of a path parameter
and by the name of a member. An operation that needs a value which no table has fails the matrix with a
sentence that says so: whoever adds the operation adds the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from msgspec import inspect

from authz import legacy_units, org_units
from authz.oracle import Outcome, Target, expected
from authz.world import ADMINISTRATOR, FIRST_TENANT, PLACES, Persona, World, tenant_of
from runplane.server.authz.guard import Form, own_tenant

PLAIN_ROLE = "Viewer"
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


@dataclass(frozen=True)
class Thing:
    """What the address or the body names: its identifier, and one of the same form that nothing has."""

    id: str
    absent: str


class Things:
    """Makes what requests act on. Things that a request leaves as they are get reused."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[tuple[str, Target], Thing] = {}
        self._make: dict[str, Callable[[Target], Thing]] = {
            "users": self._user,
            "service-accounts": self._machine,
            "apps": self._machine,
            "access-keys": self._key,
            "user-applications": self._key,
            "access-rules": self._rule,
            "groups": self._group,
            "roles": self._role,
            "permission-sets": self._permission_set,
            "decisions": self._decision,
            "clusters": lambda target: Thing(PLACES[target.place][1], ABSENT_ID),
            "node-pools": lambda target: Thing(world.add_pool(target.place), "987654321"),
            "network-topologies": lambda target: Thing(world.add_topology(target.place), ABSENT_ID),
            "nodes": lambda target: Thing(world.add_node(target.place), ABSENT_ID),
            "storage-class-configuration": lambda target: Thing(world.add_usage(target.place), ABSENT_ID),
            "reports": lambda target: Thing(org_units.add_report(world, target.place), ABSENT_ID),
            "setting": lambda _: Thing("department.use", "no.such-key"),
            "settings": lambda _: Thing("autoRedirectSSO", "noSuchKey"),
        }

    def get(self, collection: str, target: Target, *, fresh: bool) -> Thing:
        """The thing a request acts on."""
        if collection in org_units.KINDS:
            if fresh or (collection, target) not in self._kept:
                made = Thing(org_units.unit_at(self._world, collection, target), org_units.ABSENT)
                if fresh:
                    return made
                self._kept[collection, target] = made
            return self._kept[collection, target]
        if collection not in self._make:
            pytest.fail(f"Nothing in authz.cases can make one of {collection!r}: add it.")
        if fresh and collection == "clusters":
            # Places must stay. Who may change this one is above it, so another one there is as good.
            return Thing(self._world.add_cluster(tenant_of(target.place)), ABSENT_ID)
        if fresh:
            return self._make[collection](target)
        if (collection, target) not in self._kept:
            self._kept[collection, target] = self._make[collection](target)
        return self._kept[collection, target]

    def _user(self, target: Target) -> Thing:
        user_id, email = self._world.add_user(tenant_of(target.place))
        for role, place in target.holds:
            self._world.add_rule("user", email, role, place)
        return Thing(user_id, ABSENT_ID)

    def _machine(self, target: Target) -> Thing:
        key, _, _ = self._world.add_client(tenant_of(target.place))
        for role, place in target.holds:
            self._world.add_rule("service-account", key, role, place)
        return Thing(key, ABSENT_ID)

    def _key(self, target: Target) -> Thing:
        owner = target.owner or self._user(target).id
        return Thing(self._world.add_client(tenant_of(target.place), owner)[0], ABSENT_ID)

    def _rule(self, target: Target) -> Thing:
        ((role, place),) = target.holds
        group = self._world.fresh(tenant_of(place))
        return Thing(str(self._world.add_rule("group", group, role, place)), "987654321")

    def _group(self, target: Target) -> Thing:
        ((role, place),) = target.holds
        group = self._world.fresh(tenant_of(place))
        self._world.add_rule("group", group, role, place)
        return Thing(group, "no-such-group")

    def _role(self, target: Target) -> Thing:
        return Thing(str(self._world.add_role(tenant_of(target.place))), "987654321")

    def _permission_set(self, _: Target) -> Thing:
        world = self._world
        answer = world.caller.send("GET", "/api/v1/authorization/permission-sets", world.administrator())
        return Thing(answer.json[0]["id"], ABSENT_ID)

    def _decision(self, target: Target) -> Thing:
        """The refusal of somebody who holds nothing, as the audit log keeps it."""
        world = self._world
        if tenant_of(target.place) == FIRST_TENANT:
            somebody = world.machine("refused", None, "tenant")
        else:
            somebody = world.person("refused", None, target.place)
        answer = world.caller.send("GET", "/api/v1/users", somebody.token)
        assert answer.status == 403, answer.text
        world.server.flush()
        return Thing(answer.json["decision"]["id"], ABSENT_ID)


ABSENT_ID = "0198c0de-0000-7000-8000-00000000ffff"


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
        collection = _collection(operation)
        if collection is not None and target is not None:
            fresh = operation.writes and outcome is Outcome.ALLOWED
            thing = things.get(collection, target, fresh=fresh)
        asked = _Asked(world, persona, target, thing.id if thing else ABSENT_ID)
        absent = replace(asked, id=thing.absent if thing else ABSENT_ID, nowhere=True)
        yield Case(
            persona,
            operation.method,
            _url(operation, asked),
            _body(operation, asked),
            outcome,
            label,
            _url(operation, absent),
            _body(operation, absent),
        )
        if outcome in AT_THE_DOOR or not _may_enter(operation, persona, world):
            return  # refused before anybody looks at the target: one request is as good as twenty


def _may_enter(operation: Any, persona: Persona, world: World) -> bool:
    permission = operation.allow.permission
    return permission is None or (
        persona.role is not None and permission.text in world.permissions[persona.role]
    )


def _targets(operation: Any, persona: Persona) -> Iterator[tuple[str, Target | None]]:
    collection = _collection(operation)
    members = _required(operation.body) | _required(operation.query)
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
            Target(place=_tenant(persona), holds=((ADMINISTRATOR, _tenant(persona)),)),
        )
    elif collection in ("decisions", "permission-sets", "setting", "settings"):
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
        yield "own tenant", Target(place=_tenant(persona))
        yield "other tenant", Target(place=_elsewhere(persona))
    elif collection is not None:
        yield from _identities(persona)
    else:
        yield "the collection", None
    source = operation.allow.source
    if source is not None and source is not own_tenant and not members & {"scopeType", "payload"}:
        pytest.fail(f"{operation.id} acts at a scope the oracle cannot know of: teach authz.cases about it.")


def _tenant(persona: Persona) -> str:
    return "tenant" if tenant_of(persona.place) == FIRST_TENANT else "other tenant"


def _elsewhere(persona: Persona) -> str:
    return "other tenant" if tenant_of(persona.place) == FIRST_TENANT else "tenant"


def _identities(persona: Persona) -> Iterator[tuple[str, Target]]:
    here = _tenant(persona)
    yield "holds nothing", Target(place=here)
    if persona.role is not None:
        yield "holds the same", Target(place=here, holds=((persona.role, persona.place),))
    yield "administrator", Target(place=here, holds=((ADMINISTRATOR, here),))
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
    yield "own", Target(place=_tenant(persona), owner=persona.user_id)
    yield "somebody else's", Target(place=_tenant(persona), owner="")
    yield "other tenant", Target(place=_elsewhere(persona), owner="")


def _of_the_record(collection: str, persona: Persona) -> Iterator[tuple[str, Target]]:
    if collection != "decisions":
        yield "the same for all", Target(everywhere=True)
        return
    for place in (_tenant(persona), _elsewhere(persona)):
        yield place, Target(place=place, needs=("events-history:read", place))


@dataclass(frozen=True)
class _Asked:
    """One request being put together; `nowhere` makes every name in it one that nothing has."""

    world: World
    persona: Persona
    target: Target | None
    id: str
    nowhere: bool = False

    @property
    def place(self) -> str:
        return self.target.place if self.target else _tenant(self.persona)


def _scope_id(asked: _Asked) -> str:
    kind, ref, _ = PLACES[asked.place]
    if not asked.nowhere:
        return ref
    return ABSENT_ID if kind == "cluster" else "987654321"


def _role_id(asked: _Asked) -> int:
    role = asked.target.holds[0][0] if asked.target and asked.target.holds else PLAIN_ROLE
    return asked.world.role_ids[role]


def _email(asked: _Asked) -> str:
    email = f"{asked.world.fresh(tenant_of(asked.place))}@example.com"
    for role, place in asked.target.holds if asked.target else ():
        asked.world.add_rule("user", email, role, place)
    return email


# member → value, or how to get it; one that is not here is put together from its own members
_VALUES: dict[str, Any] = {
    "email": _email,
    "name": lambda it: it.world.fresh(tenant_of(it.place)),
    "enabled": True,
    "subjectId": lambda it: it.world.fresh(tenant_of(it.place)),
    "subjectType": "group",
    "roleId": _role_id,
    "scopeId": _scope_id,
    "scopeType": lambda it: PLACES[it.place][0],
    "permissions": {},
    "ids": lambda it: [it.id],
    "action": "read",
    "resourceType": "users",
    "permissionSets": [{"name": "usersReadAccess"}],
    "currentPassword": "not-the-password-at-all",
    "newPassword": "violet-harbor-tin-lamp",
    "key": "department.use",
    "value": True,
    "roles": [],
    "password": "violet-harbor-tin-lamp",
    "logo": "",
    "clusterId": _scope_id,
    # only in the old organization (legacy_units)
    "clusterUuid": None,
    "departmentId": None,
    "labelKey": "kind",
    "labelValue": lambda it: it.world.fresh(tenant_of(it.place)),
    "levels": ["zone"],
    "metricType": "GPU_MEMORY_UTILIZATION",
    "telemetryType": "TOTAL_GPUS",
    "version": "2.24",
    "start": "2026-01-01T00:00:00Z",
    "end": "2099-01-01T00:00:00Z",
}
# members that say nothing without the others
_TOGETHER = {"key": ("value",)}
# one value of a closed set, where the table's is not in it
_CHOICE = {"action": "delete"}


def _collection(operation: Any) -> str | None:
    """The collection whose thing the request is about: in the path, or by `ids` in the body."""
    if legacy_units.ours(operation):
        return legacy_units.collection(operation)
    found = re.search(r"([^/]+)/\{", operation.path)
    if found:
        return found[1]
    if "ids" in _required(operation.body):
        return operation.path.split("/")[-2]
    return None


def _required(kind: Any) -> frozenset[str]:
    if kind is None:
        return frozenset()
    shape = inspect.type_info(kind)
    if not isinstance(shape, inspect.StructType):
        return frozenset()
    return frozenset(it.encode_name for it in shape.fields if it.required)


def _url(operation: Any, asked: _Asked) -> str:
    address = operation.path.replace("{nodepoolName}", "default")
    if legacy_units.ours(operation):
        address = legacy_units.address(operation, asked)
    address = re.sub(r"\{[^}]+\}", asked.id, address)
    query = sorted(_required(operation.query))
    if query:
        address += "?" + "&".join(f"{name}={_value(operation, name, asked)}" for name in query)
    return address


def _value(operation: Any, name: str, asked: _Asked) -> Any:
    if name not in _VALUES:
        pytest.fail(f"{operation.id} requires {name!r}, for which authz.cases has no value: add one.")
    special = org_units.value(operation, name, asked)
    if special is None:
        special = legacy_units.value(operation, name, asked)
    if special is not None:
        return special
    value = _VALUES[name]
    return value(asked) if callable(value) else value


def _body(operation: Any, asked: _Asked) -> Any:
    if operation.body is None:
        return None
    shape = inspect.type_info(operation.body)
    built = _built(operation, shape, asked)
    built = built or {name: _value(operation, name, asked) for name in legacy_units.more(operation)}
    if not built and isinstance(shape, inspect.StructType):
        # A change that must name something: the first member there is a value for.
        name = next((it.encode_name for it in shape.fields if it.encode_name in _VALUES), None)
        named = (name, *_TOGETHER.get(name, ())) if name else ()
        return {it: _value(operation, it, asked) for it in named}
    if operation.id == "create_project":
        built["parentId"] = org_units.parent_id(asked)
    if operation.id == "legacy_create_group":
        # without a role there is no group
        built |= {"roles": [PLAIN_ROLE.lower()], "permittedClusters": [_scope_id(asked)]}
    return built


def _built(operation: Any, shape: Any, asked: _Asked) -> Any:
    if isinstance(shape, inspect.StructType):
        members: dict[str, Any] = {}
        for it in shape.fields:
            if not it.required:
                continue
            if it.encode_name in _VALUES:
                value = _value(operation, it.encode_name, asked)
                if isinstance(it.type, inspect.LiteralType) and value not in it.type.values:
                    value = _CHOICE[it.encode_name]
                members[it.encode_name] = value
            else:
                members[it.encode_name] = _built(operation, it.type, asked)
                if members[it.encode_name] is None:
                    _value(operation, it.encode_name, asked)
        return members
    if isinstance(shape, inspect.ListType):
        item = _built(operation, shape.item_type, asked)
        return None if item is None else [item]
    return None
