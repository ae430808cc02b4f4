"""Token exchange (RFC 8693), in JSON external_token_exchange: the token of another issuer for one of ours.

Nobody signs in here: a trust says which tokens act as which service account. The caller hears one sentence
whatever is wrong with its token, because it may be anybody; who manages the trust asks its test.
"""

from __future__ import annotations

from runplane.server.audit.journal import Note
from runplane.server.core.clock import instant
from runplane.server.core.errors import GrantRefused, Invalid
from runplane.server.core.turns import callers_of
from runplane.server.identity.credentials import Credential
from runplane.server.identity.records import ClientRow
from runplane.server.identity.scopes import scope_of_client
from runplane.server.identity.service import Identity
from runplane.server.identity.store import touch
from runplane.server.identity.tokens import Issued, TokenRequest, asked_for, client_token
from runplane.server.identity.trusts.model import TrustRow
from runplane.server.identity.trusts.service import Verdict, find_account, is_usable, judge
from runplane.server.identity.trusts.store import select_trusts_of_issuer, spend
from runplane.server.identity.trusts.subject import SubjectToken, read_token
from runplane.server.identity.trusts.wire import ACCESS_TOKEN
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_Candidate = tuple[TrustRow, ClientRow]


async def grant(identity: Identity, request: TokenRequest) -> Issued:
    """A token for the service account of the trust that a token of another issuer meets."""
    if not request.subject_token:
        raise GrantRefused("invalid_request", "Send the token of the other issuer.")
    now = identity.clock.epoch()
    try:
        token = read_token(request.subject_token)
    except Invalid as error:
        raise _refused(identity, request, error.message, None) from error
    # the other issuer may take its time to hand out its keys
    identity.lanes.pace.leave()
    trust, account = await _trusted(identity, request, token, now)
    request.charge(account.id)
    await identity.lanes.pace.enter(callers_of(request.realm.tenant_id))
    credential = Credential(account, None, ())
    scope = await scope_of_client(identity, request, credential) if request.scope else ""
    longest = min(identity.rules.token_seconds, trust.max_token_seconds, token.expires_at - int(now))
    access, seconds = client_token(
        request.realm, credential, now, request.lifetime(longest), scope, trust.mark
    )
    if not await identity.lanes.write(lambda unit: _record(identity, unit, request, token, trust, account)):
        raise _refused(identity, request, "the token was exchanged before", trust)
    return Issued(access, seconds, scope=scope or None, issued_type=ACCESS_TOKEN)


async def _trusted(identity: Identity, request: TokenRequest, token: SubjectToken, now: float) -> _Candidate:
    """The trust that a token meets, and its service account. Raises GrantRefused."""
    candidates = await identity.book.read(lambda reader: _candidates(reader, request, token))
    judged = [
        (await judge(identity.issuers, trust, token, now, thorough=False), account)
        for trust, account in candidates
    ]
    accepted = [(verdict.trust, account) for verdict, account in judged if verdict.failed is None]
    if not accepted:
        raise _none_met(identity, request, [verdict for verdict, _ in judged])
    if len({account.id for _, account in accepted}) > 1:
        raise GrantRefused(
            "invalid_request",
            "This token may act as several service accounts; name one with client_id (clientId in JSON).",
        )
    trust, account = accepted[0]
    if not is_usable(account, instant(now)):
        raise _refused(identity, request, "the service account is disabled or has expired", trust)
    return trust, account


def _candidates(reader: Reader, request: TokenRequest, token: SubjectToken) -> list[_Candidate]:
    """The trusts in the token's issuer, for the service account that the request names if it names one."""
    tenant_id = request.realm.tenant_id
    found: list[_Candidate] = []
    for trust in select_trusts_of_issuer(reader, tenant_id, token.issuer):
        account = find_account(reader, tenant_id, trust.service_account_id)
        if account is not None and request.client_id in ("", account.id, account.client_id, account.name):
            found.append((trust, account))
    return found


def _record(
    identity: Identity,
    unit: Unit,
    request: TokenRequest,
    token: SubjectToken,
    trust: TrustRow,
    account: ClientRow,
) -> bool:
    """Store the exchange; False, and nothing stored, for one that may not be made again."""
    if trust.single_use and not spend(unit, trust.tenant_id, token.digest, token.expires_at):
        return False
    touch(unit, {account.id: unit.now}, {}, {})
    facts = {"trust": trust.name, "trustId": trust.id, "issuer": trust.issuer}
    told = {name: str(token.claims[name]) for name in ("sub", "jti") if name in token.claims}
    note = Note(account.kind, account.id, account.name, {**facts, **told, **asked_for(request)})
    origin = identity.sign_in_origin(request, account.name, "App")
    identity.journal.write(unit, origin, "sign-in", 200, note)
    return True


def _none_met(identity: Identity, request: TokenRequest, judged: list[Verdict]) -> GrantRefused:
    failures = [(it.trust, it.failed) for it in judged if it.failed is not None]
    if not failures:
        return _refused(identity, request, "no enabled trust is in its issuer", None)
    trust, check = failures[0]
    return _refused(identity, request, f"{check.name} does not meet the trust", trust)


def _refused(identity: Identity, request: TokenRequest, reason: str, trust: TrustRow | None) -> GrantRefused:
    """Count and record a refused exchange. The reason is for the audit log only. Raises Throttled."""
    now, account = identity.monotonic(), f"exchange/{request.realm.tenant_id}"
    identity.throttle.admit(account, request.source_ip, now)
    identity.throttle.failed(account, request.source_ip, request.subject_token, now, lockable=False)
    note = Note("trust", metadata={"reason": reason})
    if trust is not None:
        note.target(trust.id, trust.name)
    identity.record_sign_in(request, "", "App", 400, note)
    return GrantRefused(
        "invalid_grant",
        "The token is not accepted; who manages the trust sees why with POST /api/v1/trusts/{trustId}/test.",
    )
