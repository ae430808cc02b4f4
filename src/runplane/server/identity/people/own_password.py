"""Changing one's own password.

It takes the current password and a sign-in with it: whoever finds a token of an access key or an open session
must not be able to turn it into the account. Guessing the current password here is guessing at sign-in, so
both share one brake.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.errors import Conflict, Forbidden, Invalid, Unauthenticated
from runplane.server.identity.people.store import revoke_other_sessions, update_and_end_tokens
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity
from runplane.server.identity.store import revoke_sessions_of, select_user, update_user
from runplane.server.identity.throttle import throttled_account
from runplane.server.sql.unit import Unit

Read = Callable[[Callable[[Unit], Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A change whose current password was right, ready to be stored."""

    user: UserRow
    password_hash: str = field(repr=False)


async def prepare(
    identity: Identity, read: Read, caller: Principal, source_ip: str, current: str, new: str
) -> PasswordChange:
    """Check both passwords and hash the new one.

    Raises Forbidden for callers that are no signed-in person, Invalid for a wrong current password and for a
    new one that will not do, Throttled after too many wrong ones from one address.
    """
    if caller.kind is not SubjectKind.USER:
        raise Forbidden(
            "A service account has no password; make it a new secret instead.",
            "Service accounts get one with POST /api/v1/service-accounts/{serviceAccountId}/secret.",
        )
    if caller.session_id is None:
        raise Forbidden(
            "An access key cannot change its owner's password.",
            "Sign in with your e-mail address and password, then change it with that token.",
        )
    user: UserRow | None = await read(lambda unit: select_user(unit, caller.tenant_id, caller.id))
    if user is None:
        raise Unauthenticated("The user of this token was deleted.", reason="deleted")
    if not user.is_local or user.password_hash is None:
        raise Invalid("Your password is kept by your identity provider; change it there.")
    if user.password_expires_at is not None and user.password_expires_at <= identity.book.now():
        raise Invalid("Your temporary password has expired; ask an administrator for a new one.")
    # before the current one is looked at: a new one that will not do must not count as a wrong guess
    check_new(identity, user, caller.realm, new)
    await _check_current(identity, user, user.password_hash, source_ip, current)
    return await accepted(identity, user, current, new)


def check_new(identity: Identity, user: UserRow, realm: str, new: str) -> None:
    """Raises Invalid for a new password that the policy refuses."""
    identity.policy.check(new, email=user.email, context=(realm,))


async def accepted(identity: Identity, user: UserRow, current: str, new: str) -> PasswordChange:
    """The change from a right `current` password to one that `check_new` let pass. Raises Invalid."""
    if _normal(new) == _normal(current):
        raise Invalid("The new password must differ from the current one.")
    return PasswordChange(user, await identity.slowly(identity.hasher.hash, new))


async def _check_current(
    identity: Identity, user: UserRow, stored: str, source_ip: str, current: str
) -> None:
    now = identity.monotonic()
    account = throttled_account(user.tenant_id, user.email_key)
    admitted = identity.throttle.admit(account, source_ip, now)
    if not await identity.slowly(identity.hasher.verify, current, stored if admitted else None):
        identity.throttle.failed(account, source_ip, current, now)
        raise Invalid("The current password is wrong.")
    identity.throttle.succeeded(account)


def store(unit: Unit, caller: Principal, change: PasswordChange) -> None:
    """Store a prepared change and end the person's other sessions.

    A token got with a temporary password ends too: it was good for this one thing. Raises Conflict when the
    password was changed or reset since `prepare` looked.
    """
    if caller.only is not None:
        store_first(unit, change)
    else:
        _replace(unit, change)
        revoke_other_sessions(unit, change.user.id, caller.session_id or "")
        unit.changed(change.user.tenant_id)


def store_first(unit: Unit, change: PasswordChange) -> UserRow:
    """Store the password that follows a temporary one, and end whatever the temporary one opened.

    Returns the person as it is now. Raises Conflict as `store` does.
    """
    user = change.user
    _replace(unit, change)
    update_and_end_tokens(unit, user.tenant_id, user.id, {})
    revoke_sessions_of(unit, user.id)
    unit.changed(user.tenant_id)
    return replace(user, password_hash=change.password_hash, password_expires_at=None, epoch=user.epoch + 1)


def _replace(unit: Unit, change: PasswordChange) -> None:
    user = change.user
    values = {"password_hash": change.password_hash, "password_expires_at": None, "updated_at": unit.now}
    unchanged = {"tenant_id": user.tenant_id, "epoch": user.epoch, "password_hash": user.password_hash}
    if not update_user(unit, user.id, values, **unchanged):
        raise Conflict("Your password was changed by somebody else at this moment; sign in again.")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
