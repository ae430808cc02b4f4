"""Who may do what, as a state machine: the server over HTTP against a dictionary of rules.

The model knows one sentence: a permission is held at a scope if a rule of the subject, or of a group of its,
stands at that scope or above it and its role grants it. What a role grants is data (authz.catalogue).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import update

from runplane.server.authz import tree
from runplane.server.authz.catalogue import role_permissions
from runplane.server.authz.tables import access_rules
from runplane.server.core.scope import ScopeType
from runplane.server.sql.unit import Unit
from support import access
from support.access import (
    DEPARTMENT_ADMINISTRATOR,
    EDITOR,
    L1,
    PROJECT_ADMINISTRATOR,
    RULES,
    SYSTEM_ADMINISTRATOR,
    VIEWER,
)
from support.server import ADMIN_EMAIL, Server
from support.trials import Figure, trials

pytestmark = pytest.mark.detail

GROUP = "crew"
PEOPLE = ("ann@rbac.example", "ben@rbac.example", "cleo@rbac.example")
ACTORS = (ADMIN_EMAIL, *PEOPLE)
SUBJECTS = (*PEOPLE, GROUP)
IN_GROUP = ("cleo@rbac.example",)
ROLES = (SYSTEM_ADMINISTRATOR, EDITOR, L1, VIEWER, DEPARTMENT_ADMINISTRATOR, PROJECT_ADMINISTRATOR)
NODES = ("tenant", "cluster", "ours", "theirs", "inner", "other", "far")
GRANTS = {role: frozenset(it.text for it in role_permissions(role)) for role in ROLES}


@dataclass
class Model:
    """What should be so. `parents` gives each scope the one above it."""

    parents: dict[str, str | None] = field(
        default_factory=lambda: {
            "tenant": None,
            "cluster": "tenant",
            "ours": "cluster",
            "theirs": "cluster",
            "inner": "ours",
            "other": "ours",
            "far": "theirs",
        }
    )
    rules: dict[int, tuple[str, int, str]] = field(default_factory=dict[int, tuple[str, int, str]])

    def line(self, node: str) -> list[str]:
        """A scope and those above it."""
        above = self.parents[node]
        return [node] if above is None else [node, *self.line(above)]

    def of(self, actor: str) -> list[tuple[int, str]]:
        """(role, scope) of each rule that counts for somebody."""
        names = (actor, GROUP) if actor in IN_GROUP else (actor,)
        return [(role, node) for subject, role, node in self.rules.values() if subject in names]

    def held(self, actor: str, node: str) -> set[str]:
        """The permissions somebody holds at a scope."""
        line = self.line(node)
        return {text for role, at in self.of(actor) if at in line for text in GRANTS[role]}

    def anywhere(self, actor: str, permission: str) -> bool:
        return any(permission in GRANTS[role] for role, _ in self.of(actor))

    def sees(self, actor: str, node: str) -> bool:
        return any(at in self.line(node) or node in self.line(at) for _, at in self.of(actor))

    def grant(self, actor: str, subject: str, role: int, node: str) -> int:
        """The status of an attempt to create a rule."""
        if not self.anywhere(actor, "access_rules:create"):
            return 403
        if not self.sees(actor, node):
            return 404
        if not {"access_rules:create", *GRANTS[role]} <= self.held(actor, node):
            return 403
        return 409 if (subject, role, node) in self.rules.values() else 201

    def revoke(self, actor: str, rule_id: int) -> int:
        """The status of an attempt to delete a rule."""
        if not self.anywhere(actor, "access_rules:delete"):
            return 403
        role, node = self.rules[rule_id][1:]
        held = self.held(actor, node)
        if "access_rules:delete" not in held:
            return 403 if "access_rules:read" in held else 404
        return 204 if GRANTS[role] <= held else 403

    def listed(self, actor: str) -> set[int]:
        """The rules somebody may read."""
        return {
            it for it, (_, _, node) in self.rules.items() if "access_rules:read" in self.held(actor, node)
        }

    def topmost(self, actor: str, permission: str) -> set[str]:
        """The scopes with the permission and none above them that has it."""
        held = {node for node in NODES if permission in self.held(actor, node)}
        return {node for node in held if self.parents[node] not in held}


class World:
    """A server with people who stay signed in over all runs."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clients: dict[str, httpx.Client] = {ADMIN_EMAIL: server.admin}
        for email in PEOPLE:
            access.user(server, email, groups=f'["{GROUP}"]' if email in IN_GROUP else None)
            self.clients[email] = server.client(server.token(email, access.PASSWORD))
        self.first_rule = server.admin.get(RULES).json()["accessRules"][0]["id"]

    def clean(self) -> None:
        """Take away every rule but the first."""

        def job(unit: Unit) -> None:
            unit.execute(
                update(access_rules).where(access_rules.c.id != self.first_rule).values(deleted_at=unit.now)
            )
            unit.changed(access.TENANT)

        self.server.units.write(job)


class Machine(RuleBasedStateMachine):
    """One run: an organization of its own, nobody but the administrator with any rule."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.clean()
        org = access.organization(world.server)
        self.nodes = {"tenant": access.tenant_node(), **{name: getattr(org, name) for name in NODES[1:]}}
        # with the type: after a thousand units one has the tenant's number
        self.names = {(f"{node.type}s", node.ref): name for name, node in self.nodes.items()}
        self.model = Model()
        self.model.rules[world.first_rule] = (ADMIN_EMAIL, SYSTEM_ADMINISTRATOR, "tenant")
        self.steps = 0

    @initialize(
        ann=st.sampled_from(NODES[2:]),
        ben=st.sampled_from(NODES[2:]),
        crew=st.sampled_from(NODES),
        role=st.sampled_from(ROLES),
    )
    def hand_out(self, ann: str, ben: str, crew: str, role: int) -> None:
        # Without a start most runs would only show that who holds nothing is refused.
        self.grant(ADMIN_EMAIL, PEOPLE[0], DEPARTMENT_ADMINISTRATOR, ann)
        self.grant(ADMIN_EMAIL, PEOPLE[1], PROJECT_ADMINISTRATOR, ben)
        self.grant(ADMIN_EMAIL, GROUP, role, crew)

    @rule(
        actor=st.sampled_from(ACTORS),
        subject=st.sampled_from(SUBJECTS),
        role=st.sampled_from(ROLES),
        node=st.sampled_from(NODES),
    )
    def grant(self, actor: str, subject: str, role: int, node: str) -> None:
        kind = "group" if subject == GROUP else "user"
        sent = access.body(subject, role, self.nodes[node], kind)
        answer = self.world.clients[actor].post(RULES, json=sent)
        assert answer.status_code == self.model.grant(actor, subject, role, node), answer.text
        if answer.status_code == 201:
            self.model.rules[answer.json()["id"]] = (subject, role, node)

    @precondition(lambda self: len(self.model.rules) > 1)
    @rule(actor=st.sampled_from(ACTORS), data=st.data())
    def revoke(self, actor: str, data: st.DataObject) -> None:
        rule_id = data.draw(st.sampled_from(sorted(set(self.model.rules) - {self.world.first_rule})))
        answer = self.world.clients[actor].delete(f"{RULES}/{rule_id}")
        assert answer.status_code == self.model.revoke(actor, rule_id), answer.text
        if answer.status_code == 204:
            del self.model.rules[rule_id]

    @rule(project=st.sampled_from(("inner", "other", "far")), department=st.sampled_from(("ours", "theirs")))
    def move(self, project: str, department: str) -> None:
        if self.model.parents[project] == department:
            return

        def job(unit: Unit) -> tree.Node | None:
            ref = self.nodes[project].ref
            tree.move(unit, access.TENANT, ScopeType.PROJECT, ref, self.nodes[department].path)
            return tree.find(unit, access.TENANT, ScopeType.PROJECT, ref)

        moved = self.world.server.units.write(job)
        assert moved is not None
        self.nodes[project] = moved
        self.model.parents[project] = department

    @invariant()
    def lists_counts_and_single_rules_agree(self) -> None:
        self.steps += 1
        actor = ACTORS[self.steps % len(ACTORS)]
        client, listed = self.world.clients[actor], self.model.listed(actor)
        answer = client.get(RULES, params={"limit": 500})
        count = client.get(f"{RULES}/count")
        if not self.model.anywhere(actor, "access_rules:read"):
            assert (answer.status_code, count.status_code) == (403, 403)
            return
        assert {it["id"] for it in answer.json()["accessRules"]} == listed
        assert answer.json()["totalRecords"] == count.json()["count"] == len(listed)
        for rule_id in sorted(self.model.rules)[-3:]:
            status = client.get(f"{RULES}/{rule_id}").status_code
            assert status == (200 if rule_id in listed else 404)

    @invariant()
    def callers_are_told_what_they_hold(self) -> None:
        actor = ACTORS[-1 - self.steps % len(ACTORS)]
        client = self.world.clients[actor]
        summary = client.get("/api/v1/authorization/permissions").json()
        told = {f"{it['resourceType']}:{action}" for it in summary for action in it["actions"]}
        assert told == {text for role, _ in self.model.of(actor) for text in GRANTS[role]}
        asked = {"resourceType": "project", "action": "update"}
        scopes = client.post("/api/v1/authorization/permitted-scopes", json=asked).json()["update"]
        found = {
            self.names[kind, ref]
            for kind in ("tenants", "clusters", "departments", "projects")
            for ref in scopes[kind]
        }
        assert found == self.model.topmost(actor, "project:update")


@pytest.fixture(scope="module")
def world(any_server: Server) -> World:
    return World(any_server)


@pytest.mark.clause("authz.scope")
@pytest.mark.timeout(3600)
def test_the_server_agrees_with_the_model(world: World, figure: Figure) -> None:
    runs, steps = trials(10, 500), trials(25, 50)
    chosen = settings(settings.default, max_examples=runs, stateful_step_count=steps)
    run_state_machine_as_test(lambda: Machine(world), settings=chosen)
    figure("sequences that agree with the model", f"{runs} of up to {steps} steps")
