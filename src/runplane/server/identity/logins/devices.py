"""Device sign-in (RFC 8628): a machine without a browser shows a short code, a person types it elsewhere.

The short code is what can be guessed, so it lives for ten minutes, looking one up takes a signed-in person,
and wrong ones count against that person and the address. Who approves sees which address asked: the attack on
this flow is to talk somebody into approving a stranger's machine (section 5.4).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum
from typing import Final

from runplane.server.core.addresses import network_of
from runplane.server.core.clock import instant, to_epoch
from runplane.server.core.errors import Conflict, NotFound, Throttled, Unavailable
from runplane.server.core.secrets import digest, new_secret
from runplane.server.identity.logins.signed_in import SignedIn, record_sign_in
from runplane.server.identity.logins.store import (
    DeviceRow,
    count_waiting,
    decide_device,
    insert_device,
    note_question,
    note_session_of_device,
    select_device,
    select_device_by_user_code,
    signed_in_at,
    use_device,
)
from runplane.server.identity.records import UserRow
from runplane.server.identity.scopes import read_scope, shrunk_scope
from runplane.server.identity.service import Identity
from runplane.server.identity.sessions import end_session, open_session
from runplane.server.identity.store import select_user
from runplane.server.identity.tokens import TokenRequest
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

DEVICE_SECONDS: Final = 600
INTERVAL_SECONDS: Final = 5
"""What RFC 8628 section 3.2 takes for granted when a server names no other."""

SLOWER_SECONDS: Final = 5
"""What one `slow_down` adds to the interval (section 3.5)."""

MAX_WAITING: Final = 50
"""Undecided devices of one address: a strange one must not be able to fill the table."""

DEVICE_PREFIX: Final = "rpd"

# Consonants only, so that no word comes of it, and none that looks like another (section 6.1): 20^8 codes.
USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_LENGTH: Final = 8
_ATTEMPTS: Final = 5


class Waiting(Enum):
    """Why a device does not get tokens now: the error codes of section 3.5, and RFC 6749's for the rest."""

    PENDING = "authorization_pending"
    TOO_QUICK = "slow_down"
    DENIED = "access_denied"
    EXPIRED = "expired_token"
    UNKNOWN = "invalid_grant"


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """The two codes of a device: the long one for itself, the short one for its user."""

    device_code: str
    user_code: str


def start(unit: Unit, request: TokenRequest, scope: str) -> DeviceCodes:
    """Two new codes for the client that asks. Raises Throttled when too many of one address wait."""
    tenant_id, network = request.realm.tenant_id, network_of(request.source_ip)
    if count_waiting(unit, tenant_id, network, unit.now) >= MAX_WAITING:
        raise Throttled(
            "Too many machines at your address wait to be signed in; wait before you start another.",
            retry_after=60,
        )
    for _ in range(_ATTEMPTS):
        codes = DeviceCodes(new_secret(DEVICE_PREFIX), new_user_code())
        values = {
            "digest": digest(codes.device_code),
            "tenant_id": tenant_id,
            "user_code_digest": digest(normal_user_code(codes.user_code)),
            "client_id": request.client_id,
            "scope": scope,
            "source_ip": request.source_ip,
            "source_network": network,
            "created_at": unit.now,
            "expires_at": instant(to_epoch(unit.now) + DEVICE_SECONDS),
            "interval": INTERVAL_SECONDS,
        }
        if insert_device(unit, values):
            return codes
    raise Unavailable("No code is free right now; try again shortly.", retry_after=1)


def new_user_code() -> str:
    """A short code as people read it: two groups of four letters."""
    letters = "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(_USER_CODE_LENGTH))
    return f"{letters[:4]}-{letters[4:]}"


def normal_user_code(text: str) -> str:
    """What somebody typed, without what people add: case, spaces, dashes."""
    return "".join(letter for letter in text.upper()[:64] if letter in USER_CODE_LETTERS)


def find_waiting(identity: Identity, reader: Reader, user: UserRow, source_ip: str, text: str) -> DeviceRow:
    """The undecided device whose user code somebody typed, at the person's tenant.

    Raises NotFound, the same for wrong, used, decided and expired codes; Throttled after too many wrong ones
    of this person or from this address.
    """
    account, now = f"device-code/{user.id}", identity.monotonic()
    if not identity.throttle.admit(account, source_ip, now):
        raise Throttled("Too many wrong codes; wait before you try another.", retry_after=60)
    code = normal_user_code(text)
    row = select_device_by_user_code(reader, user.tenant_id, digest(code))
    at = identity.book.now()
    if row is None or row.approved is not None or row.expires_at <= at:
        identity.throttle.failed(account, source_ip, code, now)
        raise NotFound("No machine waits with this code; check the letters, or start again on the machine.")
    return row


def decide(unit: Unit, row: DeviceRow, user: UserRow, browser_session_id: str, *, approve: bool) -> None:
    """Store the person's decision. Raises Conflict when one was made at this moment."""
    values = {
        "approved": approve,
        "user_id": user.id,
        "user_epoch": user.epoch,
        "signed_in_at": signed_in_at(unit, browser_session_id),
    }
    if not decide_device(unit, row.digest, values):
        raise Conflict("This code was just used or has expired; start again on the machine.")


def ask(identity: Identity, unit: Unit, request: TokenRequest) -> SignedIn | Waiting:
    """What a device that asks gets: its session, or the reason to wait or to give up.

    Nothing is raised, because when it asked must be stored whatever the answer is; except GrantRefused for a
    scope wider than the person agreed to.
    """
    row = select_device(unit, request.realm.tenant_id, digest(request.device_code))
    if row is None or row.client_id != request.client_id:
        return Waiting.UNKNOWN
    if row.used_at is not None:
        _punish(identity, unit, request, row)
        return Waiting.UNKNOWN
    if row.expires_at <= unit.now:
        return Waiting.EXPIRED
    if row.approved is None:
        return _pending(unit, row)
    return _let_in(identity, unit, request, row) if row.approved else Waiting.DENIED


def _pending(unit: Unit, row: DeviceRow) -> Waiting:
    early = row.asked_at is not None and to_epoch(unit.now) < to_epoch(row.asked_at) + row.interval
    note_question(unit, row.digest, row.interval + SLOWER_SECONDS if early else row.interval)
    return Waiting.TOO_QUICK if early else Waiting.PENDING


def _let_in(identity: Identity, unit: Unit, request: TokenRequest, row: DeviceRow) -> SignedIn | Waiting:
    user = select_user(unit, row.tenant_id, row.user_id or "")
    # a changed epoch: the person was signed out everywhere since
    if user is None or not user.enabled or user.epoch != row.user_epoch or row.signed_in_at is None:
        return Waiting.DENIED
    # raises for a wider one, and the code is not used up then
    scope = shrunk_scope(unit, row.tenant_id, row.scope, read_scope(request.scope))
    if not use_device(unit, row.digest):
        _punish(identity, unit, request, select_device(unit, row.tenant_id, row.digest) or row)
        return Waiting.UNKNOWN
    session_id, refresh = open_session(unit, user, row.client_id, identity.rules, scope)
    note_session_of_device(unit, row.digest, session_id)
    record_sign_in(identity, unit, request, user, "device code", scope)
    return SignedIn(user, row.client_id, session_id, refresh, scope, "", row.signed_in_at)


def _punish(identity: Identity, unit: Unit, request: TokenRequest, row: DeviceRow) -> None:
    if row.session_id is not None:
        end_session(identity, unit, request, row.session_id, 400, "a device code came back")
