"""The identity service: the long-lived parts that sign-in and token calls share, wired once in `app`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from runplane.server.audit.journal import Journal, Note, Origin
from runplane.server.core.clock import Clock
from runplane.server.core.turns import callers_of
from runplane.server.identity.authenticator import Authenticator
from runplane.server.identity.counts import TokenCounts
from runplane.server.identity.credentials import CredentialBook
from runplane.server.identity.passwords import PasswordGate, PasswordHasher, PasswordPolicy
from runplane.server.identity.realms import Realm, Realms
from runplane.server.identity.throttle import Throttle
from runplane.server.identity.tokens import TokenRequest
from runplane.server.identity.trusts.keys import IssuerKeys
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.sql.group_commit import GroupCommit
from runplane.server.sql.lanes import Lanes

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """The settings identity obeys; times in seconds."""

    token_seconds: int = 3600
    session_seconds: int = 30 * 86400
    browser_seconds: int = 12 * 3600
    refresh_seconds: int = 7 * 86400
    temporary_seconds: int = 72 * 3600
    password_grant: bool = True
    # what the key of a new tenant signs with
    algorithm: str = "ES256"
    # how long others may keep the published keys
    keys_kept_seconds: int = 300


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything a room or a grant of the identity family needs."""

    rules: IdentityRules
    clock: Clock
    lanes: Lanes
    realms: Realms
    book: CredentialBook
    authenticator: Authenticator
    hasher: PasswordHasher
    gate: PasswordGate
    policy: PasswordPolicy
    throttle: Throttle
    journal: Journal
    group: GroupCommit
    # seals what must be shown again
    kek: KeyEncryptionKey
    # where clients and agents reach this server
    public_url: str
    # keys of other issuers, whose tokens trusts accept
    issuers: IssuerKeys
    # where clusters get the agent's chart, empty where nobody offers one
    chart_repository: str = ""
    monotonic: Callable[[], float] = field(default=time.monotonic)
    counts: TokenCounts = field(default_factory=TokenCounts)

    async def realm_for(self, host: str) -> Realm:
        """The realm that a Host header names; any other host stands for the first tenant.

        A tenant made meanwhile, by another process too, is known within five seconds.
        """
        found = self.realms.for_host(host)
        if found is None and self.realms.reload_due():
            await self.lanes.read(self.realms.load)
            found = self.realms.for_host(host)
        realm = found or self.realms.only()
        # whoever asks is nobody yet: what is done for the sign-in waits in the queue of the tenant
        await self.lanes.pace.enter_stranger(callers_of(realm.tenant_id))
        return realm

    async def slowly(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run password hashing in its own bounded threads. Raises Unavailable when too much waits."""
        self.lanes.pace.leave()
        return await asyncio.wrap_future(self.gate.submit(work, *args, **kwargs))

    def sign_in_origin(self, request: TokenRequest, subject: str, subject_type: str) -> Origin:
        """Where a token call comes from, for the audit log."""
        return Origin(
            tenant_id=request.realm.tenant_id,
            subject=subject or "unknown",
            subject_type=subject_type,
            source_ip=request.source_ip,
            http_method=request.http_method,
            url=request.url,
        )

    def record_sign_in(
        self, request: TokenRequest, subject: str, subject_type: str, status: int, note: Note
    ) -> None:
        """Audit a sign-in; `status` 200 is success."""
        self.journal.signed_in(self.sign_in_origin(request, subject, subject_type), status, note)
