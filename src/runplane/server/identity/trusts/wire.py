"""The words of RFC 8693, and what a request for an exchange may ask of this server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runplane.server.core.errors import GrantRefused
from runplane.server.identity.realms import Realm
from runplane.server.identity.verify import AUDIENCE

TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant
_TYPES: Final = "urn:ietf:params:oauth:token-type:"
ACCESS_TOKEN: Final = f"{_TYPES}access_token"
_SUBJECTS: Final = frozenset((f"{_TYPES}jwt", f"{_TYPES}id_token"))
_ISSUED: Final = frozenset((ACCESS_TOKEN, f"{_TYPES}jwt"))


def check_exchange(form: Mapping[str, str], realm: Realm) -> None:
    """Raise GrantRefused for an exchange (RFC 8693 section 2.1) that this server does not make."""
    if not form.get("subject_token") or form.get("subject_token_type") not in _SUBJECTS:
        raise GrantRefused(
            "invalid_request",
            f"Send a subject_token, and {_TYPES}jwt or {_TYPES}id_token as its subject_token_type.",
        )
    if "actor_token" in form or "actor_token_type" in form:
        raise GrantRefused("invalid_request", "An actor_token is not supported; leave it out.")
    if form.get("requested_token_type", ACCESS_TOKEN) not in _ISSUED:
        raise GrantRefused("invalid_request", f"The only requested_token_type is {ACCESS_TOKEN}.")
    if form.get("audience", AUDIENCE) not in (AUDIENCE, realm.issuer):
        raise GrantRefused("invalid_target", f"The only audience is {AUDIENCE}; leave it out.")
    if "resource" in form:
        raise GrantRefused("invalid_target", "Tokens are for this server as a whole; leave resource out.")
