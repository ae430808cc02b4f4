"""What the requests of the matrix act on: one maker per collection.

A new collection fails the matrix until it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from authz import org_units, trusts
from authz.oracle import Target
from authz.world import FIRST_TENANT, PLACES, SECOND_REALM, World, tenant_of

ABSENT_ID = "0198c0de-0000-7000-8000-00000000ffff"


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
            "trusts": lambda target: Thing(trusts.add_trust(world, target), ABSENT_ID),
            "setting": lambda _: Thing("department.use", "no.such-key"),
            "settings": lambda _: Thing("autoRedirectSSO", "noSuchKey"),
            "realms": lambda target: Thing(realm_at(target.place), "nobody"),
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
            pytest.fail(f"Nothing in authz.things can make one of {collection!r}: add it.")
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


def realm_at(place: str) -> str:
    """The realm of the tenant that a place belongs to."""
    return "runai" if tenant_of(place) == FIRST_TENANT else SECOND_REALM
