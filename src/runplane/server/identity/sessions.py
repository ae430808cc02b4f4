"""A person's session: opened by a sign-in, carried on by refresh tokens, ended by sign-out or misuse.

A refresh token is spent once. One that comes back after it was spent was copied by somebody, so its whole
session ends, and with it the access tokens that name the session (RFC 9700 section 4.14).
"""

from __future__ import annotations

from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import REFRESH_PREFIX, digest, new_secret
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import IdentityRules
from runplane.server.identity.store import insert_refresh_token, insert_session
from runplane.server.sql.unit import Unit


def open_session(unit: Unit, user: UserRow, client_id: str, rules: IdentityRules) -> tuple[str, str]:
    """Store a new session; returns its id and its first refresh token."""
    session_id = new_id()
    expires_at = instant(to_epoch(unit.now) + rules.session_seconds)
    insert_session(
        unit,
        {
            "id": session_id,
            "tenant_id": user.tenant_id,
            "user_id": user.id,
            "client_id": client_id,
            "created_at": unit.now,
            "expires_at": expires_at,
        },
    )
    return session_id, next_refresh_token(unit, session_id, expires_at, rules)


def next_refresh_token(unit: Unit, session_id: str, session_expires_at: Instant, rules: IdentityRules) -> str:
    """Store and return a fresh refresh token; it never outlives the session."""
    token = new_secret(REFRESH_PREFIX)
    expires_at = min(instant(to_epoch(unit.now) + rules.refresh_seconds), session_expires_at)
    insert_refresh_token(unit, digest(token), session_id, expires_at)
    return token
