"""Token requests by grant: one module per grant, one table that names them.

Every dialect of the token call (api.token, api.oidc) is a parser that ends here, so the same credentials
are good at all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from runplane.server.core.errors import GrantRefused
from runplane.server.identity.grants import client_credentials, password, refresh_token
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import Issued, TokenRequest

Grant = Callable[[Identity, TokenRequest], Awaitable[Issued]]

GRANTS: Final[Mapping[str, Grant]] = MappingProxyType(
    {
        "client_credentials": client_credentials.grant,
        # the older name for the same thing
        "app_token": client_credentials.grant,
        "password": password.grant,
        "refresh_token": refresh_token.grant,
    }
)
# Part of the contract, waiting for single sign-on.
NOT_YET: Final = frozenset({"exchange_token", "external_token_exchange", "authorization_code"})


async def issue(identity: Identity, request: TokenRequest) -> Issued:
    """Answer a token request. Raises GrantRefused, or Throttled and Unavailable with a time to wait."""
    grant = GRANTS.get(request.grant)
    if grant is not None:
        return await grant(identity, request)
    if request.grant in NOT_YET:
        raise GrantRefused(
            "unsupported_grant_type",
            f"The grant {request.grant} needs single sign-on, which this server does not have yet; "
            "use client_credentials or password.",
        )
    raise GrantRefused(
        "unsupported_grant_type",
        f"There is no grant {request.grant[:60]!r}; use one of: {', '.join(GRANTS)}.",
    )
