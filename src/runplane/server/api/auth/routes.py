"""/auth/realms/{realm}/…: the token call of a realm, its metadata and keys, introspection and revocation.

The paths are those of the identity service that upstream ships, because API servers of Kubernetes, installers
and scripts have them written down. Metadata and keys may be cached for a while, everything else may not.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.auth import service
from runplane.server.api.auth.wire import (
    DiscoveryOut,
    IntrospectionOut,
    JwksOut,
    TokenQuestionIn,
    discovery,
    inactive_or,
)
from runplane.server.authz.guard import public
from runplane.server.core.errors import NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operation, Operations, Reply, Surface
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.dialects import (
    FormTokenIn,
    FormTokenOut,
    as_oauth,
    from_form,
    read_form,
    request_of_client,
)
from runplane.server.identity.grants import issue
from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity

_CACHED = ((b"cache-control", b"public, max-age=300"),)
_PROVES_ITSELF = public("the client authenticates in the request itself; throttled per source")
_OAUTH: dict[str, Any] = {
    "mode": Mode.LOOP,
    "surface": Surface.OAUTH,
    "raw_body": True,
    "extension": True,
}


def operations(identity: Identity) -> list[Operation]:
    """The operations of a realm."""
    ops = Operations("/auth/realms/{realm}", tag="OpenID Connect")
    _add_documents(ops, identity)
    _add_token_call(ops, identity)
    _add_introspection(ops, identity)
    _add_revocation(ops, identity)
    return ops.items


def _add_documents(ops: Operations, identity: Identity) -> None:
    @ops.get(
        "/.well-known/openid-configuration",
        allow=public("metadata names addresses and algorithms only"),
        mode=Mode.LOOP,
        reply=DiscoveryOut,
        extension=True,
    )
    async def get_openid_configuration(call: Call[Any]) -> Reply:
        """Get the metadata of a realm."""
        return Reply(discovery(identity, await _realm(identity, call)), headers=_CACHED)

    @ops.get(
        "/protocol/openid-connect/certs",
        allow=public("public keys are for everybody who verifies tokens"),
        mode=Mode.LOOP,
        reply=JwksOut,
        extension=True,
    )
    async def get_realm_keys(call: Call[Any]) -> Reply:
        """Get the public keys of a realm."""
        return Reply((await _realm(identity, call)).jwks, headers=_CACHED)


def _add_token_call(ops: Operations, identity: Identity) -> None:
    @ops.post(
        "/protocol/openid-connect/token",
        allow=public("it is how one gets a token; throttled per account and per source"),
        audit=NotAudited("identity.grants records each attempt as a sign-in, with its own subject"),
        body=FormTokenIn,
        reply=FormTokenOut,
        **_OAUTH,
    )
    async def grant_realm_token(call: Call[Any]) -> Reply:
        """Get a token of a realm with an OAuth 2.0 request."""
        return as_oauth(await issue(identity, from_form(call, await _realm(identity, call))))


def _add_introspection(ops: Operations, identity: Identity) -> None:
    @ops.post(
        "/protocol/openid-connect/token/introspect",
        allow=_PROVES_ITSELF,
        writes=False,
        body=TokenQuestionIn,
        reply=IntrospectionOut,
        **_OAUTH,
    )
    async def introspect_token(call: Call[Any]) -> Reply:
        """Tell whether a token is accepted, and what it says.

        The caller authenticates as a client, with HTTP Basic or in the form, or with a token of its own.
        """
        realm = await _realm(identity, call)
        form = read_form(call)
        bearer = call.request.header(b"authorization")
        if bearer[:7].lower() == "bearer ":
            await service.admit_bearer(identity, realm, bearer[7:].strip())
        else:
            await service.admit_client(identity, request_of_client(call, form, realm))
        found = await service.introspect(identity, realm, service.required_token(form))
        return Reply(inactive_or(found), headers=NO_STORE)


def _add_revocation(ops: Operations, identity: Identity) -> None:
    @ops.post(
        "/protocol/openid-connect/revoke",
        allow=_PROVES_ITSELF,
        audit=NotAudited("service.revoke records a sign-out where there was something to end"),
        body=TokenQuestionIn,
        **_OAUTH,
    )
    async def revoke_token(call: Call[Any]) -> Reply:
        """Revoke a refresh token with its session, or one access token."""
        form = read_form(call)
        request = request_of_client(call, form, await _realm(identity, call))
        client_id = await service.client_of_revocation(identity, request)
        await service.revoke(identity, request, client_id, service.required_token(form))
        return Reply(headers=NO_STORE)


async def _realm(identity: Identity, call: Call[Any]) -> Realm:
    """The realm that the address names. Raises NotFound."""
    name = call.path["realm"]
    realm = identity.realms.by_name(name)
    if realm is None and identity.realms.reload_due():
        # another replica may have made it
        await identity.book.read(identity.realms.load)
        realm = identity.realms.by_name(name)
    if realm is None:
        raise NotFound("There is no such realm on this server.")
    return realm
