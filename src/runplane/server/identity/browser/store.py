"""SQL of the sessions that browsers hold."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select, update

from runplane.server.identity.browser.tables import browser_sessions
from runplane.server.identity.tables import sessions
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_BY_DIGEST = Prepared(
    select(
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.expires_at,
        sessions.c.revoked_at,
        browser_sessions.c.last_active_at,
    )
    .select_from(browser_sessions.join(sessions, sessions.c.id == browser_sessions.c.session_id))
    .where(
        browser_sessions.c.digest == bindparam("digest"),
        # a cookie is good at the tenant it was got at only
        sessions.c.tenant_id == bindparam("tenant_id"),
    )
)


def insert_browser_session(unit: Unit, digest: bytes, session_id: str) -> None:
    """Store the digest of a cookie with its session; the person is active now."""
    unit.execute(
        insert(browser_sessions), {"digest": digest, "session_id": session_id, "last_active_at": unit.now}
    )


def select_browser_session(reader: Reader, tenant_id: int, digest: bytes) -> Row | None:
    """(session_id, user_id, expires_at, revoked_at, last_active_at) of a cookie."""
    return reader.one(_BY_DIGEST, {"digest": digest, "tenant_id": tenant_id})


def touch_browser_session(unit: Unit, session_id: str) -> None:
    """Note that the person is active now."""
    unit.execute(
        update(browser_sessions)
        .where(browser_sessions.c.session_id == session_id)
        .values(last_active_at=unit.now)
    )
