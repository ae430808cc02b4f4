"""POST /api/v1/authorization/explain and GET …/decisions/{decisionId}: why somebody may do something or not.

Extensions of ours. Both answer for *now*: a decision is looked up in the audit log, where the refusal stands
with its id, and judged again, so that one sees whether what was missing has been given since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from runplane.server.api.authorization import service, store
from runplane.server.api.authorization.access_rules import service as rules
from runplane.server.api.authorization.access_rules.model import Subject
from runplane.server.api.authorization.access_rules.wire import ScopeTypeName, SubjectType
from runplane.server.authz import tree
from runplane.server.authz.explain import describe, refusal
from runplane.server.authz.grants import NO_GRANTS, Grant, Grants
from runplane.server.authz.guard import signed_in
from runplane.server.authz.permissions import (
    ACCESS_RULES,
    EVENTS_HISTORY,
    READ,
    Action,
    Permission,
    parse_permission,
    permission,
    resource_type,
)
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import load_grants
from runplane.server.core.clock import instant
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import is_uuid
from runplane.server.core.scope import ScopeType
from runplane.server.http.call import Call
from runplane.server.http.operation import Operations, Wire
from runplane.server.identity.store import select_user_by_email
from runplane.server.sql.prepared import Reader

ops = Operations("/api/v1/authorization", tag="Permissions")

_MAY_READ_RULES = permission(READ, ACCESS_RULES)
_MAY_READ_EVENTS = permission(READ, EVENTS_HISTORY)

# A refusal is stored within a second of the instant in its id; clocks of replicas may differ by more.
_WINDOW_SECONDS = 3600


class ExplainIn(Wire):
    """A question. Without a scope it is about the tenant, without a subject about the caller."""

    action: Literal["create", "read", "update", "delete"]
    resource_type: str
    scope_type: ScopeTypeName | None = None
    scope_id: str | None = None
    subject_id: str | None = None
    subject_type: SubjectType | None = None


class GrantedBy(Wire):
    """An access rule that grants the permission at the scope."""

    access_rule_id: int
    role_name: str
    scope_type: str
    scope_id: str


class RoleName(Wire):
    """A role that would grant it."""

    id: int
    name: str


class ExplainOut(Wire):
    """The answer, and what it follows from. `scopePath` reads from the tenant down to the scope."""

    allowed: bool
    message: str
    permission: str
    scope_path: list[str]
    granted_by: list[GrantedBy]
    roles_that_would_grant: list[RoleName]


class DecisionOut(ExplainOut):
    """A refusal of the past, and whether it would be one now."""

    id: str
    refused_at: str
    subject: str
    subject_type: Literal["user", "service-account"]
    http_method: str
    url: str


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose grants are examined: `name` in sentences, "You" for the caller.

    `uncut` is what the caller holds where `grants` are cut down to the scope of its token.
    """

    name: str
    grants: Grants
    uncut: Grants = NO_GRANTS


@ops.post(
    "/explain",
    allow=signed_in(
        "about the caller itself; about others only with access_rules:read in the tenant", scoped=True
    ),
    body=ExplainIn,
    reply=ExplainOut,
    writes=False,
    extension=True,
)
def explain_permission(call: Call[ExplainIn]) -> ExplainOut:
    """Find out why somebody may or may not do something"""
    body, principal = call.body, call.principal
    asked_for = permission(Action(body.action), resource_type(body.resource_type))
    try:
        node = _scope(call.unit, principal, body)
        asked = _asked(call.unit, principal, body)
    except NotFound as error:
        # The question is at fault, not the address it was sent to.
        raise Invalid(error.message, error.details) from error
    return ExplainOut(**_explained(call.unit, principal, asked, asked_for, node))


@ops.get(
    "/decisions/{decisionId}",
    allow=signed_in(
        "about the caller's own refusals; others' only with events-history:read in the tenant", scoped=True
    ),
    reply=DecisionOut,
    extension=True,
)
def get_decision(call: Call[Any]) -> DecisionOut:
    """Explain a refusal by the decision id in its answer"""
    decision_id, principal, reader = call.path["decisionId"].lower(), call.principal, call.unit
    row = _refusal(reader, principal, decision_id)
    if row is None:
        raise NotFound(
            f"There is no decision {decision_id[:40]!r} that you can see.",
            "Decisions are kept in the audit log, one for each burst of equal refusals.",
        )
    own = row.subject == principal.name
    asked = (
        _Asked("You", principal.grants, principal.uncut) if own else _recorded_subject(reader, principal, row)
    )
    node = _recorded_scope(reader, principal, row.metadata.get("scope", ""))
    told = _explained(reader, principal, asked, parse_permission(row.metadata["permission"]), node)
    return DecisionOut(
        id=decision_id,
        refused_at=row.at,
        subject=row.subject,
        subject_type=_type_of(row),
        http_method=row.http_method,
        url=row.url,
        **told,
    )


def _scope(reader: Reader, principal: Principal, body: ExplainIn) -> tree.Node:
    kind = body.scope_type or ScopeType.TENANT
    if body.scope_id is None and kind not in (ScopeType.TENANT, ScopeType.SYSTEM):
        raise Invalid(f"Say which {kind} you mean with scopeId.")
    return rules.look_at_scope(reader, principal, kind, body.scope_id or str(principal.tenant_id))


def _asked(reader: Reader, principal: Principal, body: ExplainIn) -> _Asked:
    if body.subject_id is None:
        return _Asked("You", principal.grants, principal.uncut)
    subject = rules.find_subject(reader, principal.tenant_id, body.subject_type or "user", body.subject_id)
    if (subject.kind, subject.key) == (principal.kind, principal.key):
        return _Asked("You", principal.grants, principal.uncut)
    if not principal.grants.allows(_MAY_READ_RULES, principal.tenant_path):
        raise refusal(_MAY_READ_RULES, principal, principal.tenant_path)
    return _Asked(subject.name, _grants_of(reader, principal.tenant_id, subject))


def _grants_of(reader: Reader, tenant_id: int, subject: Subject) -> Grants:
    """What a subject holds; a person also through the groups the identity provider sent last."""
    user = select_user_by_email(reader, tenant_id, subject.key) if subject.kind is SubjectKind.USER else None
    groups = user.groups if user is not None and user.groups else ()
    return load_grants(reader, tenant_id, subject.kind, subject.key, groups)


def _explained(
    reader: Reader, principal: Principal, asked: _Asked, wanted: Permission, node: tree.Node
) -> dict[str, Any]:
    path = describe(node.path, principal)
    granting = [it for it in asked.grants.rules if wanted in it.permissions and node.path.startswith(it.path)]
    roles = [it for it in service.list_roles(reader, principal.tenant_id) if wanted in it.permissions]
    return {
        "allowed": bool(granting),
        "message": _sentence(principal, asked, wanted, node, granting),
        "permission": wanted.text,
        "scope_path": path,
        "granted_by": [_granted_by(reader, principal, it) for it in granting],
        "roles_that_would_grant": [RoleName(id=it.id, name=it.name) for it in roles if it.enabled],
    }


def _sentence(
    principal: Principal, asked: _Asked, wanted: Permission, node: tree.Node, granting: list[Grant]
) -> str:
    where = describe(node.path, principal)[-1]
    verb = "have" if asked.name == "You" else "has"
    if granting:
        given = ", ".join(
            f"{it.role_name} in {describe(it.path, principal)[-1]} (access rule {it.rule_id})"
            for it in granting[:3]
        )
        return f"{asked.name} {verb} {wanted} in {where}: as {given}."
    if principal.scope and asked.uncut.allows(wanted, node.path):
        return f"You have {wanted} in {where}, but this token is confined to the scope {principal.scope}."
    elsewhere = [describe(it, principal)[-1] for it in asked.grants.scopes(wanted).roots]
    but = f"; only in {', '.join(elsewhere[:3])}" if elsewhere else ", nor anywhere else"
    return f"{asked.name} {verb} no access rule that grants {wanted} in {where}{but}."


def _granted_by(reader: Reader, principal: Principal, grant: Grant) -> GrantedBy:
    node = tree.at(reader, principal.tenant_id, grant.path)
    return GrantedBy(
        access_rule_id=grant.rule_id,
        role_name=grant.role_name,
        scope_type=node.type if node else "",
        scope_id=node.ref if node else "",
    )


def _refusal(reader: Reader, principal: Principal, decision_id: str) -> store.RefusalRow | None:
    """The refusal of that id if the caller may know of it."""
    if not is_uuid(decision_id):
        return None
    # A UUIDv7 begins with the milliseconds since 1970: the index on time finds the row.
    at = int(decision_id[:8] + decision_id[9:13], 16) / 1000
    if at > 2**33:
        return None
    row = store.select_refusal(
        reader, principal.tenant_id, decision_id, instant(at - _WINDOW_SECONDS), instant(at + _WINDOW_SECONDS)
    )
    if row is None or row.subject == principal.name:
        return row
    return row if principal.grants.allows(_MAY_READ_EVENTS, principal.tenant_path) else None


def _type_of(row: store.RefusalRow) -> Literal["user", "service-account"]:
    return "user" if row.subject_type == "User" else "service-account"


def _recorded_subject(reader: Reader, principal: Principal, row: store.RefusalRow) -> _Asked:
    try:
        subject = rules.find_subject(reader, principal.tenant_id, _type_of(row), row.subject)
    except NotFound:
        return _Asked(row.subject, Grants())
    return _Asked(subject.name, _grants_of(reader, principal.tenant_id, subject))


def _recorded_scope(reader: Reader, principal: Principal, words: str) -> tree.Node:
    """The last scope on the way down that the refusal recorded; the tenant if it recorded none."""
    kind, _, ref = words.rpartition(" / ")[2].partition(" ")
    node = tree.find(reader, principal.tenant_id, kind, ref) if kind in tuple(ScopeType) else None
    return node or rules.look_at_scope(reader, principal, ScopeType.TENANT, str(principal.tenant_id))
