"""The rules for managing people (ADR 13): what a caller may do to whom, and what follows from it.

Making a person hands its temporary password to the caller. An address may hold access rules before anybody
signs in with it, so the caller must hold all of these too: else "create" would be a way to become somebody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from runplane.server.audit.journal import Journal, Note, Origin
from runplane.server.authz.limits import must_cover
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import delete_rules_of
from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.errors import AlreadyExists, Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.identity.administrators import keep_one_administrator
from runplane.server.identity.passwords import PasswordHasher, new_temporary_password
from runplane.server.identity.people.store import (
    insert_person,
    update_and_end_tokens,
)
from runplane.server.identity.records import UserRow
from runplane.server.identity.store import delete_user, revoke_sessions_of, select_user, select_user_by_email
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit, Units

EMAIL_PATTERN: Final = r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$"
"""What the contract calls an e-mail address."""
MAX_EMAIL: Final = 254
"""Characters of an e-mail address (RFC 5321 section 4.5.3.1.3, without the brackets)."""

_EMAIL = re.compile(EMAIL_PATTERN)


def find(reader: Reader, tenant_id: int, user_id: str) -> UserRow:
    """A person of the tenant. Raises NotFound."""
    user = select_user(reader, tenant_id, user_id)
    if user is None:
        raise _unknown()
    return user


def find_local(reader: Reader, caller: Principal, user_id: str) -> UserRow:
    """A person whose password the caller may reset.

    Raises NotFound, Forbidden for somebody who holds more than the caller, and Invalid for the caller itself
    and for people whose password is kept elsewhere.
    """
    user = _manageable(reader, caller, user_id)
    if caller.kind is SubjectKind.USER and user.id == caller.id:
        # A stolen token must not be enough to take an account over for good (ASVS 5.0 6.2.3).
        raise Invalid(
            "Change your own password with POST /api/v1/me/password, which asks for the current one."
        )
    _require_local(user)
    return user


def check_email(email: str) -> None:
    """Refuse what is no e-mail address. Raises Invalid."""
    if len(email) > MAX_EMAIL or _EMAIL.fullmatch(email) is None:
        raise Invalid("email must be an e-mail address such as name@example.com.")


def check_new(reader: Reader, caller: Principal, email: str) -> None:
    """Whether the caller may make a person of this address.

    Raises Invalid for text that is no address, AlreadyExists, and Forbidden when the address holds more than
    the caller.
    """
    check_email(email)
    if select_user_by_email(reader, caller.tenant_id, email) is not None:
        raise AlreadyExists("User", email)
    must_cover(reader, caller, SubjectKind.USER, email.lower())


def create(
    unit: Unit, caller: Principal, email: str, password_hash: str, temporary_seconds: int | None
) -> str:
    """Make a local person whose password must be changed within `temporary_seconds`; returns the id.

    None leaves the password good for ever. Raises what `check_new` raises.
    """
    check_new(unit, caller, email)
    user_id = new_id()
    insert_person(
        unit,
        {
            "id": user_id,
            "tenant_id": caller.tenant_id,
            "email": email,
            "email_key": email.lower(),
            "is_local": True,
            "enabled": True,
            "created_by": caller.name,
            "created_at": unit.now,
            "updated_at": unit.now,
            "password_hash": password_hash,
            "password_expires_at": None if temporary_seconds is None else _later(unit.now, temporary_seconds),
        },
    )
    unit.changed(caller.tenant_id)
    return user_id


def reset_password(
    unit: Unit, caller: Principal, user_id: str, password_hash: str, temporary_seconds: int
) -> UserRow:
    """Replace a password by a temporary one and sign the person out everywhere.

    Raises what `find_local` raises.
    """
    user = find_local(unit, caller, user_id)
    _set_temporary(unit, user, password_hash, temporary_seconds)
    return user


def end_sessions(unit: Unit, caller: Principal, user_id: str) -> UserRow:
    """Sign a person out: sessions and every token issued so far, those of its access keys included.

    Raises NotFound, and Forbidden for somebody who holds more than the caller.
    """
    user = _manageable(unit, caller, user_id)
    update_and_end_tokens(unit, user.tenant_id, user.id, {})
    revoke_sessions_of(unit, user.id)
    unit.changed(user.tenant_id)
    return user


def delete(unit: Unit, caller: Principal, user_id: str) -> UserRow:
    """Remove a person with its access rules, access keys and sessions.

    Raises NotFound, Forbidden for somebody who holds more than the caller, Invalid for the caller itself, and
    InUse for the last System administrator.
    """
    user = _manageable(unit, caller, user_id)
    if caller.kind is SubjectKind.USER and user.id == caller.id:
        raise Invalid("You cannot delete yourself; ask another administrator to do it.")
    delete_rules_of(unit, user.tenant_id, SubjectKind.USER, user.email_key, caller.name)
    delete_user(unit, user.id)
    keep_one_administrator(unit, user.tenant_id)
    unit.changed(user.tenant_id)
    return user


@dataclass(frozen=True, slots=True)
class HostReset:
    """What a reset on the host gives: the temporary password works until `expires_at`."""

    email: str
    password: str = field(repr=False)
    expires_at: Instant


def reset_password_on_host(
    units: Units,
    hasher: PasswordHasher,
    tenant_id: int,
    email: str,
    *,
    temporary_seconds: int,
    journal: Journal,
) -> HostReset:
    """Give a local person a temporary password, for whoever holds the database: no caller, no permission.

    Works beside a running server, whose tokens of that person end within a second. Blocks for one password
    hash (tens of milliseconds). Raises NotFound and Invalid, and Unavailable with the database.
    """
    password = new_temporary_password()
    password_hash = hasher.hash(password)

    def job(unit: Unit) -> HostReset:
        user = select_user_by_email(unit, tenant_id, email.strip())
        if user is None:
            raise NotFound(f"There is no user with the e-mail address {email.strip()}.")
        _require_local(user)
        expires_at = _set_temporary(unit, user, password_hash, temporary_seconds)
        origin = Origin(tenant_id, "runplane admin", "App", "", "", "")
        note = Note("user", user.id, user.email, {"fields": "password", "by": "command line on the host"})
        journal.write(unit, origin, "reset-password", 200, note)
        return HostReset(user.email, password, expires_at)

    return units.write(job)


def _set_temporary(unit: Unit, user: UserRow, password_hash: str, temporary_seconds: int) -> Instant:
    expires_at = _later(unit.now, temporary_seconds)
    values = {"password_hash": password_hash, "password_expires_at": expires_at, "updated_at": unit.now}
    if not update_and_end_tokens(unit, user.tenant_id, user.id, values):
        raise _unknown()
    revoke_sessions_of(unit, user.id)
    unit.changed(user.tenant_id)
    return expires_at


def _manageable(reader: Reader, caller: Principal, user_id: str) -> UserRow:
    user = find(reader, caller.tenant_id, user_id)
    must_cover(reader, caller, SubjectKind.USER, user.email_key, user.groups or ())
    return user


def _require_local(user: UserRow) -> None:
    if not user.is_local:
        raise Invalid(f"The password of {user.email} is kept by the identity provider; change it there.")


def _unknown() -> NotFound:
    return NotFound("There is no user with this id.")


def _later(now: Instant, seconds: int) -> Instant:
    return instant(to_epoch(now) + seconds)
