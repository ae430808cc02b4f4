"""password: a person's e-mail address and password, for the console and for deployed tools.

RFC 9700 forbids this grant and the contract needs it, so it comes with brakes: local users only, a switch to
turn it off, throttling per account and source, an audit row per attempt. Unknown, disabled, locked and wrong
give the same answer after the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from runplane.server.audit.journal import Note
from runplane.server.core.errors import GrantRefused
from runplane.server.core.secrets import scrub
from runplane.server.identity.authenticator import PASSWORD_CHANGE_SCOPE
from runplane.server.identity.logins.public_clients import PUBLIC_CLIENTS
from runplane.server.identity.records import UserRow
from runplane.server.identity.scopes import scope_of_person
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import open_session
from runplane.server.identity.store import select_user_by_email, update_user
from runplane.server.identity.throttle import throttled_account
from runplane.server.identity.tokens import (
    DEFAULT_PUBLIC_CLIENT,
    PASSWORD_CHANGE_SECONDS,
    Issued,
    TokenRequest,
    asked_for,
    person_tokens,
)
from runplane.server.sql.unit import Unit

T = TypeVar("T")


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """Tokens for a local user."""
    require_credentials(identity, request)
    client_id = public_client(request)
    user = await check_password(identity, request)
    temporary = user.password_expires_at is not None
    scope = PASSWORD_CHANGE_SCOPE if temporary else await scope_of_person(identity, request, user)
    session_id, refresh = await enter(
        identity, request, user, lambda unit: open_session(unit, user, client_id, identity.rules, scope)
    )
    tokens = person_tokens(
        request.realm,
        user,
        client_id,
        session_id,
        identity.clock.epoch(),
        request.lifetime(PASSWORD_CHANGE_SECONDS if temporary else identity.rules.token_seconds),
        scope,
    )
    return Issued(
        tokens.access_token,
        tokens.expires_in,
        refresh_token=None if temporary else refresh,
        id_token=tokens.id_token,
        scope=scope or None,
    )


def require_credentials(identity: Identity, request: TokenRequest) -> None:
    """Refuse a request without them, and any where people may not sign in so. Raises GrantRefused."""
    if not identity.rules.password_grant:
        raise GrantRefused(
            "unauthorized_client", "Signing in with a password is switched off on this server."
        )
    if not request.username or not request.password:
        raise GrantRefused("invalid_request", "Send a user name (the e-mail address) and a password.")


async def enter(
    identity: Identity, request: TokenRequest, user: UserRow, open_session: Callable[[Unit], T]
) -> T:
    """Sign in a person whose password was just right: `open_session` runs in the transaction that records it.

    Raises GrantRefused when the person or the password has changed since.
    """

    def job(unit: Unit) -> T:
        # raced by a change or reset of the password, or by a deletion: what was verified must still hold
        proved = {"epoch": user.epoch, "enabled": True, "password_hash": user.password_hash}
        if not update_user(unit, user.id, {"last_login": unit.now}, **proved):
            raise _wrong()
        opened = open_session(unit)
        origin = identity.sign_in_origin(request, user.email, "User")
        note = Note("user", user.id, user.email, asked_for(request))
        identity.journal.write(unit, origin, "sign-in", 200, note)
        return opened

    return await identity.lanes.write(job)


def public_client(request: TokenRequest) -> str:
    """The OAuth client a person signs in through. Raises GrantRefused for one we do not know."""
    client_id = request.client_id or DEFAULT_PUBLIC_CLIENT
    if client_id not in PUBLIC_CLIENTS:
        raise GrantRefused(
            "unauthorized_client",
            f"People sign in with one of the client ids {', '.join(sorted(PUBLIC_CLIENTS))}, or with none.",
        )
    return client_id


async def check_password(identity: Identity, request: TokenRequest) -> UserRow:
    """The local user whose password this is. Raises GrantRefused, the same for every reason."""
    email = request.username.strip().lower()
    account = throttled_account(request.realm.tenant_id, email)
    now = identity.monotonic()
    # raises Throttled for a source that tried too much; the wait is the same for every account
    admitted = identity.throttle.admit(account, request.source_ip, now)
    tenant_id = request.realm.tenant_id
    user = await identity.book.read(lambda reader: select_user_by_email(reader, tenant_id, email))
    usable = user is not None and admitted and user.is_local and user.enabled and _in_time(identity, user)
    stored = user.password_hash if user is not None and usable else None
    correct = await identity.slowly(identity.hasher.verify, request.password, stored)
    if user is None or not correct:
        identity.throttle.failed(account, request.source_ip, request.password, now)
        note = Note("user", user.id if user else "", user.email if user else "")
        # What is typed into the wrong field may be a secret; an address at least looks like one.
        subject = scrub(email) if "@" in email else ""
        identity.record_sign_in(request, subject, "User", 400, note)
        raise _wrong()
    identity.throttle.succeeded(account)
    return await _keep_current(identity, user, request.password)


def _in_time(identity: Identity, user: UserRow) -> bool:
    return user.password_expires_at is None or user.password_expires_at > identity.book.now()


async def _keep_current(identity: Identity, user: UserRow, password: str) -> UserRow:
    """Hash anew when the cost has been raised since; returns the row with the hash now stored."""
    if user.password_hash is None or not identity.hasher.needs_rehash(user.password_hash):
        return user
    fresh = await identity.slowly(identity.hasher.hash, password)
    values: dict[str, Any] = {"password_hash": fresh}
    stored = await identity.lanes.write(
        lambda unit: update_user(unit, user.id, values, password_hash=user.password_hash)
    )
    return replace(user, password_hash=fresh) if stored else user


def _wrong() -> GrantRefused:
    return GrantRefused("invalid_grant", "The e-mail address or the password is wrong.")
