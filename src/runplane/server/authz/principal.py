"""Who is calling: the subject a verified token speaks for, with what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runplane.server.authz.grants import NO_GRANTS, Grants
from runplane.server.core.scope import tenant_path


class SubjectKind(StrEnum):
    """Who can call. Rules name the first three; the older word for a service account is `app`."""

    USER = "user"
    SERVICE_ACCOUNT = "service-account"
    GROUP = "group"
    # the agent of a cluster: holds nothing, and `id` is the cluster
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request.

    `name` is what `createdBy` and the audit log show: an e-mail address or a service account's name.
    `credential_id` is the row of the client that got the token, None for a person who signed in.
    `page_size` is how many rows its lists have where a call does not say, None for each list's own default.
    `only` names the operations this token is confined to; None means no confinement.
    `scope` is the scope of a token that has one (authz.narrowing): `grants` are then cut down to it, and
    `uncut` are those of the subject, for sentences only and never for a decision.
    """

    tenant_id: int
    realm: str
    kind: SubjectKind
    id: str
    name: str
    credential_id: str | None = None
    session_id: str | None = None
    groups: tuple[str, ...] = ()
    grants: Grants = NO_GRANTS
    only: frozenset[str] | None = None
    page_size: int | None = None
    scope: str = ""
    uncut: Grants = NO_GRANTS

    @property
    def key(self) -> str:
        """The caller as access rules store it (authz.store.load_grants)."""
        return self.name.lower() if self.kind is SubjectKind.USER else self.id

    @property
    def tenant_path(self) -> str:
        """The path of the caller's tenant: nothing outside it exists for the caller."""
        return tenant_path(self.tenant_id)
