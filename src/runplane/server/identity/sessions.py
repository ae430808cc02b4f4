"""A person's session: opened by a sign-in, carried on by refresh tokens, ended by sign-out or misuse.

A refresh token is spent once. One that comes back after it was spent was copied by somebody, so its whole
session ends, and with it the access tokens that name the session (RFC 9700 section 4.14).
"""

from __future__ import annotations

from runplane.server.audit.journal import Note
from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import REFRESH_PREFIX, digest, new_secret
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity, IdentityRules
from runplane.server.identity.store import (
    insert_refresh_token,
    insert_session,
    revoke_session,
    select_session,
    select_user,
)
from runplane.server.identity.tokens import TokenRequest
from runplane.server.sql.unit import Unit


def open_session(
    unit: Unit, user: UserRow, client_id: str, rules: IdentityRules, scope: str = ""
) -> tuple[str, str]:
    """Store a new session, whose tokens are confined to `scope`; returns its id and first refresh token."""
    session_id, expires_at = store_session(unit, user, client_id, rules.session_seconds, scope)
    return session_id, next_refresh_token(unit, session_id, expires_at, rules)


def store_session(
    unit: Unit, user: UserRow, client_id: str, seconds: int, scope: str = ""
) -> tuple[str, Instant]:
    """Store a session without a refresh token that lasts `seconds`; returns its id and when it ends."""
    session_id = new_id()
    expires_at = instant(to_epoch(unit.now) + seconds)
    insert_session(
        unit,
        {
            "id": session_id,
            "tenant_id": user.tenant_id,
            "user_id": user.id,
            "client_id": client_id,
            "created_at": unit.now,
            "expires_at": expires_at,
            "scope": scope,
        },
    )
    return session_id, expires_at


def next_refresh_token(unit: Unit, session_id: str, session_expires_at: Instant, rules: IdentityRules) -> str:
    """Store and return a fresh refresh token; it never outlives the session."""
    token = new_secret(REFRESH_PREFIX)
    expires_at = min(instant(to_epoch(unit.now) + rules.refresh_seconds), session_expires_at)
    insert_refresh_token(unit, digest(token), session_id, expires_at)
    return token


def end_session(
    identity: Identity,
    unit: Unit,
    request: TokenRequest,
    session_id: str,
    status: int = 200,
    reason: str = "",
) -> None:
    """End a session of the request's realm with its tokens, and record it; one that is over is left alone.

    `status` tells the audit log whether that was asked for (200), or answered a misuse, for `reason`.
    """
    tenant_id = request.realm.tenant_id
    session = select_session(unit, tenant_id, session_id)
    if session is None or session[1] is not None:
        return
    revoke_session(unit, session_id)
    unit.changed(tenant_id)
    user = select_user(unit, tenant_id, session[0])
    origin = identity.sign_in_origin(request, user.email if user else "", "User")
    note = Note("session", session_id, metadata={"reason": reason} if reason else {})
    identity.journal.write(unit, origin, "sign-out", status, note)
