"""POST /api/v1/token (JSON, three historic shapes) and POST /api/v2/token (OAuth 2.0 form).

Both are parsers in front of `identity.grants`, so any credential is good at either.
"""

from __future__ import annotations

from typing import Any

from runplane.server.authz.guard import public
from runplane.server.http.call import Call
from runplane.server.http.operation import Mode, NotAudited, Operation, Operations, Reply, Surface
from runplane.server.identity.dialects import (
    FormTokenIn,
    FormTokenOut,
    TokenIn,
    TokenOut,
    as_json,
    as_oauth,
    from_form,
    from_json,
)
from runplane.server.identity.grants import issue
from runplane.server.identity.service import Identity

RECORDED = NotAudited("identity.grants records each attempt as a sign-in, with its own subject")
OPEN = public("it is how one gets a token; throttled per account and per source")


def operations(identity: Identity) -> list[Operation]:
    """The two current token calls."""
    ops = Operations("/api", tag="Tokens")

    @ops.post(
        "/v1/token",
        allow=OPEN,
        mode=Mode.LOOP,
        surface=Surface.TOKEN,
        body=TokenIn,
        reply=TokenOut,
        raw_body=True,
        audit=RECORDED,
    )
    async def grant_token(call: Call[Any]) -> Reply:
        """Get a token with a JSON request"""
        realm = await identity.realm_for(call.request.header(b"host"))
        return as_json(await issue(identity, from_json(call, realm)))

    @ops.post(
        "/v2/token",
        allow=OPEN,
        mode=Mode.LOOP,
        surface=Surface.OAUTH,
        body=FormTokenIn,
        reply=FormTokenOut,
        raw_body=True,
        audit=RECORDED,
    )
    async def grant_token_v2(call: Call[Any]) -> Reply:
        """Get a token with an OAuth 2.0 request"""
        realm = await identity.realm_for(call.request.header(b"host"))
        return as_oauth(await issue(identity, from_form(call, realm)))

    return ops.items
