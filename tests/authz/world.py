"""The world of the matrix: a scope tree, a second tenant, and one persona per role and place.

Everything that exists before the first request is put there through the stores, as the first start does it,
because a matrix that set itself up through the operations it examines would prove less. The names in the
first tenant start with FIRST and those in the second with SECOND, so that an answer which shows a thing of
the wrong tenant is recognized by its text alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import insert, select

from runplane.protocol.agent import NodeReport
from runplane.server.app import open_kek
from runplane.server.authz import tree
from runplane.server.authz.store import insert_access_rule
from runplane.server.authz.tables import roles
from runplane.server.core.ids import new_id
from runplane.server.core.scope import ScopeType
from runplane.server.core.secrets import digest, hint, new_secret
from runplane.server.identity.clients.agents import create_agent
from runplane.server.identity.keyring import SigningKey
from runplane.server.identity.store import insert_signing_key, insert_tenant, insert_user
from runplane.server.identity.tables import client_secrets, clients
from runplane.server.jobs.tables import jobs
from runplane.server.organization.clusters.model import ClusterRow
from runplane.server.organization.clusters.service import agent_secret_context
from runplane.server.organization.clusters.store import insert_cluster, select_cluster
from runplane.server.organization.inventory.reports import take_nodes
from runplane.server.organization.inventory.store import select_reported
from runplane.server.organization.inventory.usage.store import insert_configuration
from runplane.server.organization.node_pools.births import create_default_pool, newborn
from runplane.server.organization.node_pools.model import PoolSpec
from runplane.server.organization.node_pools.store import insert_pool
from runplane.server.organization.node_pools.topologies.store import insert_topology
from runplane.server.sql.schema import metadata
from support.answers import careless
from support.server import Server

FIRST, SECOND = "first-", "second-"
FIRST_TENANT, SECOND_TENANT = 1001, 1002
SECOND_REALM = "elsewhere"
CLUSTER = "0198c0de-0000-7000-8000-000000000001"
SECOND_CLUSTER = "0198c0de-0000-7000-8000-000000000002"
OTHER_CLUSTER = "0198c0de-0000-7000-8000-000000000003"
ADMINISTRATOR = "System administrator"

# place → what it is, its identifier, and the place above it
PLACES: Mapping[str, tuple[str, str, str | None]] = {
    "system": ("system", "system", None),
    "tenant": ("tenant", str(FIRST_TENANT), "system"),
    "cluster": ("cluster", CLUSTER, "tenant"),
    "department": ("department", "11", "cluster"),
    "other department": ("department", "12", "cluster"),
    "other cluster": ("cluster", OTHER_CLUSTER, "tenant"),
    "project": ("project", "111", "department"),
    "other project": ("project", "121", "other department"),
    "other tenant": ("tenant", str(SECOND_TENANT), "system"),
    "cluster of the other tenant": ("cluster", SECOND_CLUSTER, "other tenant"),
    "project of the other tenant": ("project", "211", "other tenant"),
}
BOUND_AT = ("tenant", "department", "project")
# Bound above every tenant, and people of the first one all the same.
OF_THE_SYSTEM = (ADMINISTRATOR, "Viewer")
IN_SECOND = ("other tenant", "cluster of the other tenant", "project of the other tenant")

# What the server writes by itself about what was asked: records, their chain, answers kept until they arrive.
_RECORDS = {"audit_log", "audit_chains", "deprecated_calls", "alembic_version", "kept_answers"}
# Columns that a successful sign-in writes by itself, some time later.
_MOVING = {"last_login", "last_used_at"}


def tenant_of(place: str) -> int:
    """The tenant a place lies in."""
    return SECOND_TENANT if place in IN_SECOND else FIRST_TENANT


@dataclass(frozen=True)
class Persona:
    """Somebody who calls: at most one role at one place. `user_id` is None for a service account."""

    name: str
    token: str | None
    role: str | None = None
    place: str = "tenant"
    user_id: str | None = None
    confined: bool = False
    # the agent of a cluster: speaks for it and for nobody
    agent: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Caller:
    """One kept connection that sends addresses exactly as they are given."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self._used = time.monotonic()

    def send(self, method: str, url: str, token: str | None = None, body: Any = None) -> Answer:
        """Send one request; `body` is sent as JSON unless it is None, and as a form if it is text."""
        if time.monotonic() - self._used > 1:
            self.close()  # the server ends idle connections; a new one costs less than finding out
        headers = {"authorization": f"Bearer {token}"} if token else {}
        payload: bytes | None = None
        if isinstance(body, str):
            payload = body.encode()
            headers["content-type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            payload = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        self._connection.request(method, url, body=payload, headers=headers)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        self._used = time.monotonic()
        said = {name.lower(): value for name, value in answer.getheaders()}
        # nowhere else is so much of the server asked, with success and without
        assert careless(said) == [], (method, url, answer.status)
        return Answer(answer.status, text, said)

    def close(self) -> None:
        """Give the connection up; the next request opens another."""
        self._connection.close()


@dataclass
class World:
    """A server with the tree, the second tenant and the personas."""

    server: Server
    caller: Caller
    personas: list[Persona] = field(default_factory=list[Persona])
    foreign: Persona = field(default_factory=lambda: Persona("nobody yet", None))
    # role → its permissions as text, read over the wire
    permissions: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    role_ids: dict[str, int] = field(default_factory=dict[str, int])
    paths: dict[str, str] = field(default_factory=lambda: {"system": "/"})
    count: int = 0

    def fresh(self, tenant_id: int = FIRST_TENANT) -> str:
        """A name nothing else has, with the mark of its tenant."""
        self.count += 1
        return f"{FIRST if tenant_id == FIRST_TENANT else SECOND}{self.count}"

    def administrator(self) -> str:
        """The token of the first System administrator."""
        return self.server.admin.headers["authorization"].removeprefix("Bearer ")

    # objects

    def add_user(self, tenant_id: int, *, local: bool = True) -> tuple[str, str]:
        """A person; returns id and e-mail address."""
        user_id, email = new_id(), f"{self.fresh(tenant_id)}@example.com"
        values = {
            "id": user_id,
            "tenant_id": tenant_id,
            "email": email,
            "email_key": email,
            "is_local": local,
        }
        self._write(lambda unit: insert_user(unit, {**values, **_born(unit), "enabled": True}), tenant_id)
        return user_id, email

    def add_client(self, tenant_id: int, owner_id: str = "") -> tuple[str, str, str]:
        """A service account, or an access key of `owner_id`; returns row id, client id and secret."""
        key, client_id, secret = new_id(), new_id(), new_secret()
        values = {
            "id": key,
            "tenant_id": tenant_id,
            "kind": "access-key" if owner_id else "service-account",
            "name": self.fresh(tenant_id),
            "client_id": client_id,
            "owner_id": owner_id,
            "enabled": True,
        }
        hashed = {"id": new_id(), "client_key": key, "digest": digest(secret), "hint": hint(secret)}

        def job(unit: Any) -> None:
            unit.execute(insert(clients), {**values, **_born(unit)})
            unit.execute(insert(client_secrets), {**hashed, "created_at": unit.now})

        self._write(job, tenant_id)
        return key, client_id, secret

    def add_rule(self, kind: str, key: str, role: str, place: str) -> int:
        """An access rule for a user (by e-mail), a service account (by row id) or a group."""
        what, ref, _ = PLACES[place]
        tenant_id = tenant_of(place)
        values = {
            "tenant_id": tenant_id,
            "subject_id": key,
            "subject_type": kind,
            "subject_kind": kind,
            "subject_key": key,
            "role_id": self.role_ids[role],
            "role_name": role,
            "scope_type": what,
            "scope_id": ref,
            "scope_name": place,
            "scope_path": self.paths[place],
        }
        return self._write(lambda unit: insert_access_rule(unit, {**values, **_born(unit)}), tenant_id)

    def add_role(self, tenant_id: int) -> int:
        """A custom role that grants nothing."""
        name = self.fresh(tenant_id)
        self.count += 1
        values = {
            "id": 5000 + self.count,
            "tenant_id": tenant_id,
            "name": name,
            "name_key": name,
            "description": "",
            "enabled": True,
            "permission_sets": "[]",
        }
        self._write(lambda unit: unit.execute(insert(roles), {**values, **_born(unit)}), tenant_id)
        return values["id"]

    def add_cluster(self, tenant_id: int) -> str:
        """A cluster that is no place; returns its id."""
        cluster_id = new_id()
        parent = self.paths["tenant" if tenant_id == FIRST_TENANT else "other tenant"]
        name = self.fresh(tenant_id)

        def job(unit: Any) -> None:
            node = tree.add(unit, tenant_id, ScopeType.CLUSTER, cluster_id, name, parent)
            _insert_cluster(self, unit, tenant_id, cluster_id, name, node.path)

        self._write(job, tenant_id)
        return cluster_id

    def cluster_at(self, place: str) -> ClusterRow:
        """The cluster that is a place."""
        row = self.server.units.read(lambda unit: select_cluster(unit, tenant_of(place), PLACES[place][1]))
        assert row is not None
        return row

    def add_pool(self, place: str) -> str:
        """A node pool of the cluster that is a place; returns its number."""
        cluster, name = self.cluster_at(place), self.fresh(tenant_of(place))
        spec = PoolSpec(label_key="kind", label_value=name)

        def job(unit: Any) -> int:
            return insert_pool(unit, newborn(unit, cluster, name, "test", is_default=False), spec)

        return str(self._write(job, tenant_of(place)))

    def add_topology(self, place: str) -> str:
        """A network topology of the cluster that is a place; returns its id."""
        cluster, topology_id = self.cluster_at(place), new_id()
        values = {
            "id": topology_id,
            "tenant_id": cluster.tenant_id,
            "cluster_id": cluster.id,
            "path": cluster.path,
            "name": self.fresh(cluster.tenant_id),
            "levels": ["zone"],
            "phase": "Ready",
            "source": "test",
            "created_by": "test",
        }
        self._write(lambda unit: insert_topology(unit, {**values, "created_at": unit.now}), cluster.tenant_id)
        return topology_id

    def add_usage(self, place: str) -> str:
        """A storage class configuration of the cluster that is a place; returns its id."""
        cluster, usage_id = self.cluster_at(place), new_id()
        values = {
            "id": usage_id,
            "tenant_id": cluster.tenant_id,
            "cluster_id": cluster.id,
            "path": cluster.path,
            "scope_type": "cluster",
            "name": self.fresh(cluster.tenant_id),
            "updated_by": "test",
        }
        self._write(lambda unit: insert_configuration(unit, {**values, **_born(unit)}), cluster.tenant_id)
        return usage_id

    def add_node(self, place: str) -> str:
        """A node of the cluster that is a place; returns its id."""
        cluster, name = self.cluster_at(place), self.fresh(tenant_of(place))
        report = NodeReport(uid=name, name=name, status="Ready", created_at="2026-01-01T00:00:00Z")

        def job(unit: Any) -> str:
            take_nodes(unit, cluster, [report])
            return select_reported(unit, cluster.id)[name]["id"]

        return self._write(job, cluster.tenant_id)

    def agent(self, place: str) -> Persona:
        """A persona that is the agent of the cluster that is a place."""
        cluster, secret = self.cluster_at(place), new_secret()
        self._write(
            lambda unit: create_agent(unit, cluster.tenant_id, cluster.id, secret, "test"), cluster.tenant_id
        )
        return Persona("agent", self.client_token(cluster.id, secret), None, place, agent=True)

    def client_token(self, client_id: str, secret: str, realm: str = "runai") -> str:
        """A token for a client of a realm."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        url = f"/auth/realms/{realm}/protocol/openid-connect/token"
        answer = self.caller.send("POST", url, body=urlencode(form))
        assert answer.status == 200, answer.text
        return answer.json["access_token"]

    def person(self, name: str, role: str | None, place: str) -> Persona:
        """A persona that is a person, signed in with an access key."""
        tenant_id = tenant_of(place)
        user_id, email = self.add_user(tenant_id, local=False)
        if role is not None:
            self.add_rule("user", email, role, place)
        _, client_id, secret = self.add_client(tenant_id, user_id)
        realm = "runai" if tenant_id == FIRST_TENANT else SECOND_REALM
        return Persona(name, self.client_token(client_id, secret, realm), role, place, user_id)

    def machine(self, name: str, role: str | None, place: str) -> Persona:
        """A persona that is a service account."""
        key, client_id, secret = self.add_client(FIRST_TENANT)
        if role is not None:
            self.add_rule("service-account", key, role, place)
        return Persona(name, self.client_token(client_id, secret), role, place)

    def contents(self) -> dict[str, list[Any]]:
        """Everything stored, without what signing in records: to see that a refusal changed nothing.

        What is done in the background is done first.
        """
        deadline = time.monotonic() + 30
        while self.server.units.read(lambda unit: unit.execute(select(jobs.c.id)).first()) is not None:
            assert time.monotonic() < deadline, "the jobs on the table are not done"
            time.sleep(0.05)

        def job(unit: Any) -> dict[str, list[Any]]:
            found: dict[str, list[Any]] = {}
            for table in metadata.sorted_tables:
                if table.name in _RECORDS:
                    continue
                columns = [column for column in table.c if column.name not in _MOVING]
                rows = unit.execute(select(*columns)).all()
                found[table.name] = sorted(map(repr, rows))
            return found

        return self.server.units.read(job)

    def _write(self, job: Any, tenant_id: int) -> Any:
        def all_of_it(unit: Any) -> Any:
            result = job(unit)
            unit.changed(tenant_id)
            return result

        return self.server.units.write(all_of_it)


def _born(unit: Any) -> dict[str, Any]:
    return {"created_by": "test", "created_at": unit.now, "updated_at": unit.now}


def _insert_cluster(world: World, unit: Any, tenant_id: int, cluster_id: str, name: str, path: str) -> None:
    row = {"id": cluster_id, "tenant_id": tenant_id, "name": name, "path": path, **_born(unit)}
    # No agent has it: those of this world get theirs from `World.agent`.
    kek = open_kek(world.server.app.settings)
    sealed = kek.seal(b"nobody has this", agent_secret_context(cluster_id))
    insert_cluster(unit, {**row, "simulated": False, "agent_secret": sealed})
    cluster = select_cluster(unit, tenant_id, cluster_id)
    assert cluster is not None
    create_default_pool(unit, cluster, "test")


def build(server: Server) -> World:
    """The world on a server that has just started."""
    world = World(server, Caller(server.port))
    _add_second_tenant(world)
    _add_scopes(world)
    # late: that module is about the world
    from authz.org_units import settle

    settle(world)
    _read_roles(world)
    world.foreign = world.person("administrator of the other tenant", ADMINISTRATOR, "other tenant")
    # A tenant keeps one local administrator: without a spare one, order would decide what can be deleted.
    _, email = world.add_user(SECOND_TENANT)
    world.add_rule("user", email, ADMINISTRATOR, "other tenant")
    world.personas = [
        Persona("nobody", None),
        _with_temporary_password(world),
        world.machine("service account without rules", None, "tenant"),
        world.machine("service account as administrator", ADMINISTRATOR, "tenant"),
        world.agent("cluster"),
        *(world.person(f"{role} of the system", role, "system") for role in OF_THE_SYSTEM),
        *(
            world.person(f"{role} at {place}", role, place)
            for role in sorted(world.permissions)
            for place in BOUND_AT
        ),
        world.foreign,
    ]
    return world


def _add_second_tenant(world: World) -> None:
    app = world.server.app
    kek = open_kek(app.settings)

    def job(unit: Any) -> None:
        insert_tenant(unit, SECOND_TENANT, SECOND_REALM)
        key = SigningKey.generate(unit.now)
        insert_signing_key(
            unit,
            {
                "kid": key.kid,
                "tenant_id": SECOND_TENANT,
                "algorithm": key.algorithm,
                "sealed": key.seal(kek, SECOND_REALM),
                "created_at": unit.now,
                "active_from": unit.now,
            },
        )
        tree.add_tenant(unit, SECOND_TENANT, SECOND_REALM)

    world.server.units.write(job)
    world.server.units.read(app.identity.realms.load)


def _add_scopes(world: World) -> None:
    def job(unit: Any) -> None:
        for place, (kind, ref, above) in PLACES.items():
            tenant_id = tenant_of(place)
            if kind == "system" or above is None:
                continue
            if kind == "tenant":
                node = tree.find(unit, tenant_id, kind, ref)
                assert node is not None
            else:
                node = tree.add(unit, tenant_id, ScopeType(kind), ref, place, world.paths[above])
            world.paths[place] = node.path
            if kind == "cluster":
                _insert_cluster(world, unit, tenant_id, ref, world.fresh(tenant_id), node.path)

    world.server.units.write(job)


def _read_roles(world: World) -> None:
    answer = world.caller.send("GET", "/api/v1/authorization/roles", world.administrator())
    assert answer.status == 200, answer.text
    for role in answer.json:
        world.role_ids[role["name"]] = role["id"]
        world.permissions[role["name"]] = frozenset(
            f"{it['resourceType']}:{action}" for it in role["permissions"] for action in it["actions"]
        )


def _with_temporary_password(world: World) -> Persona:
    """The token that a new person gets, though an access rule would let it do everything."""
    email = f"{world.fresh()}@example.com"
    answer = world.caller.send("POST", "/api/v1/users", world.administrator(), {"email": email})
    assert answer.status == 201, answer.text
    world.add_rule("user", email, ADMINISTRATOR, "tenant")
    made = answer.json
    token = world.server.token(email, made["tempPassword"])
    return Persona("temporary password", token, ADMINISTRATOR, "tenant", made["id"], confined=True)
