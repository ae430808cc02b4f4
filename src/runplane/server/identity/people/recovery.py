"""The last way back in: whoever holds the database can make somebody administrator of a tenant again.

It adds and never takes away: who else is administrator stays so, because a person who has lost a password
is more usual than one who has lost an installation.
"""

from __future__ import annotations

from runplane.server.audit.journal import Journal, Note, Origin
from runplane.server.authz import tree
from runplane.server.authz.catalogue import SYSTEM_ADMINISTRATOR_ID
from runplane.server.authz.principal import SubjectKind
from runplane.server.authz.store import load_grants
from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.scope import SYSTEM_PATH, tenant_path
from runplane.server.identity.passwords import PasswordHasher, new_temporary_password
from runplane.server.identity.people.service import HostReset, check_email
from runplane.server.identity.people.store import insert_person, update_and_end_tokens
from runplane.server.identity.records import UserRow
from runplane.server.identity.store import revoke_sessions_of, select_user_by_email
from runplane.server.identity.tenants import make_administrator
from runplane.server.sql.unit import Unit, Units

_BY = "runplane admin"


def recover_administrator(
    units: Units,
    hasher: PasswordHasher,
    tenant_id: int,
    email: str,
    *,
    temporary_seconds: int,
    journal: Journal,
) -> HostReset:
    """Let a local person sign in with a temporary password and be System administrator of the tenant.

    The person is made where there is none of that address. Works beside a running server. Blocks for one
    password hash (tens of milliseconds). Raises NotFound, and Invalid for text that is no address and for
    people whose password is kept elsewhere.
    """
    address = email.strip()
    check_email(address)
    password = new_temporary_password()
    password_hash = hasher.hash(password)

    def job(unit: Unit) -> HostReset:
        expires_at = instant(to_epoch(unit.now) + temporary_seconds)
        secret = {"password_hash": password_hash, "password_expires_at": expires_at, "updated_at": unit.now}
        user = select_user_by_email(unit, tenant_id, address)
        user_id, name = _let_in(unit, tenant_id, address, user, secret)
        made = _let_rule(unit, tenant_id, name)
        unit.changed(tenant_id)
        origin = Origin(tenant_id, _BY, "App", "", "", "")
        fields = {"fields": "password, access rule" if made else "password", "by": "command line on the host"}
        journal.write(unit, origin, "recover", 200, Note("user", user_id, name, fields))
        return HostReset(name, password, Instant(expires_at))

    return units.write(job)


def _let_in(
    unit: Unit, tenant_id: int, address: str, user: UserRow | None, secret: dict[str, str]
) -> tuple[str, str]:
    """Give the person the temporary password, and make it where there is none; returns id and address."""
    if user is None:
        user_id = new_id()
        row = {"id": user_id, "tenant_id": tenant_id, "email": address, "email_key": address.lower()}
        more = {"is_local": True, "enabled": True, "created_by": _BY, "created_at": unit.now}
        insert_person(unit, {**row, **more, **secret})
        return user_id, address
    if not user.is_local:
        raise Invalid(
            f"The password of {user.email} is kept by an identity provider; recover with another address."
        )
    update_and_end_tokens(unit, tenant_id, user.id, {**secret, "enabled": True})
    revoke_sessions_of(unit, user.id)
    return user.id, user.email


def _let_rule(unit: Unit, tenant_id: int, email: str) -> bool:
    """Give the person the access rule of an administrator; says whether it had none."""
    root = tree.at(unit, tenant_id, tenant_path(tenant_id))
    if root is None:
        raise NotFound(f"There is no tenant with the id {tenant_id}.")
    held = load_grants(unit, tenant_id, SubjectKind.USER, email.lower())
    places = [it.path for it in held.rules if it.role_id == SYSTEM_ADMINISTRATOR_ID]
    if {root.path, SYSTEM_PATH} & set(places):
        return False
    make_administrator(unit, tenant_id, email, root)
    return True
