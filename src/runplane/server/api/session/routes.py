"""/api/v1/session: the only addresses at which the console's cookie means anything.

All are open to everybody because the cookie is no bearer token: the handlers check it, together with the
origin and the token against forged requests (identity.browser). All run on the event loop, where slow hashing
finds its own threads, and record themselves in the audit log as the token calls do.
"""

from __future__ import annotations

from typing import Any

from runplane import __version__
from runplane.server.api.session.logins import add_logins
from runplane.server.api.session.wire import (
    FirstPasswordIn,
    SessionIn,
    SessionOptionsOut,
    SessionOut,
    SessionTokenIn,
    SignInLogoOut,
    present,
)
from runplane.server.authz.guard import public
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operation, Operations, Reply
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.browser import BrowserSessions, Opened
from runplane.server.identity.browser.request import (
    clear_cookies,
    keeps_secure_cookies,
    require_same_origin,
    session_cookie,
    set_cookies,
)
from runplane.server.identity.dialects import request_of_json
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import TokenRequest
from runplane.server.organization.settings import logo, security
from runplane.server.sql.prepared import Reader

_OPEN = public("it is how one signs in; same origin only, throttled per account and per source")
_BY_COOKIE = public("the handler takes the browser's session, same origin and with its own token only")
_RECORDED = NotAudited("identity.browser records each sign-in and sign-out, with its own subject")


def operations(identity: Identity, browsers: BrowserSessions) -> list[Operation]:
    """The life of a browser's session."""
    ops = Operations("/api/v1/session", tag="Sessions")
    _add_options(ops, identity)
    _add_sign_in(ops, identity, browsers)
    _add_session(ops, identity, browsers)
    add_logins(ops, identity, browsers, _BY_COOKIE)
    return ops.items


def _add_options(ops: Operations, identity: Identity) -> None:
    @ops.get(
        "/options",
        allow=public("the sign-in page shows it: names, the tenant's logo, which ways in there are"),
        mode=Mode.LOOP,
        reply=SessionOptionsOut,
        extension=True,
    )
    async def get_session_options(call: Call[Any]) -> SessionOptionsOut:
        """Get what the sign-in page shows

        The tenant is the one that the host names, as in acme.example.com; otherwise the first.
        """
        realm = await identity.realm_for(call.request.header(b"host"))

        def look(reader: Reader) -> tuple[tuple[str, str] | None, int | None]:
            return logo.get_picture(reader, realm.tenant_id), security.idle_seconds(reader, realm.tenant_id)

        picture, idle = await identity.lanes.look(look)
        return SessionOptionsOut(
            tenant=realm.name,
            realm=realm.name,
            product="runplane",
            version=__version__,
            local_sign_in=identity.rules.password_grant,
            identity_providers=[],
            logo=None if picture is None else SignInLogoOut(media_type=picture[0], data=picture[1]),
            inactivity_seconds=idle,
            secure_context_needed=not keeps_secure_cookies(call.request, identity.public_url),
        )


def _add_sign_in(ops: Operations, identity: Identity, browsers: BrowserSessions) -> None:
    @ops.post(
        "",
        allow=_OPEN,
        mode=Mode.LOOP,
        body=SessionIn,
        reply=SessionOut,
        audit=_RECORDED,
        refuses=(403, 429),
        extension=True,
    )
    async def create_session(call: Call[SessionIn]) -> Reply:
        """Sign in with a browser

        Sets the cookies of the session. A temporary password gets 403 with the reason
        `password-change-required`.
        """
        require_same_origin(call.request, identity.public_url)
        request = await _request(identity, call, call.body.email, call.body.password)
        return _entered(await browsers.sign_in(request, session_cookie(call.request)))

    @ops.post(
        "/password",
        allow=_OPEN,
        mode=Mode.LOOP,
        body=FirstPasswordIn,
        reply=SessionOut,
        audit=_RECORDED,
        refuses=(403, 429),
        extension=True,
    )
    async def replace_temporary_password(call: Call[FirstPasswordIn]) -> Reply:
        """Replace a temporary password and sign in with a browser"""
        require_same_origin(call.request, identity.public_url)
        request = await _request(identity, call, call.body.email, call.body.password)
        replaced = session_cookie(call.request)
        return _entered(await browsers.choose_password(request, call.body.new_password, replaced))


def _add_session(ops: Operations, identity: Identity, browsers: BrowserSessions) -> None:
    @ops.post(
        "/token",
        allow=_BY_COOKIE,
        mode=Mode.LOOP,
        body=SessionTokenIn,
        reply=SessionOut,
        audit=NotAudited("it changes nothing but the instant of the last use"),
        refuses=(401, 403),
        extension=True,
    )
    async def renew_session_token(call: Call[SessionTokenIn]) -> Reply:
        """Get the next access token of a browser's session

        A 401 has one of the reasons `none`, `expired`, `inactive` and `ended`.
        """
        return Reply(present(await browsers.renew(call, active=call.body.active)), headers=NO_STORE)

    @ops.delete(
        "",
        allow=_BY_COOKIE,
        mode=Mode.LOOP,
        status=204,
        audit=_RECORDED,
        refuses=(403,),
        extension=True,
    )
    async def delete_session(call: Call[Any]) -> Reply:
        """Sign out with a browser

        Ends the session, its access tokens and its refresh tokens. Succeeds also when it is over already.
        """
        browsers.require_console(call)
        await browsers.end(await _request(identity, call), session_cookie(call.request))
        return Reply(headers=(*NO_STORE, *clear_cookies()))


async def _request(identity: Identity, call: Call[Any], email: str = "", password: str = "") -> TokenRequest:
    realm = await identity.realm_for(call.request.header(b"host"))
    return request_of_json(call, {"username": email, "password": password}, realm, "password")


def _entered(opened: Opened) -> Reply:
    return Reply(present(opened), headers=(*NO_STORE, *set_cookies(opened.session.cookie)))
