"""Access rules as values, and what their lists can be asked.

Some parameters of the contract are conditions that `filterBy` does not offer; they are fields too, so that
the list and its count are narrowed by one piece of code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.authz.principal import SubjectKind
from runplane.server.core.clock import Instant
from runplane.server.core.listing import Envelope, Field, Kind, Listing

KINDS: Final = {
    "user": SubjectKind.USER,
    "app": SubjectKind.SERVICE_ACCOUNT,
    "service-account": SubjectKind.SERVICE_ACCOUNT,
    "group": SubjectKind.GROUP,
}
"""What rules call a subject, and what it is: `app` is the older word for a service account."""

SCOPE_TYPES: Final = ("system", "tenant", "cluster", "department", "project")

READY: Final = "Ready"
DELETING: Final = "Deleting"
"""The phases a rule can be in. A rule takes effect with its commit, so none is ever `Creating`."""

ACCESS_RULES: Final = Listing(
    "access rules",
    Field("subjectId", search=True),
    Field("subjectType", choices=tuple(KINDS)),
    Field("roleId", Kind.INTEGER),
    Field("scopeId"),
    Field("scopeType", choices=SCOPE_TYPES),
    Field("roleName", search=True),
    Field("scopeName", search=True),
    Field("createdAt", Kind.TIME),
    Field("deletedAt", Kind.TIME),
    Field("createdBy"),
    Field("phase", choices=("Creating", READY, "NotReady", DELETING)),
    Field("subjectKind", filter=False, sort=False),
    Field("clusterId", filter=False, sort=False),
    Field("updatedAt", Kind.TIME, filter=False, sort=False),
    envelope=Envelope("accessRules", total="totalRecords", displayed="displayRecords"),
)

MY_ACCESS_RULES: Final = Listing(
    "your access rules",
    Field("subjectId", filter=False, sort=False, search=True),
    Field("roleName", filter=False, sort=False, search=True),
    Field("scopeName", filter=False, sort=False, search=True),
    envelope=Envelope("accessRules", total="totalRecords", displayed="displayRecords"),
)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """An access rule as it is stored; the columns of the same names."""

    id: int
    tenant_id: int
    subject_id: str
    subject_type: str
    subject_kind: str
    subject_key: str
    role_id: int
    role_name: str
    scope_type: str
    scope_id: str
    scope_name: str
    scope_path: str
    cluster_id: str | None
    created_at: Instant
    updated_at: Instant
    created_by: str
    deleted_at: Instant | None

    @property
    def phase(self) -> str:
        """Where the rule is in its life."""
        return READY if self.deleted_at is None else DELETING

    @property
    def sentence(self) -> str:
        """The rule as people say it."""
        return f"{self.subject_id} is {self.role_name} in {self.scope_type} {self.scope_name}"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a rule is for: `name` is shown, `key` is what authorization matches."""

    kind: SubjectKind
    type: str
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule somebody asks for, as given."""

    subject_id: str
    subject_type: str
    role_id: int
    scope_id: str
    scope_type: str
    cluster_id: str | None = None
