"""/v1/k8s/auth/…: the two oldest ways to get a token, for scripts that were never changed.

They speak snake case and end in the same grants as every other dialect, so credentials, throttling and the
lifetime of tokens are the same. An application was known by an id and a name; whichever of the two names a
credential with this secret is taken.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from runplane.server.audit.ledger import Caller
from runplane.server.authz.guard import public
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operation, Operations, Surface
from runplane.server.identity.dialects import folded_json, request_of_json, token_reply
from runplane.server.identity.grants import issue
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import TokenRequest

_TOKEN_CALL: dict[str, Any] = {
    "allow": public("it is how one gets a token; throttled per account and per source"),
    "audit": NotAudited("identity.grants records each attempt as a sign-in, with its own subject"),
    "mode": Mode.LOOP,
    "surface": Surface.TOKEN,
    "raw_body": True,
    "deprecated": True,
    "successor": "/api/v2/token",
}


class LoginIn(msgspec.Struct):
    """A person's e-mail address and password."""

    email: str
    password: str


class LoginOut(msgspec.Struct):
    """A token for a person. `expires_in` is in seconds."""

    tenant_id: int
    access_token: str
    token_type: str
    expires_in: int


class AppTokenIn(msgspec.Struct):
    """An application, named by its id (or client id) and its name, and its secret."""

    id: str
    name: str
    secret: str


class AppTokenOut(msgspec.Struct):
    """A token for an application."""

    access_token: str
    id_token: str


def operations(identity: Identity) -> list[Operation]:
    """The two oldest token calls."""
    ops = Operations("/v1/k8s/auth", tag="Tokens")

    @ops.post("/login", body=LoginIn, reply=LoginOut, extension=True, id="legacy_login", **_TOKEN_CALL)
    async def legacy_login(call: Call[Any]) -> Any:
        """Sign a person in."""
        realm = await identity.realm_for(call.request.header(b"host"))
        request = request_of_json(call, folded_json(call), realm, "password")
        issued = await issue(identity, request)
        call.proved_by(Caller(realm.tenant_id, "user", request.username.lower(), request.username))
        body = LoginOut(realm.tenant_id, issued.access_token, "bearer", issued.expires_in)
        return token_reply(body, issued)

    @ops.post("/oauth/apptoken", body=AppTokenIn, reply=AppTokenOut, **_TOKEN_CALL)
    async def app_token(call: Call[Any]) -> Any:
        """Get a token for an application."""
        members = folded_json(call)
        realm = await identity.realm_for(call.request.header(b"host"))
        request = request_of_json(call, members, realm, "app_token")
        request = replace(
            request,
            client_id=await _identifier(identity, request, members.get("id", ""), members.get("name", "")),
            client_secret=members.get("secret", ""),
            openid=True,
        )
        issued = await issue(identity, request)
        tenant_id, client_id = request.realm.tenant_id, request.client_id
        call.proved_by(Caller(tenant_id, "service-account", client_id, client_id))
        return token_reply(AppTokenOut(issued.access_token, issued.id_token or ""), issued)

    return ops.items


async def _identifier(identity: Identity, request: TokenRequest, app_id: str, name: str) -> str:
    """Which of id and name is known. The name of an access key is not: only its owner tells it apart."""
    if app_id and await identity.book.find(request.realm.tenant_id, app_id) is not None:
        return app_id
    return name or app_id
