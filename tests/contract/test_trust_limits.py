"""How many trusts a tenant may have, to the last one."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select

from runplane.server.core.ids import new_id
from runplane.server.identity.trusts.model import MAX_TRUSTS
from runplane.server.identity.trusts.tables import trusts
from support.accounts import service_account
from support.server import Server
from support.trusts import TRUSTS

pytestmark = pytest.mark.detail


def test_the_last_trust_is_made_and_one_more_is_not(server: Server) -> None:
    conditions = [{"claim": "sub", "operator": "equals", "values": ["build"]}]
    account = service_account(server).id
    body = {"serviceAccountId": account, "issuer": "https://ci.example", "conditions": conditions}

    def make(name: str) -> Any:
        return server.admin.post(TRUSTS, json={**body, "name": name})

    def count() -> Any:
        return server.units.read(lambda unit: unit.execute(select(func.count()).select_from(trusts)).scalar())

    assert make("first").status_code == 201

    def fill(unit: Any) -> None:
        row = dict(unit.execute(select(trusts)).one()._mapping)
        copies = [{**row, "id": new_id(), "name": f"copy {it}"} for it in range(MAX_TRUSTS - 2)]
        unit.execute(insert(trusts), copies)

    server.units.write(fill)
    assert make("last").status_code == 201
    refused = make("one more")
    assert (refused.status_code, f"There are {MAX_TRUSTS} trusts" in refused.text) == (400, True)
    assert count() == MAX_TRUSTS
