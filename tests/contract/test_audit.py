"""/api/v1/audit/log: what is recorded, how it is read, and that no secret is in it."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from runplane.server.audit.store import insert_rows
from runplane.server.core.clock import instant
from runplane.server.core.ids import new_id
from support.accounts import (
    other_tenant,
    person,
    service_account,
)
from support.server import ADMIN_EMAIL, Server

LOG, FILE = "/api/v1/audit/log", "/api/v1/audit/log/file"
SPAN = {"start": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
# the required members of the contract, and those that every record of ours has besides
ALWAYS = {
    "id", "timestamp", "tenant_id", "subject", "subject_type", "action", "http_method", "url", "result",
    "http_status_code", "request_id", "metadata",
}  # fmt: skip
OPTIONAL = {"source_ip", "entity_type", "entity_name", "entity_id", "cluster_name", "cluster_id"}
# Long ago, and not so long that a server prunes them in the middle of a test.
OLD = time.time() - 80 * 86400


def record(at: float, **values: Any) -> dict[str, Any]:
    """A row as `audit.journal` writes it."""
    return {
        "id": new_id(),
        "tenant_id": 1001,
        "timestamp": instant(at),
        "subject": "old@example.com",
        "subject_type": "User",
        "source_ip": "192.0.2.1",
        "action": "create",
        "http_method": "POST",
        "url": "/api/v1/things",
        "entity_type": "thing",
        "entity_name": "one",
        "entity_id": "1",
        "result": "Succeeded",
        "http_status_code": 201,
        "cluster_name": None,
        "cluster_id": None,
        "request_id": new_id(),
        "metadata": None,
        **values,
    }


def store(server: Server, *rows: dict[str, Any]) -> None:
    server.units.write(lambda unit: insert_rows(unit, list(rows)))


def read(server: Server, **params: Any) -> list[dict[str, Any]]:
    """Records of the last hour that match, oldest first."""
    server.flush()
    span = {"start": instant(time.time() - 3600), "end": instant(time.time() + 60)}
    answer = server.admin.get(
        LOG, params={**span, "numberOfSamples": 1000, "sortBy": "timestamp", "sortOrder": "asc", **params}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["audit_logs"]


# reading


@pytest.mark.parametrize("route", [LOG, FILE])
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "start"),
        ({"start": SPAN["start"]}, "end"),
        ({"end": SPAN["end"]}, "start"),
        ({**SPAN, "start": "yesterday"}, "start must be a date"),
        ({"start": SPAN["end"], "end": SPAN["start"]}, "later"),
        ({**SPAN, "filterBy": "colour==red"}, "colour"),
        ({**SPAN, "filterBy": "http_method==GET"}, "http_method"),
        ({**SPAN, "filterBy": "result==Perhaps"}, "Succeeded"),
        ({**SPAN, "numberOfSamples": "-1"}, "numberOfSamples"),
        ({**SPAN, "numberOfSamples": "100001"}, "numberOfSamples"),
        ({**SPAN, "offset": "-1"}, "offset"),
        ({**SPAN, "sortBy": "cluster_name"}, "sortBy"),
    ],
)
def test_what_cannot_be_asked_is_a_400(server: Server, route: str, params: dict[str, str], said: str) -> None:
    answer = server.admin.get(route, params=params)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_a_page_holds_at_most_a_thousand(server: Server) -> None:
    assert server.admin.get(LOG, params={**SPAN, "numberOfSamples": 1000}).status_code == 200
    assert server.admin.get(LOG, params={**SPAN, "numberOfSamples": 1001}).status_code == 400


@pytest.mark.clause("log.decisions")
def test_a_record_has_the_shape_of_the_contract(server: Server) -> None:
    machine = service_account(server)
    [found] = read(server, filterBy=f"entity_name=={machine.name},action==create")
    assert found.keys() == {*ALWAYS, "source_ip", "entity_type", "entity_name", "entity_id"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["timestamp"])
    assert {key: found[key] for key in found.keys() - {"id", "timestamp", "request_id", "metadata"}} == {
        "tenant_id": "1001",
        "subject": ADMIN_EMAIL,
        "subject_type": "User",
        "source_ip": "127.0.0.1",
        "action": "create",
        "http_method": "POST",
        "url": "/api/v1/service-accounts",
        "entity_type": "service-account",
        "entity_name": machine.name,
        "entity_id": machine.id,
        "result": "Succeeded",
        "http_status_code": 201,
    }
    assert isinstance(found["metadata"], dict)
    full = record(OLD, cluster_name="c", cluster_id=str(uuid4()), metadata='{"fields":"enabled"}')
    store(server, full)
    span = {"start": full["timestamp"], "end": full["timestamp"]}
    [shown] = server.admin.get(LOG, params={**span, "filterBy": "cluster_name==c"}).json()["audit_logs"]
    assert shown.keys() == ALWAYS | OPTIONAL
    assert shown == {**full, "tenant_id": "1001", "metadata": {"fields": "enabled"}}


def test_pages_cover_everything_once(any_server: Server) -> None:
    base = OLD - 86400
    # ten at one instant each: the id decides among equals
    rows = [record(base + number // 10, entity_id=str(number)) for number in range(45)]
    store(any_server, *rows)
    span = {"start": instant(base), "end": instant(base + 100)}
    seen = list[str]()
    following: int | None = 0
    sizes = list[int]()
    while following is not None:
        body = any_server.admin.get(LOG, params={**span, "offset": following}).json()
        assert body["total"] == 45
        seen += [it["id"] for it in body["audit_logs"]]
        sizes.append(len(body["audit_logs"]))
        following = body.get("next")
    assert sizes == [20, 20, 5]
    assert seen == [it["id"] for it in sorted(rows, key=lambda it: (it["timestamp"], it["id"]), reverse=True)]
    inner = {"start": instant(base + 1), "end": instant(base + 2)}
    assert any_server.admin.get(LOG, params=inner).json()["total"] == 20


def test_filters_and_orders(any_server: Server) -> None:
    base = OLD - 2 * 86400
    rows = [
        record(base, subject="b@example.com", action="delete", result="Failed", http_status_code=403),
        record(base + 1, subject="a", subject_type="App", url="/api/v1/x", cluster_name="prod"),
        record(
            base + 2, subject="c@example.com", entity_type="user", entity_name="100%_x", http_method="PUT"
        ),
        record(base + 3, subject="d@example.com", source_ip="198.51.100.7", entity_id="0"),
    ]
    store(any_server, *rows)
    span = {"start": instant(base), "end": instant(base + 10)}

    def ask(**params: Any) -> str:
        answer = any_server.admin.get(LOG, params={**span, **params})
        assert answer.status_code == 200, answer.text
        return "".join(it["subject"][0] for it in answer.json()["audit_logs"])

    assert ask() == "dcab"
    assert ask(sortOrder="asc") == "bacd"
    assert ask(sortBy="subject") == "abcd"
    assert ask(sortBy="AuditLogSort.SUBJECT", sortOrder="desc") == "dcba"
    assert ask(sortBy="http_method", sortOrder="desc")[0] == "c"
    assert ask(sortBy="entity_id")[0] == "d"
    for term, found in {
        "subject=@EXAMPLE.com": "dcb",
        "subject!=a": "dcb",
        "subject_type==App": "a",
        "subject_type==app": "a",
        "action==delete": "b",
        "result==Failed": "b",
        "url=$/x": "a",
        "source_ip==198.51.100.7": "d",
        "source_ip=^198.": "d",
        "entity_type==user": "c",
        "entity_name=@%_": "c",
        "entity_name=@' OR 1=1": "",
        "cluster_name==prod": "a",
        f"timestamp>={instant(base + 2)}": "dc",
        f"timestamp<={instant(base + 1)},subject=@b@": "b",
    }.items():
        assert ask(filterBy=term) == found, term


def test_only_who_may_read_the_event_history(server: Server) -> None:
    _, email, password = person(server)
    for client in (server.client(server.token(email, password)), server.client()):
        for route in (LOG, FILE):
            answer = client.get(route, params=SPAN)
            assert answer.status_code == (401 if "authorization" not in client.headers else 403)
    assert "events-history:read" in server.client(server.token(email, password)).get(LOG).text


@pytest.mark.clause("authz.hidden-in-lists")
def test_another_tenant_s_records_are_not_there(make_server: Callable[..., Server]) -> None:
    server = make_server()
    other_tenant(server)
    store(server, record(OLD, tenant_id=2002, subject="stranger@example.com"), record(OLD))
    for params in ({}, {"filterBy": "subject=@stranger"}):
        body = server.admin.get(LOG, params={**SPAN, **params, "numberOfSamples": 1000}).json()
        assert "stranger" not in json.dumps(body)
        assert len(body["audit_logs"]) == body["total"]
        assert b"stranger" not in server.admin.get(FILE, params={**SPAN, **params}).content


# the file


def test_files_hold_everything_once_whatever_their_size(any_server: Server) -> None:
    base = OLD - 3 * 86400
    rows = [record(base + number // 7 / 1000, entity_id=str(number)) for number in range(4321)]
    for start in range(0, len(rows), 500):
        store(any_server, *rows[start : start + 500])
    span = {"start": instant(base), "end": instant(base + 10)}
    wanted = [it["id"] for it in sorted(rows, key=lambda it: (it["timestamp"], it["id"]), reverse=True)]
    answer = any_server.admin.get(FILE, params={**span, "file_type": "JSON"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-log-')
    assert answer.headers["content-disposition"].endswith('.json"')
    assert answer.headers["x-total-count"] == "4321"
    assert [it["id"] for it in answer.json()] == wanted
    table = list(csv.DictReader(io.StringIO(any_server.admin.get(FILE, params=span).text)))
    assert [it["id"] for it in table] == wanted
    oldest_first = any_server.admin.get(FILE, params={**span, "file_type": "JSON", "sortOrder": "asc"})
    assert [it["id"] for it in oldest_first.json()] == wanted[::-1]
    part = any_server.admin.get(
        FILE, params={**span, "fileType": "JSON", "numberOfSamples": 2500, "offset": 3}
    )
    assert [it["id"] for it in part.json()] == wanted[3:2503]
    none = any_server.admin.get(FILE, params={**span, "file_type": "JSON", "filterBy": "subject==nobody"})
    assert none.json() == []


@pytest.mark.clause("log.one-line")
@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x")'])
def test_cells_that_a_spreadsheet_would_run_are_disarmed(server: Server, cell: str) -> None:
    at = instant(OLD - 4 * 86400)
    one = record(OLD - 4 * 86400, entity_name=cell, subject='say "hi", you')
    store(server, one)
    answer = server.admin.get(FILE, params={"start": at, "end": at, "fileType": "AuditFileType.CSV"})
    rows = [it for it in csv.DictReader(io.StringIO(answer.text, newline="")) if it["id"] == one["id"]]
    assert [it["entity_name"] for it in rows] == [f"'{cell}"]
    assert rows[0]["subject"] == 'say "hi", you'
    answer = server.admin.get(FILE, params={"start": at, "end": at, "file_type": "json"})
    assert [it["entity_name"] for it in answer.json() if it["id"] == one["id"]] == [cell]


def test_the_notation_is_csv_or_json(server: Server) -> None:
    for params in ({"file_type": "XML"}, {"file_type": "CSV", "fileType": "JSON"}):
        assert server.admin.get(FILE, params={**SPAN, **params}).status_code == 400
    assert server.admin.get(FILE, params=SPAN).text.startswith("id,timestamp,tenant_id,")
