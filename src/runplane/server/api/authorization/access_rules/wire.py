"""Access rules on the wire (contract 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from runplane.server.api.authorization.access_rules.model import (
    ACCESS_RULES,
    KINDS,
    SCOPE_TYPES,
    RuleDraft,
    RuleRow,
)
from runplane.server.api.authorization.model import MAX_INT32
from runplane.server.core.clock import parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.core.listing import Condition, Operator, Page, Value
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Wire

SubjectType = Literal["user", "app", "service-account", "group"]
ScopeTypeName = Literal["system", "tenant", "cluster", "department", "project"]
SubjectId = Annotated[str, Meta(min_length=1, max_length=1000)]
ScopeId = Annotated[str, Meta(min_length=1, max_length=200)]
RoleId = Annotated[int, Meta(ge=0, le=MAX_INT32)]

MAX_SUBJECTS = 10
MAX_SCOPES = 10
MAX_IDS = 500
MAX_SUBJECT_IDS = 200


class AccessRuleIn(Wire):
    """A rule to create: a subject, a role and a scope."""

    subject_id: SubjectId
    subject_type: SubjectType
    role_id: RoleId
    scope_id: ScopeId
    scope_type: ScopeTypeName
    cluster_id: str | None = None

    def draft(self) -> RuleDraft:
        """The rule asked for."""
        return RuleDraft(
            self.subject_id, self.subject_type, self.role_id, self.scope_id, self.scope_type, self.cluster_id
        )


class AccessRuleStatus(Wire):
    """Whether the rule is in force."""

    phase: str
    message: str
    details: str


class MyAccessRule(Wire):
    """A rule that names the caller or one of its groups."""

    id: int
    subject_id: str
    subject_type: str
    role_id: int
    role_name: str
    scope_id: str
    scope_type: str
    scope_name: str
    tenant_id: int
    cluster_id: str | UnsetType = UNSET


class AccessRule(MyAccessRule, kw_only=True):
    """A rule."""

    created_at: str
    updated_at: str
    deleted_at: str | None
    created_by: str
    status: AccessRuleStatus


class AccessRuleById(AccessRule, kw_only=True):
    """A rule with the names on the way to its scope, such as `runai/cluster/department/project`."""

    scope_path: str | None


class AccessRulesPage(Wire):
    """A page of rules, and how many there are in all."""

    total_records: int
    display_records: int
    access_rules: list[AccessRule]


class MyAccessRulesPage(Wire):
    """A page of the caller's rules."""

    total_records: int
    display_records: int
    access_rules: list[MyAccessRule]


class MyAccessRulesOut(Wire):
    """The contract wraps this page twice."""

    access_rules: MyAccessRulesPage


class SubjectIn(Wire):
    """One of several subjects."""

    subject_id: SubjectId
    subject_type: SubjectType


class ScopeIn(Wire):
    """One of several scopes."""

    scope_id: ScopeId
    scope_type: ScopeTypeName


class BatchCreatePayload(Wire):
    """One role for every subject in every scope."""

    role_id: RoleId
    subjects: list[SubjectIn]
    scopes: list[ScopeIn]
    cluster_id: str | None = None


class BatchCreateIn(Wire):
    """Rules to create together."""

    payload: BatchCreatePayload

    def drafts(self) -> list[RuleDraft]:
        """Every combination. Raises Invalid for none or for too many."""
        subjects, scopes = self.payload.subjects, self.payload.scopes
        if not subjects or not scopes:
            raise Invalid("Name at least one subject and one scope.")
        if len(subjects) > MAX_SUBJECTS or len(scopes) > MAX_SCOPES:
            raise Invalid(f"One call takes at most {MAX_SUBJECTS} subjects and {MAX_SCOPES} scopes.")
        return [
            RuleDraft(
                subject.subject_id,
                subject.subject_type,
                self.payload.role_id,
                scope.scope_id,
                scope.scope_type,
                self.payload.cluster_id,
            )
            for subject in subjects
            for scope in scopes
        ]


class RefusedDraft(Wire):
    """A rule that could not be created, as it was asked for."""

    subject_id: str
    subject_type: str
    role_id: int
    scope_id: str
    scope_type: str
    cluster_id: str | UnsetType = UNSET


class BatchCreateFailure(Wire):
    """Why one rule of several could not be created; `code` is what a single call would have answered."""

    payload: RefusedDraft
    code: int
    message: str


class BatchCreateOut(Wire):
    """What became of each rule."""

    succeeded: list[AccessRule]
    failed: list[BatchCreateFailure]


class BatchIn(Wire):
    """Rules to delete together, or to check whether that would succeed."""

    ids: list[str | int]
    action: Literal["delete", "validate_delete"]

    def unique(self) -> list[str]:
        """The ids as text, each once. Raises Invalid for none or for too many."""
        found = list(dict.fromkeys(str(it) for it in self.ids))
        if not found:
            raise Invalid("Name at least one access rule.")
        if len(found) > MAX_IDS:
            raise Invalid(f"One call takes at most {MAX_IDS} access rules.")
        return found


class BatchFailure(Wire):
    """Why one rule of several stays; `code` is what a single call would have answered."""

    id: str
    code: int
    message: str


class BatchOut(Wire):
    """What became of each rule. `id` names the call itself."""

    id: str
    succeeded: list[str]
    failed: list[BatchFailure]


class AccessRulesQuery(Wire):
    """What the contract lets a list of rules be narrowed by, beside `filterBy` and `search`."""

    subject_type: str | None = None
    subject_id_filter: str | None = None
    subject_ids: str | None = None
    scope_type: str | None = None
    scope_id: str | None = None
    role_id: RoleId | None = None
    cluster_id: str | None = None
    last_updated: str | None = None
    include_deleted: bool = False

    def narrow(self, page: Page) -> Page:
        """`page` with these parameters as conditions. Raises Invalid for a value that cannot be one.

        `lastUpdated` finds what changed at that moment or later. `app` and `service-account` find the same.
        """
        found: list[Condition] = []

        def where(field: str, operator: Operator, value: Value | None) -> None:
            if value is not None:
                found.append(Condition(ACCESS_RULES.fields[field], operator, value))

        kind = self.subject_type and KINDS[enum_member(self.subject_type, KINDS, "subjectType")].value
        where("subjectKind", Operator.EQUAL, kind)
        where("subjectId", Operator.CONTAINS, self.subject_id_filter)
        where(
            "scopeType",
            Operator.EQUAL,
            self.scope_type and enum_member(self.scope_type, SCOPE_TYPES, "scopeType"),
        )
        where("scopeId", Operator.EQUAL, self.scope_id)
        where("roleId", Operator.EQUAL, self.role_id)
        where("clusterId", Operator.EQUAL, self.cluster_id and self.cluster_id.lower())
        since = self.last_updated and parse_instant(self.last_updated, "lastUpdated")
        where("updatedAt", Operator.AT_LEAST, since)
        return replace(page, conditions=(*page.conditions, *found))

    def subjects(self) -> list[str] | None:
        """`subjectIds` taken apart, None when it was not given. Raises Invalid for too many."""
        if self.subject_ids is None:
            return None
        found = [it for it in self.subject_ids.split(",") if it]
        if len(found) > MAX_SUBJECT_IDS:
            raise Invalid(f"subjectIds takes at most {MAX_SUBJECT_IDS} subjects.")
        return found


def present(row: RuleRow) -> AccessRule:
    """A stored rule."""
    return AccessRule(**_mine(row), **_rest(row))


def present_by_id(row: RuleRow, scope_path: str | None) -> AccessRuleById:
    """A stored rule with the names on the way to its scope."""
    return AccessRuleById(**_mine(row), **_rest(row), scope_path=scope_path)


def present_mine(row: RuleRow) -> MyAccessRule:
    """A stored rule as its subject sees it."""
    return MyAccessRule(**_mine(row))


def present_draft(draft: RuleDraft) -> RefusedDraft:
    """A rule that was asked for."""
    return RefusedDraft(
        subject_id=draft.subject_id,
        subject_type=draft.subject_type,
        role_id=draft.role_id,
        scope_id=draft.scope_id,
        scope_type=draft.scope_type,
        cluster_id=UNSET if draft.cluster_id is None else draft.cluster_id,
    )


def _mine(row: RuleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "subject_id": row.subject_id,
        "subject_type": row.subject_type,
        "role_id": row.role_id,
        "role_name": row.role_name,
        "scope_id": row.scope_id,
        "scope_type": row.scope_type,
        "scope_name": row.scope_name,
        "tenant_id": row.tenant_id,
        # the contract knows no null here
        "cluster_id": UNSET if row.cluster_id is None else row.cluster_id,
    }


def _rest(row: RuleRow) -> dict[str, Any]:
    return {
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "deleted_at": row.deleted_at,
        "created_by": row.created_by,
        "status": AccessRuleStatus(phase=row.phase, message="", details=""),
    }
