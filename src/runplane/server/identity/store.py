"""SQL of people, machine credentials, sessions and keys."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.authz.tables import access_rules
from runplane.server.core.clock import Instant, to_epoch
from runplane.server.core.scope import SYSTEM_PATH
from runplane.server.identity.records import ClientRow, SecretRow, UserRow
from runplane.server.identity.tables import (
    client_secrets,
    clients,
    refresh_tokens,
    revoked_tokens,
    sessions,
    signing_keys,
    users,
)
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.schema import tenants
from runplane.server.sql.unit import Unit

USER_COLUMNS = tuple(users.c[name] for name in UserRow.__slots__)
CLIENT_COLUMNS = tuple(clients.c[name] for name in ClientRow.__slots__)
_SECRET_COLUMNS = tuple(client_secrets.c[name] for name in SecretRow.__slots__)

_USER_BY_ID = Prepared(
    select(*USER_COLUMNS).where(users.c.id == bindparam("id"), users.c.tenant_id == bindparam("tenant_id"))
)
_USER_BY_EMAIL = Prepared(
    select(*USER_COLUMNS).where(
        users.c.email_key == bindparam("email_key"), users.c.tenant_id == bindparam("tenant_id")
    )
)
_CLIENT_BY_ID = Prepared(
    select(*CLIENT_COLUMNS).where(
        clients.c.id == bindparam("id"), clients.c.tenant_id == bindparam("tenant_id")
    )
)
# A service account answers to its name too; names of access keys are unique per owner only.
_CLIENT_BY_IDENTIFIER = Prepared(
    select(*CLIENT_COLUMNS)
    .where(
        clients.c.tenant_id == bindparam("tenant_id"),
        or_(
            clients.c.client_id == bindparam("identifier"),
            (clients.c.kind == "service-account") & (clients.c.name == bindparam("identifier")),
        ),
    )
    # should a name equal another's client id, the client id wins
    .order_by((clients.c.client_id == bindparam("identifier")).desc())
)
_SECRETS = Prepared(
    select(*_SECRET_COLUMNS)
    .where(client_secrets.c.client_key == bindparam("client_key"))
    .order_by(client_secrets.c.created_at, client_secrets.c.id)
)
_SESSION = Prepared(
    select(sessions.c.user_id, sessions.c.revoked_at, sessions.c.expires_at, sessions.c.client_id).where(
        sessions.c.id == bindparam("id"), sessions.c.tenant_id == bindparam("tenant_id")
    )
)
_SESSION_SCOPE = Prepared(select(sessions.c.scope).where(sessions.c.id == bindparam("id")))
_REVOKED = Prepared(select(revoked_tokens.c.jti).where(revoked_tokens.c.jti == bindparam("jti")))
_REFRESH = Prepared(
    select(refresh_tokens.c.session_id, refresh_tokens.c.used_at, refresh_tokens.c.expires_at).where(
        refresh_tokens.c.digest == bindparam("digest")
    )
)
_KEYS = Prepared(
    select(
        signing_keys.c.kid,
        signing_keys.c.tenant_id,
        signing_keys.c.algorithm,
        signing_keys.c.sealed,
        signing_keys.c.created_at,
        signing_keys.c.active_from,
        signing_keys.c.retired_at,
    ).order_by(signing_keys.c.active_from, signing_keys.c.kid)
)


def user_of(row: Row) -> UserRow:
    """A row of USER_COLUMNS as a value; the driver decides how booleans look."""
    (
        id_, tenant_id, email, email_key, is_local, enabled, created_by, created_at, updated_at, last_login,
        groups, uid, gid, password_hash, password_expires_at, epoch,
    ) = row  # fmt: skip
    return UserRow(
        id_, tenant_id, email, email_key, bool(is_local), bool(enabled), created_by, created_at, updated_at,
        last_login, tuple(json.loads(groups)) if groups is not None else None, uid, gid, password_hash,
        password_expires_at, epoch,
    )  # fmt: skip


def client_of(row: Row) -> ClientRow:
    """A row of CLIENT_COLUMNS as a value."""
    (
        id_, tenant_id, kind, name, client_id, owner_id, enabled, created_by, created_at, updated_at,
        last_login, expires_at, epoch, default_page_size,
    ) = row  # fmt: skip
    return ClientRow(
        id_, tenant_id, kind, name, client_id, owner_id, bool(enabled), created_by, created_at, updated_at,
        last_login, expires_at, epoch, default_page_size,
    )  # fmt: skip


def select_user(reader: Reader, tenant_id: int, user_id: str) -> UserRow | None:
    """A person by id."""
    row = reader.one(_USER_BY_ID, {"id": user_id, "tenant_id": tenant_id})
    return user_of(row) if row else None


def select_user_by_email(reader: Reader, tenant_id: int, email: str) -> UserRow | None:
    """A person by e-mail address, whatever its case."""
    row = reader.one(_USER_BY_EMAIL, {"email_key": email.lower(), "tenant_id": tenant_id})
    return user_of(row) if row else None


def insert_user(unit: Unit, values: dict[str, Any]) -> None:
    """Store a person; the unique constraint on the address decides races."""
    unit.execute(insert(users), values)


def update_user(unit: Unit, user_id: str, values: dict[str, Any], **expected: Any) -> bool:
    """Change a person if the columns in `expected` still hold; says whether it did."""
    conditions = [users.c[name] == value for name, value in expected.items()]
    result = unit.execute(update(users).where(users.c.id == user_id, *conditions).values(**values))
    return result.rowcount == 1


def delete_user(unit: Unit, user_id: str) -> None:
    """Remove a person with its access keys; sessions go with it."""
    unit.execute(delete(clients).where(clients.c.owner_id == user_id))
    unit.execute(delete(users).where(users.c.id == user_id))


def select_client(reader: Reader, tenant_id: int, client_key: str) -> ClientRow | None:
    """A machine credential by its row id."""
    row = reader.one(_CLIENT_BY_ID, {"id": client_key, "tenant_id": tenant_id})
    return client_of(row) if row else None


def select_client_by_identifier(reader: Reader, tenant_id: int, identifier: str) -> ClientRow | None:
    """A machine credential by client id, or a service account by name."""
    row = reader.one(_CLIENT_BY_IDENTIFIER, {"identifier": identifier, "tenant_id": tenant_id})
    return client_of(row) if row else None


def select_secrets(reader: Reader, client_key: str) -> list[SecretRow]:
    """Every stored secret of a client, oldest first; expired ones are the caller's to skip."""
    return [SecretRow(*row) for row in reader.all(_SECRETS, {"client_key": client_key})]


def insert_session(unit: Unit, values: dict[str, Any]) -> None:
    """Store a new session, and forget those of the same person that are over."""
    over = (sessions.c.user_id == values["user_id"], sessions.c.expires_at <= unit.now)
    unit.execute(delete(sessions).where(*over))
    unit.execute(insert(sessions), values)


def select_session(reader: Reader, tenant_id: int, session_id: str) -> Row | None:
    """(user_id, revoked_at, expires_at, client_id) of a session."""
    return reader.one(_SESSION, {"id": session_id, "tenant_id": tenant_id})


def select_session_scope(reader: Reader, session_id: str) -> str:
    """What the tokens of a session are confined to, empty for nothing."""
    return reader.scalar(_SESSION_SCOPE, {"id": session_id}) or ""


def revoke_session(unit: Unit, session_id: str) -> None:
    """End a session: its refresh tokens and access tokens are refused from the commit on."""
    unit.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=unit.now)
    )


def revoke_sessions_of(unit: Unit, user_id: str) -> None:
    """End every session of a person."""
    unit.execute(
        update(sessions)
        .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=unit.now)
    )


def insert_refresh_token(unit: Unit, digest: bytes, session_id: str, expires_at: Instant) -> None:
    """Store the digest of a refresh token, and forget those of the same session that are over.

    One that was spent is kept until then, so that its second use is noticed.
    """
    over = (refresh_tokens.c.session_id == session_id, refresh_tokens.c.expires_at <= unit.now)
    unit.execute(delete(refresh_tokens).where(*over))
    unit.execute(
        insert(refresh_tokens),
        {"digest": digest, "session_id": session_id, "created_at": unit.now, "expires_at": expires_at},
    )


def spend_refresh_token(unit: Unit, digest: bytes) -> str | None:
    """Use a refresh token up and return its session; None if it is unknown, used or expired.

    One conditional UPDATE, so that of many who try at once exactly one succeeds.
    """
    spent = unit.execute(
        update(refresh_tokens)
        .where(
            refresh_tokens.c.digest == digest,
            refresh_tokens.c.used_at.is_(None),
            refresh_tokens.c.expires_at > unit.now,
        )
        .values(used_at=unit.now)
        .returning(refresh_tokens.c.session_id)
    ).first()
    return spent[0] if spent else None


def select_refresh_token(reader: Reader, digest: bytes) -> Row | None:
    """(session_id, used_at, expires_at) of a refresh token."""
    return reader.one(_REFRESH, {"digest": digest})


def insert_revoked_token(unit: Unit, tenant_id: int, jti: str, expires_at: int) -> bool:
    """Remember an access token as taken back, until it would have expired anyway; `expires_at` in seconds.

    False when that has been done already, be it by a request a moment quicker. Those that have expired more
    than the leeway of clocks ago are forgotten.
    """
    unit.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at < int(to_epoch(unit.now)) - 3600))
    if is_revoked(unit, jti):
        return False
    try:
        with unit.connection.begin_nested():
            unit.execute(
                insert(revoked_tokens), {"jti": jti, "tenant_id": tenant_id, "expires_at": expires_at}
            )
    except IntegrityError:
        return False
    return True


def is_revoked(reader: Reader, jti: str) -> bool:
    """Whether an access token was taken back."""
    return reader.one(_REVOKED, {"jti": jti}) is not None


def select_signing_keys(reader: Reader) -> list[Row]:
    """(kid, tenant_id, algorithm, sealed, created_at, active_from, retired_at) of every key, oldest first."""
    return reader.all(_KEYS, {})


def retire_signing_keys(unit: Unit, tenant_id: int, at: Instant) -> None:
    """Let the keys of a tenant that have no end yet verify until then."""
    mine = (signing_keys.c.tenant_id == tenant_id, signing_keys.c.retired_at.is_(None))
    unit.execute(update(signing_keys).where(*mine).values(retired_at=at))


def void_signing_keys(unit: Unit, tenant_id: int) -> None:
    """Let no key of a tenant verify any more, on a machine with a lagging clock either."""
    mine = signing_keys.c.tenant_id == tenant_id
    unit.execute(update(signing_keys).where(mine).values(retired_at=signing_keys.c.created_at))


def delete_signing_keys(unit: Unit, tenant_id: int, before: Instant) -> None:
    """Forget the keys of a tenant that have verified nothing since `before`."""
    unit.execute(
        delete(signing_keys).where(signing_keys.c.tenant_id == tenant_id, signing_keys.c.retired_at < before)
    )


def insert_signing_key(unit: Unit, values: dict[str, Any]) -> None:
    """Store a sealed signing key."""
    unit.execute(insert(signing_keys), values)


_TOUCH_CLIENT = update(clients).where(clients.c.id == bindparam("key")).values(last_login=bindparam("at"))
_TOUCH_SECRET = (
    update(client_secrets).where(client_secrets.c.id == bindparam("key")).values(last_used_at=bindparam("at"))
)
_TOUCH_USER = update(users).where(users.c.id == bindparam("key")).values(last_login=bindparam("at"))


def touch(unit: Unit, used: dict[str, str], secrets: dict[str, str], people: dict[str, str]) -> None:
    """Note the instants at which clients, their secrets and their owners were last used."""
    for statement, rows in ((_TOUCH_CLIENT, used), (_TOUCH_SECRET, secrets), (_TOUCH_USER, people)):
        if rows:
            # In one order everywhere: two replicas that note the same uses would deadlock otherwise.
            unit.execute(statement, [{"key": key, "at": at} for key, at in sorted(rows.items())])


_TENANTS = Prepared(select(tenants.c.id, tenants.c.name))
_TENANT_ROWS = Prepared(select(tenants.c.id, tenants.c.name, tenants.c.created_at).order_by(tenants.c.id))
_TENANT = Prepared(select(tenants.c.id).where(tenants.c.id == bindparam("id")))
_LOCK_TENANT = select(tenants.c.id).where(tenants.c.id == bindparam("tenant_id")).with_for_update()
_ADMINISTRATORS = Prepared(
    select(func.count())
    .select_from(access_rules.join(users, users.c.email_key == access_rules.c.subject_key))
    .where(
        access_rules.c.tenant_id == bindparam("tenant_id"),
        users.c.tenant_id == bindparam("tenant_id"),
        users.c.enabled,
        users.c.is_local,
        access_rules.c.subject_kind == "user",
        access_rules.c.role_id == bindparam("role_id"),
        or_(access_rules.c.scope_path == SYSTEM_PATH, access_rules.c.scope_path == bindparam("path")),
        access_rules.c.deleted_at.is_(None),
    )
)


def select_tenants(reader: Reader) -> list[Row]:
    """(id, name) of every tenant."""
    return reader.all(_TENANTS, {})


def select_tenant_rows(reader: Reader) -> list[Row]:
    """(id, name, created_at) of every tenant, the oldest first."""
    return reader.all(_TENANT_ROWS, {})


def tenant_exists(reader: Reader, tenant_id: int) -> bool:
    """Whether there is such a tenant."""
    return reader.one(_TENANT, {"id": tenant_id}) is not None


def insert_tenant(unit: Unit, tenant_id: int, name: str) -> None:
    """Store a tenant."""
    unit.execute(insert(tenants), {"id": tenant_id, "name": name, "created_at": unit.now, "version": 1})


def lock_tenant(unit: Unit, tenant_id: int) -> None:
    """Let one transaction at a time count and change what must stay true of a tenant as a whole."""
    unit.execute(_LOCK_TENANT, {"tenant_id": tenant_id})


def count_administrators(reader: Reader, tenant_id: int, role_id: int, path: str) -> int:
    """Enabled local users with a live rule for `role_id` at `path` or for the whole system."""
    return reader.scalar(_ADMINISTRATORS, {"tenant_id": tenant_id, "role_id": role_id, "path": path})
