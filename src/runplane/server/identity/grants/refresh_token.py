"""refresh_token: the next pair of tokens for a session, against a token that is then spent."""

from __future__ import annotations

from dataclasses import dataclass

from runplane.server.authz.narrowing import TokenScope
from runplane.server.core.clock import Instant, to_epoch
from runplane.server.core.errors import GrantRefused
from runplane.server.core.secrets import digest
from runplane.server.identity.records import UserRow
from runplane.server.identity.scopes import check_person, read_scope, shrunk_scope
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import end_session, next_refresh_token
from runplane.server.identity.store import (
    select_refresh_token,
    select_session,
    select_session_scope,
    select_user,
    spend_refresh_token,
)
from runplane.server.identity.tokens import Issued, TokenRequest, person_tokens
from runplane.server.sql.unit import Unit


@dataclass(frozen=True, slots=True)
class _Spent:
    user: UserRow
    session_id: str
    client_id: str
    refresh_token: str
    scope: str
    # whole seconds until the session is over: no token outlives it
    left: int


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """New tokens for a session. The spent token's second use ends the session."""
    if not request.refresh_token:
        raise GrantRefused("invalid_request", "Send a refresh token.")
    asked = read_scope(request.scope)
    spent = await identity.lanes.write(lambda unit: _spend(identity, unit, request, asked))
    if spent is None:
        raise GrantRefused(
            "invalid_grant", "The refresh token is unknown, expired or already used; sign in again."
        )
    tokens = person_tokens(
        request.realm,
        spent.user,
        spent.client_id,
        spent.session_id,
        identity.clock.epoch(),
        request.lifetime(min(identity.rules.token_seconds, spent.left)),
        spent.scope,
    )
    scope = spent.scope or None
    return Issued(tokens.access_token, tokens.expires_in, spent.refresh_token, tokens.id_token, scope)


def _spend(identity: Identity, unit: Unit, request: TokenRequest, asked: TokenScope) -> _Spent | None:
    # A refusal must not roll back what it found out, so this returns None instead of raising.
    tenant_id = request.realm.tenant_id
    key = digest(request.refresh_token)
    known = select_refresh_token(unit, key)
    session = select_session(unit, tenant_id, known[0]) if known is not None else None
    if known is None or session is None:
        return None
    session_id, (user_id, revoked_at, expires_at, client_id) = known[0], session
    if request.client_id and request.client_id != client_id:
        # Another client may not use the token, and not use it up for its owner either.
        return None
    # raises for a wider scope, and the token is not spent then; what is granted is only this token's scope,
    # the session keeps its own (RFC 6749 section 6)
    scope = shrunk_scope(unit, tenant_id, select_session_scope(unit, session_id), asked)
    if spend_refresh_token(unit, key) is None:
        _punish_reuse(identity, unit, request, key)
        return None
    user = select_user(unit, tenant_id, user_id)
    left = int(to_epoch(Instant(expires_at))) - int(to_epoch(unit.now))
    if (
        user is None
        or not user.enabled
        or user.password_expires_at is not None
        or revoked_at is not None
        or left < 1
    ):
        return None
    refresh = next_refresh_token(unit, session_id, Instant(expires_at), identity.rules)
    check_person(unit, user, asked)
    return _Spent(user, session_id, client_id, refresh, scope, left)


def _punish_reuse(identity: Identity, unit: Unit, request: TokenRequest, key: bytes) -> None:
    known = select_refresh_token(unit, key)
    if known is None or known[1] is None:
        return
    end_session(identity, unit, request, known[0], 400, "a spent refresh token came back")
