"""/v1/k8s/groups: groups of the identity provider with flat roles.

The server keeps no groups: one exists here as long as an access rule that the caller may read names it. So a
group cannot be made without a role, and deleting it deletes the rules that name it.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.authorization.access_rules import service
from runplane.server.api.authorization.access_rules.model import RuleRow
from runplane.server.api.legacy_k8s.flat_roles import (
    Flat,
    FlatIn,
    flat_of,
    read_flat,
    replace_flat,
    select_rules_of,
    select_rules_of_kind,
)
from runplane.server.authz.guard import can
from runplane.server.authz.limits import must_cover
from runplane.server.authz.permissions import ACCESS_RULES, CREATE, DELETE, READ, UPDATE
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import AlreadyExists, Invalid, NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Reply, Wire

_OLD: dict[str, Any] = {
    "deprecated": True,
    "extension": True,
    "successor": "/api/v1/authorization/access-rules",
}


class LegacyGroupIn(FlatIn, kw_only=True):
    """A group to give roles to, by the name that the identity provider sends."""

    name: str


class LegacyGroupOut(Wire):
    """A group, with roles in words. `email` is always empty."""

    user_id: str
    username: str
    email: str
    entity_type: str
    tenant_id: int
    roles: list[str]
    permit_all_clusters: bool
    permitted_clusters: list[str]
    created_by: str
    created_at: str


def operations() -> list[Operation]:
    """Reading groups and managing their roles, the old way."""
    ops = Operations("/v1/k8s/groups", tag="Access rules")
    _add_reads(ops)
    _add_changes(ops)
    return ops.items


def present(tenant_id: int, name: str, rules: list[RuleRow], flat: Flat) -> LegacyGroupOut:
    """A group as a reply: it is as old as the oldest of `rules`, which must not be empty."""
    first = min(rules, key=lambda it: it.id)
    return _group(tenant_id, name, flat, first.created_by, first.created_at)


def _group(tenant_id: int, name: str, flat: Flat, created_by: str, created_at: str) -> LegacyGroupOut:
    return LegacyGroupOut(
        user_id=name,
        username=name,
        email="",
        entity_type="group",
        tenant_id=tenant_id,
        roles=list(flat.roles),
        permit_all_clusters=flat.everywhere,
        permitted_clusters=list(flat.clusters),
        created_by=created_by,
        created_at=created_at,
    )


def _rules(call: Call[Any], name: str) -> list[RuleRow]:
    return select_rules_of(call.unit, call.principal, SubjectKind.GROUP, (name,))[name]


def _known(call: Call[Any]) -> tuple[str, list[RuleRow]]:
    """The name in the path and the rules of that group. Raises NotFound."""
    name = call.path["groupName"]
    rules = _rules(call, name)
    if not rules:
        raise NotFound("There is no group of this name with roles that you can see.")
    return name, rules


def _add_reads(ops: Operations) -> None:
    readers = can(READ, ACCESS_RULES).anywhere()

    @ops.get("", id="legacy_get_groups", allow=readers, reply=list[LegacyGroupOut], **_OLD)
    def legacy_get_groups(call: Call[Any]) -> list[LegacyGroupOut]:
        """List groups with their roles"""
        who = call.principal
        found = sorted(select_rules_of_kind(call.unit, who, SubjectKind.GROUP).items())
        return [present(who.tenant_id, name, rules, flat_of(rules)) for name, rules in found]

    @ops.get("/{groupName}", id="legacy_get_group", allow=readers, reply=LegacyGroupOut, **_OLD)
    def legacy_get_group(call: Call[Any]) -> LegacyGroupOut:
        """Get a group with its roles"""
        name, rules = _known(call)
        return present(call.principal.tenant_id, name, rules, flat_of(rules))


def _add_changes(ops: Operations) -> None:
    @ops.post(
        "",
        id="legacy_create_group",
        allow=can(CREATE, ACCESS_RULES).anywhere(),
        body=LegacyGroupIn,
        reply=LegacyGroupOut,
        audit=Audited("group"),
        **_OLD,
    )
    def legacy_create_group(call: Call[LegacyGroupIn]) -> LegacyGroupOut:
        """Give roles to a group that has none

        One whose only role is `researcher` is there from the first project on that lists it.
        """
        name, wanted = call.body.name, read_flat(call.body)
        if not name or not wanted.roles:
            raise Invalid("Give the group a name and at least one role: without a role there is no group.")
        if _rules(call, name):
            raise AlreadyExists("Group", name)
        flat = replace_flat(call.unit, call.principal, SubjectKind.GROUP, name, name, wanted)
        call.note.target(name, name, roles=",".join(wanted.roles))
        rules, who = _rules(call, name), call.principal
        if not rules:
            return _group(who.tenant_id, name, flat, who.name, call.unit.now)
        return present(who.tenant_id, name, rules, flat)

    @ops.put(
        "/{groupName}",
        id="legacy_update_group",
        allow=can(UPDATE, ACCESS_RULES).anywhere(),
        body=FlatIn,
        reply=LegacyGroupOut,
        audit=Audited("group"),
        **_OLD,
    )
    def legacy_update_group(call: Call[FlatIn]) -> LegacyGroupOut:
        """Replace the roles of a group

        Access rules of departments and projects, which flat roles cannot express, stay.
        """
        name, rules = _known(call)
        wanted = read_flat(call.body)
        must_cover(call.unit, call.principal, SubjectKind.GROUP, name)
        flat = replace_flat(call.unit, call.principal, SubjectKind.GROUP, name, name, wanted)
        call.note.target(name, name, fields="roles", roles=",".join(wanted.roles))
        # The rules from before, since a group that lost its last role is shown once more, without one.
        return present(call.principal.tenant_id, name, rules, flat)

    @ops.delete(
        "/{groupName}",
        id="legacy_delete_group",
        allow=can(DELETE, ACCESS_RULES).anywhere(),
        audit=Audited("group"),
        **_OLD,
    )
    def legacy_delete_group(call: Call[Any]) -> Reply:
        """Take every role from a group

        All of its access rules go that you can see, those of departments and projects too, or none of them.
        """
        name, rules = _known(call)
        for rule in rules:
            service.delete_rule(call.unit, call.principal, str(rule.id))
        call.note.target(name, name)
        return Reply(b"The group was deleted.", media_type=b"text/plain; charset=utf-8")
