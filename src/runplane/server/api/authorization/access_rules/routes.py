"""/api/v1/authorization/access-rules: who is what, where (contract 3). Rules are never edited.

The two batch calls answer 200 whatever became of the single rules; each failure carries the status that a
call for that rule alone would have had.
"""

from __future__ import annotations

from typing import Any

from runplane.server.api.authorization.access_rules import service, wire
from runplane.server.api.authorization.access_rules.model import ACCESS_RULES as LISTING
from runplane.server.authz.guard import can
from runplane.server.authz.permissions import ACCESS_RULES, CREATE, DELETE, READ
from runplane.server.core.ids import new_id
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, CountOut, Mode, Operations, Surface
from runplane.server.http.problems import status_of

ops = Operations("/api/v1/authorization/access-rules", tag="Access rules")


def _scope_in_body(call: Call[wire.AccessRuleIn]) -> str:
    return service.scope_of(call.unit, call.principal, call.body.scope_type, call.body.scope_id).path


@ops.get(
    "",
    allow=can(READ, ACCESS_RULES).anywhere(),
    listing=LISTING,
    query=wire.AccessRulesQuery,
    reply=wire.AccessRulesPage,
)
def get_access_rules(call: Call[Any]) -> wire.AccessRulesPage:
    """List access rules"""
    query: wire.AccessRulesQuery = call.query
    rows, total = service.list_rules(
        call.unit,
        call.principal,
        query.narrow(call.page),
        deleted=query.include_deleted,
        subjects=query.subjects(),
    )
    return wire.AccessRulesPage(
        total_records=total, display_records=len(rows), access_rules=[wire.present(row) for row in rows]
    )


@ops.get(
    "/count",
    allow=can(READ, ACCESS_RULES).anywhere(),
    listing=LISTING,
    query=wire.AccessRulesQuery,
    reply=CountOut,
)
def count_access_rules(call: Call[Any]) -> CountOut:
    """Count access rules"""
    query: wire.AccessRulesQuery = call.query
    return CountOut(
        count=service.count_rules(
            call.unit,
            call.principal,
            query.narrow(call.page),
            deleted=query.include_deleted,
            subjects=query.subjects(),
        )
    )


@ops.post(
    "",
    status=201,
    allow=can(CREATE, ACCESS_RULES).at(_scope_in_body),
    body=wire.AccessRuleIn,
    reply=wire.AccessRule,
    audit=Audited("access-rule"),
)
def create_access_rule(call: Call[wire.AccessRuleIn]) -> wire.AccessRule:
    """Create an access rule"""
    row = service.create_rule(call.unit, call.principal, call.body.draft())
    call.note.target(row.id, row.sentence)
    return wire.present(row)


@ops.get(
    "/{accessRuleId}",
    allow=can(READ, ACCESS_RULES).anywhere(),
    reply=wire.AccessRuleById,
    mode=Mode.HOT,
)
def get_access_rule(call: Call[Any]) -> wire.AccessRuleById:
    """Get an access rule"""
    row, scope_path = service.get_rule(call.reader, call.principal, call.path["accessRuleId"])
    return wire.present_by_id(row, scope_path)


@ops.delete(
    "/{accessRuleId}",
    status=204,
    allow=can(DELETE, ACCESS_RULES).anywhere(),
    audit=Audited("access-rule"),
)
def delete_access_rule(call: Call[Any]) -> None:
    """Delete an access rule"""
    row = service.delete_rule(call.unit, call.principal, call.path["accessRuleId"])
    call.note.target(row.id, row.sentence)


@ops.post(
    "/batch",
    allow=can(DELETE, ACCESS_RULES).anywhere(),
    body=wire.BatchIn,
    reply=wire.BatchOut,
    audit=Audited("access-rule", action="delete"),
)
def access_rules_batch(call: Call[wire.BatchIn]) -> wire.BatchOut:
    """Delete several access rules, or check whether that would succeed"""
    rows, refused = service.delete_rules(
        call.unit, call.principal, call.body.unique(), keep=call.body.action == "delete"
    )
    ids = [str(row.id) for row in rows]
    batch_id = new_id()
    call.note.target(batch_id, f"{len(ids)} access rules", operation=call.body.action, ids=", ".join(ids))
    return wire.BatchOut(
        id=batch_id,
        succeeded=ids,
        failed=[
            wire.BatchFailure(id=rule_id, code=status_of(error, Surface.MODERN), message=error.message)
            for rule_id, error in refused
        ],
    )


@ops.post(
    "/batch-create",
    allow=can(CREATE, ACCESS_RULES).anywhere(),
    body=wire.BatchCreateIn,
    reply=wire.BatchCreateOut,
    audit=Audited("access-rule"),
)
def access_rules_batch_create(call: Call[wire.BatchCreateIn]) -> wire.BatchCreateOut:
    """Create an access rule for each of several subjects in each of several scopes"""
    rows, refused = service.create_rules(call.unit, call.principal, call.body.drafts())
    ids = ", ".join(str(row.id) for row in rows)
    call.note.target(new_id(), f"{len(rows)} access rules", ids=ids, roleId=call.body.payload.role_id)
    return wire.BatchCreateOut(
        succeeded=[wire.present(row) for row in rows],
        failed=[
            wire.BatchCreateFailure(
                payload=wire.present_draft(draft),
                code=status_of(error, Surface.MODERN),
                message=error.message,
            )
            for draft, error in refused
        ],
    )
