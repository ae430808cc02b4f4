"""Managing trusts, and finding the trust that a token meets.

A trust lets somebody act as a service account, as a secret of it does. So making, changing or removing one
takes what a new secret takes: service-account:update, and not to be outranked by the account (ADR 13).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from runplane.server.authz.limits import must_cover
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.clock import Instant, instant
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import new_id
from runplane.server.core.listing import WHOLE, Page, cut
from runplane.server.identity.records import ClientKind, ClientRow
from runplane.server.identity.store import lock_tenant, select_client
from runplane.server.identity.trusts import store
from runplane.server.identity.trusts.keys import IssuerFailed, IssuerKeys, check_pinned, read_key_set
from runplane.server.identity.trusts.model import MAX_TRUSTS, TrustDraft, TrustRow, check_draft
from runplane.server.identity.trusts.subject import Check, SubjectToken, check_signature, examine, read_token
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit


def list_trusts(reader: Reader, principal: Principal, page: Page) -> tuple[list[TrustRow], int | None]:
    """A page of the tenant's trusts, and the offset of the next one."""
    rows, following = cut(page, store.select_trusts(reader, principal.tenant_id, page))
    return list(rows), following


def count_trusts(reader: Reader, principal: Principal, page: Page) -> int:
    """How many trusts all pages together have."""
    return store.count_trusts(reader, principal.tenant_id, page)


def get_trust(reader: Reader, principal: Principal, trust_id: str) -> TrustRow:
    """A trust by id. Raises NotFound."""
    row = store.select_trust(reader, principal.tenant_id, trust_id)
    if row is None:
        raise NotFound(f"There is no trust {trust_id[:60]!r}.")
    return row


def create_trust(unit: Unit, principal: Principal, draft: TrustDraft) -> TrustRow:
    """Make a trust. Raises AlreadyExists, Forbidden and Invalid."""
    # the lock makes counting and adding one step
    lock_tenant(unit, principal.tenant_id)
    if store.count_trusts(unit, principal.tenant_id, WHOLE) >= MAX_TRUSTS:
        raise Invalid(f"There are {MAX_TRUSTS} trusts, which is the most; delete one that is not needed.")
    values = _checked(unit, principal, draft)
    trust_id = new_id()
    born = {"created_by": principal.name, "created_at": unit.now, "updated_at": unit.now}
    own = {"id": trust_id, "tenant_id": principal.tenant_id, "version": 1}
    store.insert_trust(unit, {**values, **born, **own})
    unit.changed(principal.tenant_id)
    return get_trust(unit, principal, trust_id)


def replace_trust(unit: Unit, principal: Principal, trust_id: str, draft: TrustDraft) -> TrustRow:
    """Give a trust another content, which ends the tokens given under it. Raises as
    `create_trust`, and NotFound."""
    row = get_trust(unit, principal, trust_id)
    must_cover(unit, principal, SubjectKind.SERVICE_ACCOUNT, row.service_account_id)
    values = _checked(unit, principal, draft)
    store.update_trust(unit, principal.tenant_id, row.id, values)
    unit.changed(principal.tenant_id)
    return get_trust(unit, principal, row.id)


def delete_trust(unit: Unit, principal: Principal, trust_id: str) -> TrustRow:
    """Remove a trust and end the tokens given under it; returns what it was. Raises Forbidden, NotFound."""
    row = get_trust(unit, principal, trust_id)
    must_cover(unit, principal, SubjectKind.SERVICE_ACCOUNT, row.service_account_id)
    store.delete_trust(unit, principal.tenant_id, row.id)
    unit.changed(principal.tenant_id)
    return row


def _checked(unit: Unit, principal: Principal, draft: TrustDraft) -> dict[str, Any]:
    check_draft(draft)
    if draft.jwks is not None:
        check_pinned(draft.jwks)
    account = find_account(unit, principal.tenant_id, draft.service_account_id)
    if account is None:
        # the body is at fault, not the address
        raise Invalid(f"serviceAccountId: there is no service account {draft.service_account_id[:60]!r}.")
    must_cover(unit, principal, SubjectKind.SERVICE_ACCOUNT, account.id)
    return {**asdict(draft), "conditions": draft.conditions, "updated_by": principal.name}


def find_account(reader: Reader, tenant_id: int, account_id: str) -> ClientRow | None:
    """The service account that a trust is for."""
    row = select_client(reader, tenant_id, account_id)
    return row if row is not None and row.kind == ClientKind.SERVICE_ACCOUNT else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of holding a token against a trust."""

    trust: TrustRow
    checks: tuple[Check, ...]

    @property
    def failed(self) -> Check | None:
        """The first check that failed, None for a token that is accepted."""
        return next((it for it in self.checks if not it.passed), None)


async def judge(
    issuers: IssuerKeys, trust: TrustRow, token: SubjectToken, now: float, *, thorough: bool
) -> Verdict:
    """Hold a token against a trust at `now`.

    Unless `thorough`, the signature is left aside where something else is wrong already: nobody shall make
    this server fetch keys with a token that could not be accepted anyway.
    """
    checks = examine(token, trust, now)
    if thorough or all(it.passed for it in checks):
        checks.append(await _signature(issuers, trust, token))
    return Verdict(trust, tuple(checks))


async def _signature(issuers: IssuerKeys, trust: TrustRow, token: SubjectToken) -> Check:
    if trust.jwks is not None:
        return check_signature(token, read_key_set(trust.jwks))
    try:
        keys = await issuers.of(trust.issuer, token.kid)
    except IssuerFailed as error:
        return Check("signature", passed=False, message=error.message)
    return check_signature(token, keys)


async def try_out(
    read: Callable[[Callable[[Unit], Any]], Awaitable[Any]],
    issuers: IssuerKeys,
    principal: Principal,
    trust_id: str,
    text: str,
    now: float,
) -> list[Check]:
    """All that a token would be held against at `now`, and what came of it. Raises NotFound.

    `read` runs a job in a unit. A token that is none fails with one check.
    """

    def look(unit: Unit) -> tuple[TrustRow, ClientRow | None]:
        row = get_trust(unit, principal, trust_id)
        return row, find_account(unit, principal.tenant_id, row.service_account_id)

    trust, account = await read(look)
    try:
        token = read_token(text)
    except Invalid as error:
        return [Check("token", passed=False, message=error.message)]
    verdict = await judge(issuers, trust, token, now, thorough=True)
    return [*verdict.checks, *_of_the_trust(trust, account, instant(now))]


def _of_the_trust(trust: TrustRow, account: ClientRow | None, at: Instant) -> list[Check]:
    usable = account is not None and is_usable(account, at)
    on, off = "It is enabled.", "It is switched off."
    good, bad = "It can be used.", "It is disabled or has expired."
    return [
        Check("trust", passed=trust.enabled, message=on if trust.enabled else off),
        Check("serviceAccount", passed=usable, message=good if usable else bad),
    ]


def is_usable(account: ClientRow, at: Instant) -> bool:
    """Whether a service account may get tokens at `at`."""
    return account.enabled and (account.expires_at is None or account.expires_at > at)
