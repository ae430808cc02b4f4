"""Authorization codes: given for a person's consent, exchanged once for a session of the client's own.

A code is bound to everything the request named (client, redirect URI, challenge, nonce) and to the browser
session it was given in: signing out of the browser in the meantime takes it back. What it opens is a session
of its own, so that a command line stays signed in when the browser is closed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Final

from runplane.server.authz.narrowing import parse_scope
from runplane.server.core.clock import instant, to_epoch
from runplane.server.core.errors import GrantRefused
from runplane.server.core.secrets import digest, new_secret
from runplane.server.identity.logins.requests import AuthorizationRequest
from runplane.server.identity.logins.signed_in import SignedIn, record_sign_in
from runplane.server.identity.logins.store import (
    CodeRow,
    insert_code,
    note_session_of_code,
    select_code,
    signed_in_at,
    use_code,
)
from runplane.server.identity.records import UserRow
from runplane.server.identity.scopes import read_scope, shrunk_scope
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import end_session, open_session
from runplane.server.identity.store import select_session, select_user
from runplane.server.identity.tokens import TokenRequest
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

CODE_SECONDS: Final = 60
"""ASVS 5.0 10.4.3 at its strictest level; the client's program waits for the code and has it at once."""

CODE_PREFIX: Final = "rpc"

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_recent_enough(reader: Reader, request: AuthorizationRequest, browser_session_id: str) -> bool:
    """Whether the browser session is as young as the client asked for with `prompt` or `max_age`."""
    return to_epoch(signed_in_at(reader, browser_session_id)) >= request.signed_in_after


def give_code(unit: Unit, request: AuthorizationRequest, user_id: str, browser_session_id: str) -> str:
    """A new code for a person who agreed to `request` in a browser session."""
    code = new_secret(CODE_PREFIX)
    insert_code(
        unit,
        CodeRow(
            digest=digest(code),
            tenant_id=request.tenant_id,
            client_id=request.client_id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.challenge,
            nonce=request.nonce,
            scope=parse_scope(request.scope).text,
            user_id=user_id,
            approved_in=browser_session_id,
            signed_in_at=signed_in_at(unit, browser_session_id),
            expires_at=instant(to_epoch(unit.now) + CODE_SECONDS),
        ),
    )
    return code


def require_verifier(request: TokenRequest) -> None:
    """Raises GrantRefused for a code_verifier that RFC 7636 section 4.1 does not allow, or none."""
    if not _VERIFIER.fullmatch(request.code_verifier):
        raise GrantRefused(
            "invalid_request",
            "Send the code_verifier of this sign-in (in JSON codeVerifier): 43 to 128 characters.",
        )


def exchange(identity: Identity, unit: Unit, request: TokenRequest) -> SignedIn | None:
    """The session that a code opens; None if the code is not good for this request.

    A second use ends what the first one opened (RFC 6749 section 4.1.2). Nothing is raised, because what a
    refused request found out must be stored; except GrantRefused for a scope wider than the person agreed to.
    """
    row = select_code(unit, request.realm.tenant_id, digest(request.code))
    if row is None:
        return None
    if row.used_at is not None:
        _punish(identity, unit, request, row)
        return None
    if not _is_bound_to(row, request):
        return None
    user = _agreed(unit, row)
    if user is None:
        return None
    # raises for a wider one, and the code is not used up then
    scope = shrunk_scope(unit, row.tenant_id, row.scope, read_scope(request.scope))
    if not use_code(unit, row.digest):
        # lost a race: the winner has committed, or the minute is over
        again = select_code(unit, row.tenant_id, row.digest)
        _punish(identity, unit, request, again or row)
        return None
    session_id, refresh = open_session(unit, user, row.client_id, identity.rules, scope)
    note_session_of_code(unit, row.digest, session_id)
    record_sign_in(identity, unit, request, user, "authorization code", scope)
    return SignedIn(user, row.client_id, session_id, refresh, scope, row.nonce, row.signed_in_at)


def _is_bound_to(row: CodeRow, request: TokenRequest) -> bool:
    hashed = hashlib.sha256(request.code_verifier.encode("ascii")).digest()
    challenge = urlsafe_b64encode(hashed).rstrip(b"=")
    return (
        row.client_id == request.client_id
        and row.redirect_uri == request.redirect_uri
        and hmac.compare_digest(challenge, row.code_challenge.encode("ascii"))
    )


def _agreed(unit: Unit, row: CodeRow) -> UserRow | None:
    """The person who agreed, if the browser session and the person are still what they were."""
    session = select_session(unit, row.tenant_id, row.approved_in)
    user = select_user(unit, row.tenant_id, row.user_id)
    if session is None or session[1] is not None or session[2] <= unit.now:
        return None
    return user if user is not None and user.enabled and user.password_expires_at is None else None


def _punish(identity: Identity, unit: Unit, request: TokenRequest, row: CodeRow) -> None:
    if row.session_id is not None:
        end_session(identity, unit, request, row.session_id, 400, "an authorization code came back")
