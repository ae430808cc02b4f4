"""Opening, finding, prolonging and ending the session that a browser holds in a cookie.

The cookie opens nothing but these few calls. Everything else takes an access token, which they hand out for
minutes, so that no page of another origin can act with what the browser sends by itself (ADR 0024). Under the
cookie lies a row of `sessions` as after any sign-in: what ends those (a new password, a disabled or deleted
person, an administrator) ends this one, and its access tokens with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from runplane.server.audit.journal import Note
from runplane.server.core.clock import Instant, to_epoch
from runplane.server.core.errors import Conflict, Forbidden, Invalid, Unauthenticated
from runplane.server.core.secrets import SESSION_PREFIX, digest, new_secret
from runplane.server.http.call import Call
from runplane.server.identity.browser.request import (
    csrf_token,
    require_csrf_token,
    require_same_origin,
    session_cookie,
)
from runplane.server.identity.browser.store import (
    insert_browser_session,
    select_browser_session,
    touch_browser_session,
)
from runplane.server.identity.grants.password import check_password, enter, require_credentials
from runplane.server.identity.people import own_password
from runplane.server.identity.realms import Realm
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import end_session, store_session
from runplane.server.identity.store import select_user
from runplane.server.identity.tokens import TokenRequest, person_tokens
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

# The OAuth client of a browser's session. It is none that a refresh token or a password grant could name.
CONSOLE_CLIENT: Final = "runplane-console"
# Seconds. What a script could steal from the page is worthless soon after.
TOKEN_SECONDS: Final = 300
# Seconds without use after which a session of a tenant ends; None for no such limit.
IdleLimit = Callable[[Reader, int], int | None]


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session that stands, and whose it is."""

    id: str
    user: UserRow
    realm: Realm
    expires_at: Instant
    last_active_at: Instant
    idle_seconds: int | None
    cookie: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        """What the console's script must send with a change."""
        return csrf_token(self.cookie)

    @property
    def ends_at(self) -> float:
        """When it ends if the person does nothing more, in seconds since 1970."""
        last = to_epoch(self.expires_at)
        return last if self.idle_seconds is None else min(last, self._idle_at(self.idle_seconds))

    def check(self, now: float) -> None:
        """Raises Unauthenticated when it is over at `now`."""
        if to_epoch(self.expires_at) <= now:
            raise Unauthenticated("Your session has reached its end; sign in again.", reason="expired")
        if self.ends_at <= now:
            raise Unauthenticated(
                "You were signed out because nothing was done for a while; sign in again.", reason="inactive"
            )

    def _idle_at(self, idle_seconds: int) -> float:
        return to_epoch(self.last_active_at) + idle_seconds


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and an access token of it, which lasts `expires_in` seconds."""

    session: BrowserSession
    access_token: str = field(repr=False)
    expires_in: int


class BrowserSessions:
    """What the rooms of the browser share, wired over the identity service."""

    def __init__(self, identity: Identity, idle_limit: IdleLimit) -> None:
        self._identity = identity
        self._idle_limit = idle_limit

    async def sign_in(self, request: TokenRequest, replaced: str) -> Opened:
        """Open a session for an e-mail address and password.

        `replaced` is the cookie that the browser sent, if any: its session ends, and no value that was there
        before ever becomes a session's. Raises GrantRefused and Throttled as the password grant does, and
        Forbidden for a temporary password, which must be changed first.
        """
        require_credentials(self._identity, request)
        user = await check_password(self._identity, request)
        if user.password_expires_at is not None:
            self._stopped(request, user, 403, "temporary password")
            raise Forbidden(
                "Your password is a temporary one; choose your own to go on.",
                extra={"reason": "password-change-required"},
            )
        session = await enter(
            self._identity, request, user, lambda unit: self._open(unit, request, user, replaced)
        )
        return self._token_of(session)

    async def choose_password(self, request: TokenRequest, new: str, replaced: str) -> Opened:
        """Replace a temporary password, which the request holds, by `new` and sign in.

        Raises what `sign_in` raises, Invalid for a new password that will not do, and Conflict when the
        password is no temporary one.
        """
        identity = self._identity
        require_credentials(identity, request)
        user = await check_password(identity, request)
        if user.password_expires_at is None:
            self._stopped(request, user, 409, "no temporary password")
            raise Conflict(
                "Your password is not a temporary one; sign in, then change it in your user settings."
            )
        try:
            own_password.check_new(identity, user, request.realm.name, new)
            change = await own_password.accepted(identity, user, request.password, new)
        except Invalid:
            self._stopped(request, user, 400, "new password refused")
            raise

        def job(unit: Unit) -> BrowserSession:
            changed = own_password.store_first(unit, change)
            note = Note("user", user.id, user.email, {"fields": "password"})
            origin = identity.sign_in_origin(request, user.email, "User")
            identity.journal.write(unit, origin, "update", 200, note)
            return self._open(unit, request, changed, replaced)

        return self._token_of(await enter(identity, request, user, job))

    async def current(self, call: Call[Any]) -> BrowserSession | None:
        """Whose browser sent a request, None when nobody is signed in there.

        Enough to show who that is. What changes something on the person's behalf asks `require`.
        """
        try:
            return await self._find(call)
        except Unauthenticated:
            return None

    async def require(self, call: Call[Any]) -> BrowserSession:
        """The session of a request that the console itself sent.

        Raises Forbidden for a request of another origin or without the session's token, and Unauthenticated
        with one of the reasons none, expired, inactive and ended.
        """
        self.require_console(call)
        return await self._find(call)

    def require_console(self, call: Call[Any]) -> None:
        """Refuse a request that the console did not send, or sent for another session. Raises Forbidden."""
        require_same_origin(call.request, self._identity.public_url)
        cookie = session_cookie(call.request)
        if cookie:
            require_csrf_token(call.request, cookie)

    async def renew(self, call: Call[Any], *, active: bool) -> Opened:
        """A new access token; `active` says that the person did something. Raises as `require` does."""
        session = await self.require(call)
        if active:

            def job(unit: Unit) -> BrowserSession:
                found = self._read(unit, session.realm, session.cookie)
                touch_browser_session(unit, found.id)
                return replace(found, last_active_at=unit.now)

            session = await self._identity.lanes.write(job)
        return self._token_of(session)

    async def end(self, request: TokenRequest, cookie: str) -> None:
        """End the session of a cookie, with its tokens. One that is over already is no error."""
        if cookie:
            await self._identity.lanes.write(lambda unit: self._end(unit, request, cookie))

    def _stopped(self, request: TokenRequest, user: UserRow, status: int, reason: str) -> None:
        """Record a right password that signs nobody in: it may be somebody who has just guessed it."""
        note = Note("user", user.id, user.email, {"reason": reason})
        self._identity.record_sign_in(request, user.email, "User", status, note)

    async def _find(self, call: Call[Any]) -> BrowserSession:
        cookie = session_cookie(call.request)
        if not cookie:
            raise Unauthenticated("Nobody is signed in here; sign in.", reason="none", challenge_error=None)
        realm = await self._identity.realm_for(call.request.header(b"host"))
        return await self._identity.lanes.look(lambda reader: self._read(reader, realm, cookie))

    def _read(self, reader: Reader, realm: Realm, cookie: str) -> BrowserSession:
        row = select_browser_session(reader, realm.tenant_id, digest(cookie))
        user = select_user(reader, realm.tenant_id, row[1]) if row is not None else None
        standing = user is not None and user.enabled and user.password_expires_at is None
        if row is None or user is None or not standing or row[3] is not None:
            raise Unauthenticated("You were signed out; sign in again.", reason="ended")
        idle = self._idle_limit(reader, realm.tenant_id)
        session = BrowserSession(row[0], user, realm, Instant(row[2]), Instant(row[4]), idle, cookie)
        session.check(self._identity.clock.epoch())
        return session

    def _open(self, unit: Unit, request: TokenRequest, user: UserRow, replaced: str) -> BrowserSession:
        if replaced:
            self._end(unit, request, replaced)
        cookie = new_secret(SESSION_PREFIX)
        seconds = self._identity.rules.browser_seconds
        session_id, expires_at = store_session(unit, user, CONSOLE_CLIENT, seconds)
        insert_browser_session(unit, digest(cookie), session_id)
        idle = self._idle_limit(unit, user.tenant_id)
        return BrowserSession(session_id, user, request.realm, expires_at, unit.now, idle, cookie)

    def _end(self, unit: Unit, request: TokenRequest, cookie: str) -> None:
        row = select_browser_session(unit, request.realm.tenant_id, digest(cookie))
        if row is not None:
            end_session(self._identity, unit, request, row[0])

    def _token_of(self, session: BrowserSession) -> Opened:
        now = self._identity.clock.epoch()
        # Never beyond the session's own end: when it is over by time, so is every token of it.
        left = max(1, int(session.ends_at - now))
        lifetime = min(self._identity.rules.token_seconds, TOKEN_SECONDS, left)
        tokens = person_tokens(session.realm, session.user, CONSOLE_CLIENT, session.id, now, lifetime)
        return Opened(session, tokens.access_token, tokens.expires_in)
