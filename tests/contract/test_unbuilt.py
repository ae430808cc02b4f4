"""What the contract has and this release does not: a 501 that says so, to those who are signed in."""

from __future__ import annotations

import re

import pytest

from runplane.server.core.contract import ContractOperation, load_contract
from support.server import Server

PLANNED = [it for it in load_contract().operations if it.state == "planned"]


def address(operation: ContractOperation) -> str:
    return re.sub(r"\{[^}]*\}", "7", operation.path)


def test_every_planned_operation_says_that_it_is_not_built(server: Server) -> None:
    stranger = server.client()
    for operation in PLANNED:
        answer = server.admin.request(operation.method, address(operation))
        assert answer.status_code == 501, (operation.id, answer.text)
        body = answer.json()
        assert body["code"] == 501
        assert operation.id in body["message"]
        assert stranger.request(operation.method, address(operation)).status_code == 401, operation.id


@pytest.mark.skipif(not PLANNED, reason="everything in the contract is built")
def test_the_document_lists_them_with_that_answer_only(server: Server) -> None:
    paths = server.client().get("/api/docs/swagger.json").json()["paths"]
    for operation in PLANNED:
        answers = paths[operation.path][operation.method.lower()]["responses"]
        assert set(answers) == {"501"}, operation.id
