"""Token requests by grant: one module per grant, one table that names them.

Every dialect of the token call (api.token, api.oidc) is a parser that ends here, so the same credentials
are good at all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from runplane.server.core.errors import DomainError, GrantRefused
from runplane.server.core.turns import callers_of
from runplane.server.identity.grants import (
    authorization_code,
    client_credentials,
    device_code,
    password,
    refresh_token,
    token_exchange,
)
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import Issued, TokenRequest
from runplane.server.identity.trusts.wire import TOKEN_EXCHANGE

Grant = Callable[[Identity, TokenRequest], Awaitable[Issued]]

GRANTS: Final[Mapping[str, Grant]] = MappingProxyType(
    {
        "client_credentials": client_credentials.grant,
        # the older name for the same thing
        "app_token": client_credentials.grant,
        "password": password.grant,
        "refresh_token": refresh_token.grant,
        "authorization_code": authorization_code.grant,
        # the older name for the same thing, in the JSON dialect
        "exchange_token": authorization_code.grant,
        device_code.DEVICE_CODE: device_code.grant,
        TOKEN_EXCHANGE: token_exchange.grant,
        # the same in the JSON dialect
        "external_token_exchange": token_exchange.grant,
    }
)

# Those that wait for their turn before they sign. The others would lose what they have stored by then.
_PACED: Final = (client_credentials.grant, token_exchange.grant)


async def issue(identity: Identity, request: TokenRequest) -> Issued:
    """Answer a token request. Raises GrantRefused, or Throttled and Unavailable with a time to wait."""
    grant = GRANTS.get(request.grant)
    if grant is not None:
        # a long name is that of a standard; its last word tells them apart
        name = request.grant.rpartition(":")[2]
        try:
            issued = await grant(identity, request)
        except DomainError as error:
            reason = getattr(error, "error", "") or type(error).__name__.lower()
            identity.counts.refused(name, request.url, reason)
            raise
        if grant not in _PACED:
            identity.lanes.pace.proved(callers_of(request.realm.tenant_id))
        identity.counts.issued(name, request.url)
        return issued
    identity.counts.refused("", request.url, "unsupported_grant_type")
    # those with long names come from programs, which do not misspell them
    short = ", ".join(it for it in GRANTS if ":" not in it)
    raise GrantRefused(
        "unsupported_grant_type", f"There is no grant {request.grant[:60]!r}; use one of: {short}."
    )
