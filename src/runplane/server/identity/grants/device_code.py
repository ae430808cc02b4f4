"""urn:ietf:params:oauth:grant-type:device_code: tokens for a machine that a person let in elsewhere.

The four refusals of RFC 8628 section 3.5 are how this grant normally answers: the machine asks until a person
has decided.
"""

from __future__ import annotations

from typing import Final

from runplane.server.core.errors import GrantRefused
from runplane.server.identity.grants.password import public_client
from runplane.server.identity.logins.devices import Waiting, ask
from runplane.server.identity.logins.signed_in import issued_for
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import Issued, TokenRequest

DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"

_SENTENCES: Final = {
    Waiting.PENDING: "Nobody has decided yet; ask again after the interval.",
    Waiting.TOO_QUICK: "You ask too often; wait five seconds longer between two questions from now on.",
    Waiting.DENIED: "The sign-in was denied.",
    Waiting.EXPIRED: "Nobody entered the code in time; start again.",
    Waiting.UNKNOWN: "The device code is unknown, already used, or was given to another client; start again.",
}


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """Tokens of a session of the machine's own. Raises GrantRefused while, and if, there are none."""
    if not request.device_code or not request.client_id:
        raise GrantRefused("invalid_request", "Send the device code and the client id.")
    public_client(request)
    found = await identity.lanes.write(lambda unit: ask(identity, unit, request))
    if isinstance(found, Waiting):
        raise GrantRefused(found.value, _SENTENCES[found])
    return issued_for(identity, request, found)
