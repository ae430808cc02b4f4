"""What a program that signed somebody in asks about them, and how it signs them out again.

Sign-out takes an ID token as proof of whose session is meant; the proof may have expired, since people sign
out late (OpenID Connect RP-Initiated Logout 1.0 section 2). Without one, a page asks: any site could send a
browser here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from msgspec import UNSET

from runplane.server.api.auth.realm import realm_of
from runplane.server.api.auth.wire import UserInfoOut
from runplane.server.authz.guard import public, signed_in
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import Invalid, Unauthenticated
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operations, Reply, Surface
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.browser import BrowserSessions
from runplane.server.identity.browser.request import clear_cookies, session_cookie
from runplane.server.identity.dialects import read_form, request_of_client
from runplane.server.identity.logins.public_clients import (
    PUBLIC_CLIENTS,
    SIGNED_OUT_PAGE,
    takes_sign_out_redirect,
)
from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import end_session
from runplane.server.identity.verify import Claims

_OWN = signed_in("it tells the caller about the caller", scoped=True)
_WITH_PROOF = public("it ends the session that the ID token names; without one, a page asks the person")


def add_people(ops: Operations, identity: Identity, browsers: BrowserSessions) -> None:
    """The operations under a realm's address."""
    _add_user_info(ops, identity)
    _add_sign_out(ops, identity, browsers)


def _add_user_info(ops: Operations, identity: Identity) -> None:
    @ops.get(
        "/protocol/openid-connect/userinfo", allow=_OWN, mode=Mode.LOOP, reply=UserInfoOut, extension=True
    )
    async def get_user_info(call: Call[Any]) -> Reply:
        """Get whom the caller's token speaks for."""
        return await _user_info(identity, call)

    @ops.post(
        "/protocol/openid-connect/userinfo",
        allow=_OWN,
        mode=Mode.LOOP,
        writes=False,
        reply=UserInfoOut,
        extension=True,
    )
    async def get_user_info_by_post(call: Call[Any]) -> Reply:
        """Get whom the caller's token speaks for, asked with POST."""
        return await _user_info(identity, call)


async def _user_info(identity: Identity, call: Call[Any]) -> Reply:
    realm, who = await realm_of(identity, call), call.principal
    if realm.tenant_id != who.tenant_id:
        raise Unauthenticated("The token belongs to another realm.", reason="wrong_issuer")
    person = who.kind is SubjectKind.USER
    body = UserInfoOut(
        sub=who.id,
        preferred_username=who.name,
        tenant_id=str(who.tenant_id),
        email=who.name if person else UNSET,
        groups=list(who.groups) if person else UNSET,
    )
    return Reply(body, headers=NO_STORE)


def _add_sign_out(ops: Operations, identity: Identity, browsers: BrowserSessions) -> None:
    @ops.get(
        "/protocol/openid-connect/logout",
        allow=_WITH_PROOF,
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        status=303,
        extension=True,
    )
    async def end_realm_session(call: Call[Any]) -> Reply:
        """Sign somebody out, and the browser that asks.

        `id_token_hint` names the session; `post_logout_redirect_uri` must be one of its client.
        """
        repeated = [name for name, values in call.params.items() if len(values) > 1]
        if repeated:
            raise Invalid(f"{repeated[0][:60]} may be given once only.")
        return await _sign_out(identity, browsers, call, {name: it[0] for name, it in call.params.items()})

    @ops.post(
        "/protocol/openid-connect/logout",
        allow=_WITH_PROOF,
        audit=NotAudited("identity.sessions records a sign-out where there was something to end"),
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        raw_body=True,
        status=303,
        extension=True,
    )
    async def end_realm_session_with_form(call: Call[Any]) -> Reply:
        """Sign somebody out, with the parameters in a form."""
        return await _sign_out(identity, browsers, call, read_form(call))


async def _sign_out(
    identity: Identity, browsers: BrowserSessions, call: Call[Any], given: Mapping[str, str]
) -> Reply:
    realm = await realm_of(identity, call)
    claims = _hinted(realm, given.get("id_token_hint", ""))
    if claims is None:
        # no proof, so nothing is ended and nobody sent anywhere but to the page that asks
        return _to(f"{identity.public_url}/sign-out")
    target = _target(identity, claims, given)
    request = request_of_client(call, {"client_id": claims.client_id}, realm)
    if claims.sid:
        await identity.lanes.write(lambda unit: end_session(identity, unit, request, claims.sid))
    session = await browsers.current(call)
    if session is None or session.user.id != claims.sub:
        return _to(target)
    await browsers.end(request, session_cookie(call.request))
    return _to(target, *clear_cookies())


def _hinted(realm: Realm, token: str) -> Claims | None:
    if not token:
        return None
    try:
        return realm.verifier.identify(token)
    except Unauthenticated as error:
        raise Invalid(f"The id_token_hint does not hold: {error.message}") from error


def _target(identity: Identity, claims: Claims, given: Mapping[str, str]) -> str:
    """Where the browser goes afterwards. Raises Invalid for an address the client may not name."""
    if given.get("client_id", claims.client_id) != claims.client_id:
        raise Invalid("The ID token was issued to another client.")
    wanted = given.get("post_logout_redirect_uri", "")
    if not wanted:
        return f"{identity.public_url}{SIGNED_OUT_PAGE}"
    if not takes_sign_out_redirect(PUBLIC_CLIENTS.get(claims.client_id), wanted, identity.public_url):
        raise Invalid("The client may not send people there after signing out: post_logout_redirect_uri.")
    return f"{wanted}?{urlencode({'state': given['state']})}" if given.get("state") else wanted


def _to(location: str, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status=303, headers=(*NO_STORE, *headers, (b"location", location.encode("ascii"))))
