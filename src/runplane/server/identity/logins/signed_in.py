"""What both ways end in: a session for the program that waited, and its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

from runplane.server.audit.journal import Note
from runplane.server.core.clock import Instant, to_epoch
from runplane.server.identity.records import UserRow
from runplane.server.identity.service import Identity
from runplane.server.identity.store import update_user
from runplane.server.identity.tokens import IdentityFacts, Issued, TokenRequest, person_tokens
from runplane.server.sql.unit import Unit


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that a code opened, and what its tokens have to say."""

    user: UserRow
    client_id: str
    session_id: str
    refresh_token: str = field(repr=False)
    scope: str
    nonce: str
    signed_in_at: Instant


def record_sign_in(
    identity: Identity, unit: Unit, request: TokenRequest, user: UserRow, how: str, scope: str
) -> None:
    """Note the sign-in at the person and in the audit log."""
    update_user(unit, user.id, {"last_login": unit.now})
    origin = identity.sign_in_origin(request, user.email, "User")
    facts = {"client": request.client_id, "with": how, **({"scope": scope} if scope else {})}
    identity.journal.write(unit, origin, "sign-in", 200, Note("user", user.id, user.email, facts))


def issued_for(identity: Identity, request: TokenRequest, found: SignedIn) -> Issued:
    """The tokens of a session that was just opened."""
    tokens = person_tokens(
        request.realm,
        found.user,
        found.client_id,
        found.session_id,
        identity.clock.epoch(),
        request.lifetime(identity.rules.token_seconds),
        found.scope,
        IdentityFacts(found.nonce, int(to_epoch(found.signed_in_at))),
    )
    return Issued(
        tokens.access_token,
        tokens.expires_in,
        refresh_token=found.refresh_token,
        id_token=tokens.id_token,
        scope=found.scope or None,
    )
