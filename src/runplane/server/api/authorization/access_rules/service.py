"""The rules of access rules: who may give what to whom, and where.

Two things are asked of whoever creates or deletes a rule: the permission on access rules at its scope, and
everything its role grants there. So nobody gains by creating, and nobody weakens somebody who holds more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runplane.server.api.authorization.access_rules import store
from runplane.server.api.authorization.access_rules.model import KINDS, RuleDraft, RuleRow, Subject
from runplane.server.api.authorization.model import RoleRow, path_number
from runplane.server.api.authorization.service import find_role, hold_role, unknown_role
from runplane.server.authz import tree
from runplane.server.authz.catalogue import SYSTEM_ADMINISTRATOR_ID
from runplane.server.authz.explain import refusal
from runplane.server.authz.limits import must_hold
from runplane.server.authz.permissions import ACCESS_RULES, CREATE, DELETE, READ, permission
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.core.errors import DomainError, Invalid, NotFound
from runplane.server.core.ids import is_uuid
from runplane.server.core.listing import Page
from runplane.server.core.scope import SYSTEM_PATH, ScopeType
from runplane.server.identity.administrators import keep_one_administrator
from runplane.server.identity.records import ClientKind
from runplane.server.identity.store import (
    select_client,
    select_client_by_identifier,
    select_user,
    select_user_by_email,
)
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit

_MAY_CREATE = permission(CREATE, ACCESS_RULES)
_MAY_READ = permission(READ, ACCESS_RULES)
_MAY_DELETE = permission(DELETE, ACCESS_RULES)

# Enough to catch a name put where an address belongs; what is a good address, the users room decides.
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\Z")


def list_rules(
    unit: Unit,
    principal: Principal,
    page: Page,
    *,
    deleted: bool,
    subjects: Sequence[str] | None,
) -> tuple[list[RuleRow], int]:
    """A page of the rules whose scope the caller may read rules in, and how many there are in all."""
    scopes = principal.grants.scopes(_MAY_READ)
    keys = _subject_keys(unit, principal.tenant_id, subjects)
    rows = store.select_rules(unit, principal.tenant_id, page, scopes, deleted=deleted, subjects=keys)
    return rows, store.count_rules(unit, principal.tenant_id, page, scopes, deleted=deleted, subjects=keys)


def count_rules(
    unit: Unit, principal: Principal, page: Page, *, deleted: bool, subjects: Sequence[str] | None
) -> int:
    """How many rules `list_rules` finds on all pages."""
    scopes = principal.grants.scopes(_MAY_READ)
    keys = _subject_keys(unit, principal.tenant_id, subjects)
    return store.count_rules(unit, principal.tenant_id, page, scopes, deleted=deleted, subjects=keys)


def _subject_keys(reader: Reader, tenant_id: int, subjects: Sequence[str] | None) -> list[str] | None:
    """Subjects as the store compares them; the id of a user stands for the user's e-mail address."""
    if subjects is None:
        return None
    found: list[str] = []
    for name in subjects:
        user = select_user(reader, tenant_id, name) if is_uuid(name) else None
        found += [name, name.lower()] if user is None else [user.email_key]
    return found


def get_rule(reader: Reader, principal: Principal, rule_id: str) -> tuple[RuleRow, str | None]:
    """A rule and the names on the way to its scope, joined by `/`. Raises NotFound."""
    row = _find(reader, principal, rule_id)
    if not principal.grants.allows(_MAY_READ, row.scope_path):
        raise _unknown(rule_id)
    names = [node.name for node in tree.along(reader, principal.tenant_id, row.scope_path)]
    return row, "/".join(names) or None


def scope_of(unit: Unit, principal: Principal, scope_type: str, scope_id: str) -> tree.Node:
    """The scope a rule is to be created at; it stays where it is until the unit ends.

    Raises NotFound for one that does not exist or that the caller cannot see.
    """
    node = tree.hold(unit, principal.tenant_id, scope_type, _ref(principal, scope_type, scope_id))
    return _visible(principal, node, scope_type, scope_id)


def look_at_scope(reader: Reader, principal: Principal, scope_type: str, scope_id: str) -> tree.Node:
    """As `scope_of`, for who only asks about it."""
    node = tree.find(reader, principal.tenant_id, scope_type, _ref(principal, scope_type, scope_id))
    return _visible(principal, node, scope_type, scope_id)


def _ref(principal: Principal, scope_type: str, scope_id: str) -> str:
    if scope_type == ScopeType.TENANT and scope_id == principal.realm:
        return str(principal.tenant_id)
    return scope_id.lower() if scope_type == ScopeType.CLUSTER else scope_id


def _visible(principal: Principal, node: tree.Node | None, scope_type: str, scope_id: str) -> tree.Node:
    # One's own tenant is no secret: whoever holds nothing yet asks about it first.
    if node is None or not (node.path == principal.tenant_path or principal.grants.sees(node.path)):
        raise NotFound(f"There is no {scope_type} {scope_id[:60]!r} that you can see.")
    return node


def create_rule(unit: Unit, principal: Principal, draft: RuleDraft) -> RuleRow:
    """Create a rule. Raises Forbidden, NotFound, Invalid, or AlreadyExists."""
    node = scope_of(unit, principal, draft.scope_type, draft.scope_id)
    if not principal.grants.allows(_MAY_CREATE, node.path):
        raise refusal(_MAY_CREATE, principal, node.path)
    role = _assignable(unit, principal, draft.role_id)
    cluster_id = _cluster(unit, principal, node, draft.cluster_id)
    subject = find_subject(unit, principal.tenant_id, draft.subject_type, draft.subject_id)
    must_hold(principal, role.reach, node.path)
    values = {
        "tenant_id": principal.tenant_id,
        "subject_id": subject.name,
        "subject_type": subject.type,
        "subject_kind": subject.kind.value,
        "subject_key": subject.key,
        "role_id": role.id,
        "role_name": role.name,
        "scope_type": node.type,
        "scope_id": node.ref,
        "scope_name": node.name,
        "scope_path": node.path,
        "cluster_id": cluster_id,
        "created_at": unit.now,
        "updated_at": unit.now,
        "created_by": principal.name,
    }
    return store.insert_rule(unit, values, f"{subject.name} is {role.name} in {node.type} {node.name}")


def _assignable(unit: Unit, principal: Principal, role_id: int) -> RoleRow:
    role = hold_role(unit, principal.tenant_id, role_id)
    if role is None:
        raise unknown_role(role_id)
    if not role.enabled:
        raise Invalid(f"The role {role.name} is disabled; enable it before you assign it.")
    return role


def _cluster(reader: Reader, principal: Principal, node: tree.Node, given: str | None) -> str | None:
    """The cluster a scope lies in, None above clusters. Raises Invalid when another one was given."""
    parts = node.path.strip("/").split("/")
    actual = parts[1] if len(parts) > 1 else None
    if given is None:
        return actual
    if actual is not None and given.lower() != actual:
        raise Invalid(f"The {node.type} {node.ref} does not belong to the cluster {given[:60]!r}.")
    if actual is None and tree.find(reader, principal.tenant_id, ScopeType.CLUSTER, given.lower()) is None:
        raise NotFound(f"There is no cluster {given[:60]!r} that you can see.")
    return actual


def find_subject(reader: Reader, tenant_id: int, subject_type: str, subject_id: str) -> Subject:
    """The subject that a type and an identifier mean.

    A person is named by e-mail address, known or not yet (single sign-on makes the account later), or by id;
    a service account by name, client id or id; a group by the name the identity provider sends.
    Raises NotFound, or Invalid for a person's name that is no address.
    """
    kind = KINDS[subject_type]
    if kind is SubjectKind.USER:
        return _person(reader, tenant_id, subject_id)
    if kind is SubjectKind.GROUP:
        return Subject(kind, subject_type, subject_id, subject_id)
    client = select_client_by_identifier(reader, tenant_id, subject_id)
    if client is None:
        client = select_client(reader, tenant_id, subject_id.lower())
    if client is None or client.kind != ClientKind.SERVICE_ACCOUNT:
        raise NotFound(f"There is no service account {subject_id[:60]!r}.")
    return Subject(kind, subject_type, client.name, client.id)


def _person(reader: Reader, tenant_id: int, subject_id: str) -> Subject:
    if is_uuid(subject_id.lower()):
        user = select_user(reader, tenant_id, subject_id.lower())
        if user is None:
            raise NotFound(f"There is no user {subject_id[:60]!r}.")
    elif _ADDRESS.match(subject_id):
        user = select_user_by_email(reader, tenant_id, subject_id)
    else:
        raise Invalid("Name a user by e-mail address or by user id.")
    if user is None:
        return Subject(SubjectKind.USER, "user", subject_id, subject_id.lower())
    return Subject(SubjectKind.USER, "user", user.email, user.email_key)


def delete_rule(unit: Unit, principal: Principal, rule_id: str) -> RuleRow:
    """Delete a rule. Raises NotFound, Forbidden, or InUse for the last System administrator."""
    row = _find(unit, principal, rule_id)
    grants = principal.grants
    if not grants.allows(_MAY_DELETE, row.scope_path):
        if grants.allows(_MAY_READ, row.scope_path):
            raise refusal(_MAY_DELETE, principal, row.scope_path)
        raise _unknown(rule_id)
    role = find_role(unit, principal.tenant_id, row.role_id)
    must_hold(principal, role.reach if role else (), row.scope_path)
    if not store.delete_rule(unit, principal.tenant_id, row.id, principal.name):
        raise _unknown(rule_id)
    if _opens_the_door(row, principal):
        keep_one_administrator(unit, principal.tenant_id)
    return row


def _opens_the_door(row: RuleRow, principal: Principal) -> bool:
    """Whether the rule makes somebody an administrator of the whole tenant."""
    return (
        row.role_id == SYSTEM_ADMINISTRATOR_ID
        and row.subject_kind == SubjectKind.USER
        and row.scope_path in (SYSTEM_PATH, principal.tenant_path)
    )


def _find(reader: Reader, principal: Principal, rule_id: str) -> RuleRow:
    number = path_number(rule_id)
    row = store.select_rule(reader, principal.tenant_id, number) if number is not None else None
    if row is None:
        raise _unknown(rule_id)
    return row


def _unknown(rule_id: str) -> NotFound:
    return NotFound(f"There is no access rule {rule_id[:40]!r} that you can see.")


def create_rules(
    unit: Unit, principal: Principal, drafts: Sequence[RuleDraft]
) -> tuple[list[RuleRow], list[tuple[RuleDraft, DomainError]]]:
    """Create what can be created; each refusal stands beside the rule it is about."""
    created: list[RuleRow] = []
    refused: list[tuple[RuleDraft, DomainError]] = []
    for draft in drafts:
        try:
            with store.savepoint(unit):
                created.append(create_rule(unit, principal, draft))
        except DomainError as error:
            refused.append((draft, error))
    return created, refused


def delete_rules(
    unit: Unit, principal: Principal, rule_ids: Sequence[str], *, keep: bool
) -> tuple[list[RuleRow], list[tuple[str, DomainError]]]:
    """Delete what can be deleted; without `keep`, only find out what would be."""
    deleted: list[RuleRow] = []
    refused: list[tuple[str, DomainError]] = []
    # One savepoint around all: what is refused may depend on what went before, in a trial too.
    with store.savepoint(unit, keep=keep):
        for rule_id in rule_ids:
            try:
                with store.savepoint(unit):
                    deleted.append(delete_rule(unit, principal, rule_id))
            except DomainError as error:
                refused.append((rule_id, error))
    return deleted, refused
