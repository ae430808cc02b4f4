"""/v1/k8s/users: people with flat roles, for scripts from before access rules.

Two things differ from the newer address: whoever makes a person chooses the password, and may say that it
need not be changed; and roles come with the person. Giving them asks of the
caller what creating the access rules would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from runplane.server.api.legacy_k8s.flat_roles import (
    ROLE_IDS,
    Flat,
    FlatIn,
    flat_of,
    get_flat,
    read_flat,
    replace_flat,
    select_rules_of,
)
from runplane.server.api.users.store import select_views
from runplane.server.authz.guard import can
from runplane.server.authz.limits import must_cover
from runplane.server.authz.permissions import CREATE, DELETE, READ, UPDATE, USERS
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import WHOLE
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Audited, Operation, Operations, Reply, Wire
from runplane.server.identity import people
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity

_OLD: dict[str, Any] = {"deprecated": True, "extension": True, "successor": "/api/v1/users"}
_OLD_RULES: dict[str, Any] = {**_OLD, "successor": "/api/v1/authorization/access-rules"}
# the first columns of `users.store.select_views`
_SHOWN = ("id", "email", "created_by", "created_at", "updated_at", "last_login", "is_local")
_TYPES = ("regular-user", "sso-user")


class LegacyUserIn(FlatIn, kw_only=True):
    """A person to make. The password must be changed at the first sign-in unless the caller says no."""

    email: Annotated[str, Meta(examples=["ada@example.com"])]
    password: str
    need_to_change_password: bool | None = None


class LegacyUserChange(FlatIn):
    """The roles a person is to have; whatever it does not name is taken away."""

    email: str | None = None


class LegacyUsersQuery(Wire):
    """`roles` are words joined by commas, of which a person must have one."""

    roles: str = ""
    only_created_by_me: bool = False
    users_type: str = ""


class LegacyUserOut(Wire):
    """A person, with roles in words."""

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
    last_login: str | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    wanted: Flat
    password_hash: str = field(repr=False)


def operations(identity: Identity) -> list[Operation]:
    """Reading people and managing them, the old way."""
    ops = Operations("/v1/k8s/users", tag="Users")
    _add_reads(ops)
    _add_roles(ops)
    _add_creation(ops, identity)
    _add_changes(ops)
    return ops.items


def present(user: UserRow, flat: Flat) -> LegacyUserOut:
    """A person and its roles as a reply."""
    return _present_row(
        user.tenant_id,
        (
            user.id,
            user.email,
            user.created_by,
            user.created_at,
            user.updated_at,
            user.last_login,
            user.is_local,
        ),
        flat,
    )


def _present_row(tenant_id: int, row: Sequence[Any], flat: Flat) -> LegacyUserOut:
    id_, email, created_by, created_at, _, last_login, is_local = row
    return LegacyUserOut(
        user_id=id_,
        username=email,
        email=email,
        entity_type="regular-user" if is_local else "sso-user",
        tenant_id=tenant_id,
        roles=list(flat.roles),
        permit_all_clusters=flat.everywhere,
        permitted_clusters=list(flat.clusters),
        created_by=created_by,
        created_at=created_at,
        last_login=last_login,
    )


def _present_one(call: Call[Any], user_id: str) -> LegacyUserOut:
    user = people.find(call.unit, call.principal.tenant_id, user_id)
    return present(user, get_flat(call.unit, call.principal, SubjectKind.USER, user.email_key))


def _present_all(call: Call[Any]) -> list[LegacyUserOut]:
    who, query = call.principal, call.query
    words = {it.strip() for it in query.roles.split(",") if it.strip()}
    kind = enum_member(query.users_type, _TYPES, "usersType") if query.users_type else None
    rows = [row[: len(_SHOWN)] for row in select_views(call.unit, who.tenant_id, WHOLE)]
    rules = select_rules_of(call.unit, who, SubjectKind.USER, [row[1].lower() for row in rows])
    shown = [_present_row(who.tenant_id, row, flat_of(rules[row[1].lower()])) for row in rows]
    return [
        it
        for it in shown
        if (kind is None or it.entity_type == kind)
        and (not query.only_created_by_me or it.created_by == who.name)
        and (not words or not words.isdisjoint(it.roles))
    ]


def _add_reads(ops: Operations) -> None:
    readers = can(READ, USERS).anywhere()

    @ops.get(
        "", id="legacy_get_users", allow=readers, query=LegacyUsersQuery, reply=list[LegacyUserOut], **_OLD
    )
    def legacy_get_users(call: Call[Any]) -> list[LegacyUserOut]:
        """List users with their roles"""
        return _present_all(call)

    @ops.get("/{userId}", id="legacy_get_user", allow=readers, reply=LegacyUserOut, **_OLD)
    def legacy_get_user(call: Call[Any]) -> LegacyUserOut:
        """Get a user with its roles"""
        return _present_one(call, call.path["userId"])


def _add_roles(ops: Operations) -> None:
    @ops.get(
        "/roles",
        id="legacy_get_flat_roles",
        allow=can(READ, USERS).anywhere(),
        reply=list[str],
        **(_OLD | {"successor": "/api/v1/authorization/roles"}),
    )
    def legacy_get_flat_roles(_: Call[Any]) -> list[str]:
        """List the roles by name"""
        return list(ROLE_IDS)

    @ops.get(
        "/{userId}/roles",
        id="legacy_get_user_roles",
        allow=can(READ, USERS).anywhere(),
        reply=list[str],
        **_OLD_RULES,
    )
    def legacy_get_user_roles(call: Call[Any]) -> list[str]:
        """List the roles of a user by name"""
        return _present_one(call, call.path["userId"]).roles


def _add_creation(ops: Operations, identity: Identity) -> None:
    async def prepare(call: Call[LegacyUserIn]) -> None:
        who, given = call.principal, call.body
        wanted = read_flat(given)
        await call.read(lambda unit: people.check_new(unit, who, given.email))
        identity.policy.check(given.password, email=given.email, context=(who.realm,))
        call.prepared = _Prepared(wanted, await identity.slowly(identity.hasher.hash, given.password))

    @ops.post(
        "",
        id="legacy_create_user",
        allow=can(CREATE, USERS).anywhere(),
        body=LegacyUserIn,
        reply=LegacyUserOut,
        before=prepare,
        audit=Audited("user"),
        **_OLD,
    )
    def legacy_create_user(call: Call[LegacyUserIn]) -> LegacyUserOut:
        """Create a local user with roles

        With `needToChangePassword` false the password stays good; otherwise it has to be changed at the first
        sign-in, within three days.
        """
        unit, who, given, ready = call.unit, call.principal, call.body, call.prepared
        stays = given.need_to_change_password is False
        seconds = None if stays else identity.rules.temporary_seconds
        user_id = people.create(unit, who, given.email, ready.password_hash, seconds)
        flat = replace_flat(unit, who, SubjectKind.USER, given.email, given.email.lower(), ready.wanted)
        call.note.target(user_id, given.email, roles=",".join(ready.wanted.roles))
        return present(people.find(unit, who.tenant_id, user_id), flat)


def _add_changes(ops: Operations) -> None:
    @ops.put(
        "/{userId}",
        id="legacy_update_user",
        allow=can(UPDATE, USERS).anywhere(),
        body=LegacyUserChange,
        reply=LegacyUserOut,
        audit=Audited("user"),
        **_OLD_RULES,
    )
    def legacy_update_user(call: Call[LegacyUserChange]) -> LegacyUserOut:
        """Replace the roles of a user

        Access rules of departments and projects, which flat roles cannot express, stay.
        """
        unit, who, given = call.unit, call.principal, call.body
        user = people.find(unit, who.tenant_id, call.path["userId"])
        must_cover(unit, who, SubjectKind.USER, user.email_key, user.groups or ())
        if given.email is not None and given.email.lower() != user.email_key:
            raise Invalid("An e-mail address cannot be changed; make a new user instead.")
        wanted = read_flat(given)
        flat = replace_flat(unit, who, SubjectKind.USER, user.email, user.email_key, wanted)
        call.note.target(user.id, user.email, fields="roles", roles=",".join(wanted.roles))
        return present(user, flat)

    @ops.delete(
        "/{userId}",
        id="legacy_delete_user",
        allow=can(DELETE, USERS).anywhere(),
        audit=Audited("user"),
        **_OLD,
    )
    def legacy_delete_user(call: Call[Any]) -> Reply:
        """Delete a user"""
        user = people.delete(call.unit, call.principal, call.path["userId"])
        call.note.target(user.id, user.email)
        return Reply(b"The user was deleted.", media_type=b"text/plain; charset=utf-8")
