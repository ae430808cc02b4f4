"""`runplane deprecated-calls` shows the ledger to people and to programs."""

from __future__ import annotations

import json
from collections.abc import Callable

from support.accounts import service_account
from support.cli import Line
from support.server import ADMIN_EMAIL, Server

LEDGER = "/api/v1/administration/deprecated-calls"


def test_the_ledger_is_shown(line: Line, server: Server) -> None:
    for path in ("/api/v1/apps", "/v1/k8s/clusters/0198c0de-0000-7000-8000-00000000ffff/node-pools"):
        for _ in range(2):
            server.admin.get(path, headers={"user-agent": "shown/1.0 [bold]x"})
    server.flush()
    line.log_in(server)
    lines = [it for it in line.ok("deprecated-calls").splitlines() if "shown/1.0" in it]
    assert len(lines) == 2
    (apps,) = [it.split("   ") for it in lines if "/api/v1/apps" in it]
    cells = [it.strip() for it in apps if it.strip()]
    assert cells[:5] == [
        ADMIN_EMAIL, "shown/1.0 [bold]x", "GET /api/v1/apps", "/api/v1/service-accounts", "2"
    ]  # fmt: skip
    ledger = server.admin.get(LEDGER, params={"limit": 500}).json()["deprecatedCalls"]
    assert json.loads(line.ok("deprecated-calls", "-o", "json")) == ledger


def test_an_empty_ledger_says_so(line: Line, make_server: Callable[..., Server]) -> None:
    server = make_server()
    line.log_in(server)
    assert line.ok("deprecated-calls") == "Nobody has called a deprecated operation.\n"
    assert json.loads(line.ok("deprecated-calls", "-o", "json")) == []


def test_somebody_who_may_not_see_it_hears_why(line: Line, server: Server) -> None:
    nobody = service_account(server, "no-reader")
    token = server.client_token(nobody.client_id, nobody.secret)
    code, out, err = line("deprecated-calls", "--server", server.url, RUNPLANE_TOKEN=token)
    assert (code, out) == (4, "")
    assert "events-history:read" in err
