"""GET /api/v1/authorization/me/access-rules and its count: the rules that give the caller what it holds."""

from __future__ import annotations

from typing import Any

from runplane.server.api.authorization.access_rules import store, wire
from runplane.server.api.authorization.access_rules.model import MY_ACCESS_RULES
from runplane.server.authz.guard import signed_in
from runplane.server.http.call import Call
from runplane.server.http.operation import CountOut, Operations

ops = Operations("/api/v1/authorization/me/access-rules", tag="Me")

_OWN = signed_in("it shows only the rules that name the caller or one of its groups", scoped=True)


@ops.get("", allow=_OWN, listing=MY_ACCESS_RULES, reply=wire.MyAccessRulesOut)
def get_me_access_rules(call: Call[Any]) -> wire.MyAccessRulesOut:
    """List the access rules that name you"""
    rows = store.select_rules_of_caller(call.unit, call.principal, call.page)
    return wire.MyAccessRulesOut(
        access_rules=wire.MyAccessRulesPage(
            total_records=store.count_rules_of_caller(call.unit, call.principal, call.page),
            display_records=len(rows),
            access_rules=[wire.present_mine(row) for row in rows],
        )
    )


@ops.get("/count", allow=_OWN, listing=MY_ACCESS_RULES, reply=CountOut)
def count_me_access_rules(call: Call[Any]) -> CountOut:
    """Count the access rules that name you"""
    return CountOut(count=store.count_rules_of_caller(call.unit, call.principal, call.page))
