"""Rules for groups count for their members, and for nobody else who is in some group."""

from __future__ import annotations

import json

import pytest

from runplane.server.authz.catalogue import SYSTEM_ADMINISTRATOR_ID
from runplane.server.core.ids import new_id
from support.access import PASSWORD, rule, tenant_node, user
from support.server import Server

pytestmark = pytest.mark.detail


@pytest.fixture(scope="module")
def ruled(any_server: Server) -> Server:
    """A server where a group holds everything, and so does a person who is called like another group."""
    rule(any_server, "crew", SYSTEM_ADMINISTRATOR_ID, tenant_node(), kind="group")
    rule(any_server, "visitors", SYSTEM_ADMINISTRATOR_ID, tenant_node(), kind="user")
    return any_server


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        ([], 403),
        (["crew"], 200),
        (["visitors", "crew"], 200),
        (["visitors"], 403),
        # names are compared letter by letter
        (["Crew"], 403),
        (["crew "], 403),
        # more than are looked up at a time
        ([f"group {number}" for number in range(16)], 403),
        ([*(f"group {number}" for number in range(16)), "crew"], 200),
    ],
)
def test_a_rule_for_a_group_counts_for_its_members_only(
    ruled: Server, groups: list[str], status: int
) -> None:
    email = f"{new_id()}@example.com"
    user(ruled, email, groups=json.dumps(groups))
    caller = ruled.client(ruled.token(email, PASSWORD))
    assert caller.get("/api/v1/users").status_code == status
