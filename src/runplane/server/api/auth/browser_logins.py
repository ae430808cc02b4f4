"""Where a sign-in in a browser begins: the authorization endpoint, and codes for machines without a browser.

Neither knows who the person is. They judge what a program asks for and hand over to the console, whose pages
ask the person (api.session); the browser's cookie means nothing here. A GET stores nothing: what it was asked
travels on in the address.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.auth.realm import realm_of
from runplane.server.api.auth.wire import DeviceCodesOut, DeviceIn
from runplane.server.authz.guard import public
from runplane.server.core.errors import GrantRefused
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operations, Reply, Surface
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.dialects import read_form, request_of_client
from runplane.server.identity.grants.password import public_client
from runplane.server.identity.logins import devices
from runplane.server.identity.logins.requests import Refused, read_request, seal
from runplane.server.identity.realms import Realm
from runplane.server.identity.scopes import read_scope
from runplane.server.identity.service import Identity

_ASK_A_PERSON = public("it sends the browser on to a page where a person signs in; it decides nothing")
# The next address holds what the program asked for, and no other site is to see it as a referrer.
_SENT_ON = (*NO_STORE, (b"referrer-policy", b"no-referrer"))


def add_browser_logins(ops: Operations, identity: Identity) -> None:
    """The operations under a realm's address."""
    _add_authorization(ops, identity)
    _add_devices(ops, identity)


def _add_authorization(ops: Operations, identity: Identity) -> None:
    @ops.get(
        "/protocol/openid-connect/auth",
        allow=_ASK_A_PERSON,
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        status=303,
        extension=True,
    )
    async def begin_authorization(call: Call[Any]) -> Reply:
        """Begin to sign in with a browser.

        Authorization code with PKCE (S256). Answers with the address of the page to open; a fault of the
        request goes to the client's redirect URI, except a wrong client or redirect URI.
        """
        return _sent_on(identity, await realm_of(identity, call), call.params)

    @ops.post(
        "/protocol/openid-connect/auth",
        allow=_ASK_A_PERSON,
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        raw_body=True,
        writes=False,
        status=303,
        extension=True,
    )
    async def begin_authorization_with_form(call: Call[Any]) -> Reply:
        """Begin to sign in with a browser, with the parameters in a form."""
        params = {name: [value] for name, value in read_form(call).items()}
        return _sent_on(identity, await realm_of(identity, call), params)


def _sent_on(identity: Identity, realm: Realm, params: dict[str, list[str]]) -> Reply:
    found = read_request(params, realm, identity.public_url, identity.clock.epoch())
    if isinstance(found, Refused):
        location = found.location
    else:
        location = f"{identity.public_url}/authorize?request={seal(identity.kek, found)}"
    return Reply(status=303, headers=(*_SENT_ON, (b"location", location.encode("ascii"))))


def _add_devices(ops: Operations, identity: Identity) -> None:
    @ops.post(
        "/protocol/openid-connect/auth/device",
        allow=public(
            "it gives codes that open nothing until a signed-in person approves; bounded per source"
        ),
        audit=NotAudited("nobody is signed in yet: the decision and the sign-in are recorded"),
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        raw_body=True,
        body=DeviceIn,
        reply=DeviceCodesOut,
        extension=True,
    )
    async def begin_device_login(call: Call[Any]) -> Reply:
        """Begin to sign in on a machine without a browser (RFC 8628).

        Show the person `user_code` and `verification_uri`, then ask the token endpoint every `interval`
        seconds.
        """
        form = read_form(call)
        request = request_of_client(call, form, await realm_of(identity, call))
        if not request.client_id:
            raise GrantRefused("invalid_request", "Send the client id.")
        public_client(request)
        scope = read_scope(request.scope).text
        codes = await identity.lanes.write(lambda unit: devices.start(unit, request, scope))
        page = f"{identity.public_url}/device"
        body = DeviceCodesOut(
            device_code=codes.device_code,
            user_code=codes.user_code,
            verification_uri=page,
            verification_uri_complete=f"{page}?user_code={codes.user_code}",
            expires_in=devices.DEVICE_SECONDS,
            interval=devices.INTERVAL_SECONDS,
        )
        return Reply(body, headers=NO_STORE)
