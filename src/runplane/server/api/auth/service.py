"""Introspection (RFC 7662) and revocation (RFC 7009) of the tokens of one realm.

Both begin with the client: nobody may find out by trying whether a token is good. Who asks about a token may
be any client of the realm or anybody signed in to it; who revokes one must be the client it was issued to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runplane.server.audit.journal import Note
from runplane.server.core.clock import Instant, to_epoch
from runplane.server.core.errors import GrantRefused, Unauthenticated
from runplane.server.core.secrets import REFRESH_PREFIX, digest
from runplane.server.identity.grants import client_credentials
from runplane.server.identity.logins.public_clients import PUBLIC_CLIENTS
from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity
from runplane.server.identity.store import (
    insert_revoked_token,
    revoke_session,
    select_refresh_token,
    select_session,
    select_session_scope,
    select_user,
)
from runplane.server.identity.tokens import ACCESS_CLASS, TokenRequest
from runplane.server.identity.verify import Claims
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

Members = dict[str, Any]


def required_token(form: Mapping[str, str]) -> str:
    """The token a request is about. Raises GrantRefused."""
    token = form.get("token", "")
    if not token:
        raise GrantRefused("invalid_request", "Send the token in the parameter token.")
    return token


async def admit_bearer(identity: Identity, realm: Realm, token: str) -> None:
    """Let anybody ask who is signed in to this realm. Raises GrantRefused."""
    try:
        principal = await identity.authenticator.authenticate(token.encode("latin-1"))
    except Unauthenticated as error:
        raise GrantRefused("invalid_client", error.message, challenge=True) from error
    if principal.tenant_id != realm.tenant_id:
        raise GrantRefused("invalid_client", "The token belongs to another realm.", challenge=True)
    if principal.only is not None:
        raise GrantRefused(
            "unauthorized_client",
            "This token was given for changing a temporary password and can do nothing else.",
        )


async def admit_client(identity: Identity, request: TokenRequest) -> None:
    """Let a client of this realm ask that proves itself with its secret. Raises GrantRefused."""
    if not request.client_id or not request.client_secret:
        raise GrantRefused(
            "invalid_client", "Authenticate with a client id and its secret, or with a token.", challenge=True
        )
    await client_credentials.authenticate(identity, request, identity.book.now())


async def introspect(identity: Identity, realm: Realm, token: str) -> Members | None:
    """The members that describe a token of this realm which is accepted now; None for any other text."""
    if _is_refresh_token(token):
        return await identity.book.read(lambda reader: _describe_refresh(identity, reader, realm, token))
    claims = await _accepted(identity, realm, token)
    # The verifier forgives clocks that differ; whoever asks here compares `exp` with a clock of its own.
    if claims is None or claims.exp <= identity.clock.epoch():
        return None
    found: Members = {
        "token_type": ACCESS_CLASS,
        "scope": claims.scope,
        "client_id": claims.client_id,
        "username": claims.preferred_username,
        "sub": claims.sub,
        "aud": list(claims.aud),
        "iss": claims.iss,
        "exp": claims.exp,
        "iat": claims.iat,
        "nbf": claims.nbf,
        "jti": claims.jti,
        "tenant_id": claims.tenant_id,
    }
    return {**found, "sid": claims.sid} if claims.sid else found


async def client_of_revocation(identity: Identity, request: TokenRequest) -> str:
    """The client that wants to revoke. Raises GrantRefused for one that cannot prove or name itself."""
    if request.client_id in PUBLIC_CLIENTS and not request.client_secret:
        return request.client_id
    if not request.client_secret:
        raise GrantRefused(
            "invalid_client",
            f"Authenticate the client, or send one of the client ids {', '.join(sorted(PUBLIC_CLIENTS))}.",
            challenge=True,
        )
    credential, _ = await client_credentials.authenticate(identity, request, identity.book.now())
    return credential.client.client_id


async def revoke(identity: Identity, request: TokenRequest, client_id: str, token: str) -> None:
    """End a token. One that is unknown, or has ended already, is no error (RFC 7009 section 2.2).

    A refresh token takes its session with it, and so every access token of that session. Raises GrantRefused
    for the token of another client and for a kind of token that cannot be revoked.
    """
    if _is_refresh_token(token):
        await identity.lanes.write(lambda unit: _end_session(identity, unit, request, client_id, token))
        return
    claims = await _accepted(identity, request.realm, token, revoking=True)
    if claims is None:
        return
    _require_owner(claims.client_id, client_id)

    def job(unit: Unit) -> None:
        if not insert_revoked_token(unit, request.realm.tenant_id, claims.jti, claims.exp):
            return
        unit.changed(request.realm.tenant_id)
        origin = identity.sign_in_origin(
            request, claims.preferred_username, "User" if claims.email else "App"
        )
        identity.journal.write(unit, origin, "sign-out", 200, Note("token", claims.jti))

    await identity.lanes.write(job)


def _is_refresh_token(token: str) -> bool:
    return token.startswith(f"{REFRESH_PREFIX}_")


async def _accepted(identity: Identity, realm: Realm, token: str, *, revoking: bool = False) -> Claims | None:
    try:
        claims = await identity.authenticator.check(token.encode("utf-8", "surrogatepass"))
    except Unauthenticated as error:
        # Signed by this realm and no access token: that leaves ID tokens.
        if revoking and error.reason in ("wrong_class", "wrong_audience"):
            raise GrantRefused(
                "unsupported_token_type", "An ID token cannot be revoked; revoke the refresh token instead."
            ) from error
        return None
    return claims if claims.iss == realm.issuer else None


def _describe_refresh(identity: Identity, reader: Reader, realm: Realm, token: str) -> Members | None:
    row = select_refresh_token(reader, digest(token))
    if row is None:
        return None
    session_id, used_at, expires_at = row
    session = select_session(reader, realm.tenant_id, session_id)
    if session is None:
        return None
    user_id, revoked_at, session_expires_at, client_id = session
    user = select_user(reader, realm.tenant_id, user_id)
    now = identity.book.now()
    if used_at is not None or revoked_at is not None or min(expires_at, session_expires_at) <= now:
        return None
    if user is None or not user.enabled or user.password_expires_at is not None:
        return None
    return {
        # Not "Bearer": a resource server must not take it for an access token.
        "token_type": "refresh_token",
        "client_id": client_id,
        "username": user.email,
        "sub": user.id,
        # Only the realm itself takes a refresh token.
        "aud": [realm.issuer],
        "iss": realm.issuer,
        "exp": int(to_epoch(Instant(expires_at))),
        "sid": session_id,
        "tenant_id": str(realm.tenant_id),
        **({"scope": scope} if (scope := select_session_scope(reader, session_id)) else {}),
    }


def _end_session(identity: Identity, unit: Unit, request: TokenRequest, client_id: str, token: str) -> None:
    tenant_id = request.realm.tenant_id
    row = select_refresh_token(unit, digest(token))
    session = select_session(unit, tenant_id, row[0]) if row is not None else None
    if row is None or session is None:
        return
    user_id, revoked_at, _, owner = session
    _require_owner(owner, client_id)
    if revoked_at is not None:
        return
    revoke_session(unit, row[0])
    unit.changed(tenant_id)
    user = select_user(unit, tenant_id, user_id)
    origin = identity.sign_in_origin(request, user.email if user else "", "User")
    identity.journal.write(unit, origin, "sign-out", 200, Note("session", row[0]))


def _require_owner(owner: str, client_id: str) -> None:
    if owner != client_id:
        raise GrantRefused("invalid_grant", "The token was issued to another client.")
