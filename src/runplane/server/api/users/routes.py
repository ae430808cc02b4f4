"""The eight operations on people.

People belong to the tenant and to no scope below it, so a permission held anywhere lets one see them all;
what is done *to* somebody also asks that they hold no more than the caller (ADR 13).
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.users import service
from runplane.server.api.users.model import USERS as LISTING
from runplane.server.api.users.wire import (
    PasswordResetOut,
    UserCreatedOut,
    UserIn,
    UserOut,
    UsersQuery,
    present,
)
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import CREATE, DELETE, READ, UPDATE, USERS
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, CountOut, Mode, Operation, Operations
from runplane.server.identity import people
from runplane.server.identity.service import Identity
from runplane.server.identity.throttle import throttled_account


def operations(identity: Identity) -> list[Operation]:
    """Reading people and managing them."""
    ops = Operations("/api/v1/users", tag="Users")
    _add_reads(ops)
    _add_creation(ops, identity)
    _add_changes(ops, identity)
    return ops.items


def _add_reads(ops: Operations) -> None:
    @ops.get(
        "",
        allow=can(READ, USERS).anywhere(),
        mode=Mode.HOT,
        listing=LISTING,
        query=UsersQuery,
        reply=list[UserOut],
    )
    def get_users(call: Call[Any]) -> list[UserOut]:
        """List users

        The Link header leads to the next page where there is one.
        """
        rows, _ = service.list_users(call.reader, call.principal.tenant_id, call.page, call.query.filter)
        return [present(row) for row in rows]

    @ops.get("/count", allow=can(READ, USERS).anywhere(), listing=LISTING, reply=CountOut)
    def count_users(call: Call[Any]) -> CountOut:
        """Count users"""
        return CountOut(count=service.count_users(call.unit, call.principal.tenant_id, call.page))

    @ops.get("/{userId}", allow=can(READ, USERS).anywhere(), mode=Mode.HOT, reply=UserOut)
    def get_user_by_id(call: Call[Any]) -> UserOut:
        """Get a user"""
        return present(service.get_user(call.reader, call.principal.tenant_id, call.path["userId"]))


def _add_creation(ops: Operations, identity: Identity) -> None:
    async def prepare(call: Call[UserIn]) -> None:
        call.prepared = await service.prepare_new(identity, call.read, call.principal, call.body.email)

    @ops.post(
        "",
        status=201,
        allow=can(CREATE, USERS).anywhere(),
        body=UserIn,
        reply=UserCreatedOut,
        before=prepare,
        audit=Audited("user"),
    )
    def create_user(call: Call[UserIn]) -> UserCreatedOut:
        """Create a local user

        The answer shows the password for the first sign-in, where it has to be changed. You cannot make a
        user of an e-mail address whose access rules grant more than you hold.
        """
        email, password = call.body.email, call.prepared
        user_id = people.create(
            call.unit, call.principal, email, password.hash, identity.rules.temporary_seconds
        )
        call.note.target(user_id, email)
        if call.body.notify:
            call.note.target(user_id, email, notify="no mail was sent: the server has no e-mail channel")
        return UserCreatedOut(id=user_id, username=email, temp_password=password.text)


def _add_changes(ops: Operations, identity: Identity) -> None:
    @ops.delete("/{userId}", status=204, allow=can(DELETE, USERS).anywhere(), audit=Audited("user"))
    def delete_user_by_id(call: Call[Any]) -> None:
        """Delete a user

        Access rules, access keys and sessions go too.
        """
        user = people.delete(call.unit, call.principal, call.path["userId"])
        call.note.target(user.id, user.email)

    @ops.post(
        "/{userId}/logout",
        allow=can(UPDATE, USERS).anywhere(),
        audit=Audited("user", "sign-out"),
        creates=False,
    )
    def logout_user(call: Call[Any]) -> None:
        """Sign a user out everywhere

        Tokens that the user's access keys got end too; the keys stay.
        """
        user = people.end_sessions(call.unit, call.principal, call.path["userId"])
        call.note.target(user.id, user.email)

    async def prepare(call: Call[Any]) -> None:
        call.prepared = await service.prepare_reset(identity, call.read, call.principal, call.path["userId"])

    @ops.post(
        "/{userId}/password",
        allow=can(UPDATE, USERS).anywhere(),
        reply=PasswordResetOut,
        before=prepare,
        audit=Audited("user", "reset-password"),
    )
    def reset_user_password(call: Call[Any]) -> PasswordResetOut:
        """Reset a user's password

        The answer shows the password for the next sign-in, where it has to be changed. The user is signed out
        everywhere.
        """
        user = people.reset_password(
            call.unit,
            call.principal,
            call.path["userId"],
            call.prepared.hash,
            identity.rules.temporary_seconds,
        )
        # Wrong guesses counted against the password that is gone.
        account = throttled_account(user.tenant_id, user.email_key)
        call.unit.after_commit(lambda: identity.throttle.succeeded(account))
        call.note.target(user.id, user.email, fields="password")
        return PasswordResetOut(temp_password=call.prepared.text)
