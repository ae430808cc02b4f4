"""/auth/realms/{realm}/…: a realm as an OpenID provider, from its metadata to its token call and sign-out.

The paths are those of the identity service that upstream ships, because API servers of Kubernetes, installers
and scripts have them written down. Metadata and keys may be cached for a while, everything else may not.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.auth import service
from runplane.server.api.auth.browser_logins import add_browser_logins
from runplane.server.api.auth.people import add_people
from runplane.server.api.auth.realm import realm_of
from runplane.server.api.auth.wire import (
    DiscoveryOut,
    IntrospectionOut,
    JwksOut,
    TokenQuestionIn,
    discovery,
    inactive_or,
)
from runplane.server.authz.guard import public
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operation, Operations, Reply, Surface
from runplane.server.http.problems import NO_STORE
from runplane.server.identity.browser import BrowserSessions
from runplane.server.identity.dialects import (
    FormTokenIn,
    FormTokenOut,
    as_oauth,
    from_form,
    read_form,
    request_of_client,
)
from runplane.server.identity.grants import issue
from runplane.server.identity.service import Identity

_PROVES_ITSELF = public("the client authenticates in the request itself; throttled per source")
_OAUTH: dict[str, Any] = {
    "mode": Mode.LOOP,
    "surface": Surface.OAUTH,
    "raw_body": True,
    "extension": True,
}


def operations(identity: Identity, browsers: BrowserSessions) -> list[Operation]:
    """The operations of a realm."""
    ops = Operations("/auth/realms/{realm}", tag="OpenID Connect")
    _add_documents(ops, identity)
    _add_token_call(ops, identity)
    _add_introspection(ops, identity)
    _add_revocation(ops, identity)
    add_browser_logins(ops, identity)
    add_people(ops, identity, browsers)
    return ops.items


def _add_documents(ops: Operations, identity: Identity) -> None:
    def cached() -> tuple[tuple[bytes, bytes], ...]:
        return ((b"cache-control", b"public, max-age=%d" % identity.rules.keys_kept_seconds),)

    @ops.get(
        "/.well-known/openid-configuration",
        allow=public("metadata names addresses and algorithms only"),
        mode=Mode.LOOP,
        reply=DiscoveryOut,
        extension=True,
    )
    async def get_openid_configuration(call: Call[Any]) -> Reply:
        """Get the metadata of a realm."""
        return Reply(discovery(identity, await realm_of(identity, call)), headers=cached())

    @ops.get(
        "/protocol/openid-connect/certs",
        allow=public("public keys are for everybody who verifies tokens"),
        mode=Mode.LOOP,
        reply=JwksOut,
        extension=True,
    )
    async def get_realm_keys(call: Call[Any]) -> Reply:
        """Get the public keys of a realm."""
        return Reply((await realm_of(identity, call)).jwks, headers=cached())


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
        return as_oauth(await issue(identity, from_form(call, await realm_of(identity, call))))


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
        realm = await realm_of(identity, call)
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
        request = request_of_client(call, form, await realm_of(identity, call))
        client_id = await service.client_of_revocation(identity, request)
        await service.revoke(identity, request, client_id, service.required_token(form))
        return Reply(headers=NO_STORE)
