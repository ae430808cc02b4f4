"""A cookie is good for getting a token in the console, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from runplane.server.app import operations_for_inspection
from runplane.server.authz.guard import Form
from support.logins import browser
from support.server import Server

EVERYTHING = operations_for_inspection()


def address(operation: Any) -> str:
    return "/".join("runai" if it.startswith("{") else it for it in operation.path.split("/"))


@pytest.mark.slow
@pytest.mark.clause("csrf.bearer-only")
def test_no_operation_is_opened_by_a_cookie(server: Server) -> None:
    """With cookies, their token and the right origin: as unknown as without."""
    person = browser(server)
    gated = [it for it in EVERYTHING if it.allow.form is not Form.PUBLIC]
    assert len(gated) > 300
    for operation in gated:
        answer = person.request(operation.method, address(operation))
        assert answer.status_code == 401, operation.id
    # the counterpart: the cookies are good
    assert person.post("/api/v1/session/token", json={}).status_code == 200
