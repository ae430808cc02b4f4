"""Trusts on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from runplane.server.http.operation import Wire
from runplane.server.identity.trusts.model import MAX_TOKEN_SECONDS, Condition, TrustDraft, TrustRow
from runplane.server.identity.trusts.subject import Check


class ConditionWire(Wire, kw_only=True):
    """What a claim of the token must be: one of `values`, or of the form of one of them.

    In a form `*` stands for any characters but `/` and `:`, `?` for one of these, `**` for any characters. A
    claim that begins with `/` is a JSON pointer, such as `/kubernetes.io/namespace`.
    """

    claim: str
    operator: Literal["equals", "matches"] = "equals"
    values: list[str]


class TrustIn(Wire):
    """Which tokens of which issuer act as which service account.

    `audience` is what the tokens' `aud` must hold; without one it is this server's public address. Without
    `jwks` the keys are fetched from the issuer, which must then have a public address.
    """

    name: str
    service_account_id: str
    issuer: str
    conditions: list[ConditionWire]
    audience: str | None = None
    jwks: Annotated[
        dict[str, Any] | None, Meta(description="A JSON Web Key Set with the issuer's public keys.")
    ] = None
    max_token_seconds: Annotated[int, Meta(description="60 to 900.")] = MAX_TOKEN_SECONDS
    single_use: Annotated[bool, Meta(description="Whether each token is exchanged once at most.")] = False
    enabled: bool = True

    def draft(self, public_url: str) -> TrustDraft:
        """The trust asked for, on a server with that public address."""
        return TrustDraft(
            name=self.name,
            service_account_id=self.service_account_id,
            issuer=self.issuer,
            audience=public_url if self.audience is None else self.audience,
            conditions=tuple(Condition(it.claim, it.operator, tuple(it.values)) for it in self.conditions),
            jwks=self.jwks,
            max_token_seconds=self.max_token_seconds,
            single_use=self.single_use,
            enabled=self.enabled,
        )


class TrustOut(Wire):
    """A trust."""

    id: str
    tenant_id: int
    name: str
    service_account_id: str
    issuer: str
    audience: str
    conditions: list[ConditionWire]
    jwks: dict[str, Any] | None
    max_token_seconds: int
    single_use: bool
    enabled: bool
    created_by: str
    created_at: str
    updated_by: str
    updated_at: str


class TrustsOut(Wire):
    """A page of trusts; `next` is the offset of the next one."""

    trusts: list[TrustOut]
    next: int | None


class TrustTestIn(Wire):
    """A token to hold against a trust. It is not kept, and not exchanged."""

    token: str


class CheckOut(Wire):
    """One thing that was looked at: a claim, `signature`, `trust` or `serviceAccount`."""

    name: str
    passed: bool
    message: str


class TrustTestOut(Wire):
    """Whether the token call would accept the token, and what it would look at."""

    accepted: bool
    checks: list[CheckOut]


def present(row: TrustRow) -> TrustOut:
    """A trust as a reply."""
    return TrustOut(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        service_account_id=row.service_account_id,
        issuer=row.issuer,
        audience=row.audience,
        conditions=[
            ConditionWire(claim=it.claim, operator=it.operator, values=list(it.values))
            for it in row.conditions
        ],
        jwks=row.jwks,
        max_token_seconds=row.max_token_seconds,
        single_use=row.single_use,
        enabled=row.enabled,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )


def present_checks(checks: list[Check]) -> TrustTestOut:
    """What came of a test as a reply."""
    shown = [CheckOut(name=it.name, passed=it.passed, message=it.message) for it in checks]
    return TrustTestOut(accepted=all(it.passed for it in checks), checks=shown)
