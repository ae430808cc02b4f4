"""authorization_code, and exchange_token of the JSON dialect: tokens for a code that a redirection brought.

PKCE is not optional: the clients have no secret, so the verifier is all that ties a code to the program that
asked for it (RFC 9700 section 2.1.1).
"""

from __future__ import annotations

from runplane.server.core.errors import GrantRefused
from runplane.server.identity.grants.password import public_client
from runplane.server.identity.logins.codes import exchange, require_verifier
from runplane.server.identity.logins.signed_in import issued_for
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import Issued, TokenRequest


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """Tokens of a session of the client's own. Raises GrantRefused, the same for every fault of the code."""
    if not request.code or not request.client_id or not request.redirect_uri:
        raise GrantRefused("invalid_request", "Send the code, the client id and the redirect URI.")
    public_client(request)
    require_verifier(request)
    found = await identity.lanes.write(lambda unit: exchange(identity, unit, request))
    if found is None:
        raise GrantRefused(
            "invalid_grant",
            "The code is unknown, expired, already used, or was given for another sign-in; sign in again.",
        )
    return issued_for(identity, request, found)
