"""Two tenants in one installation: the host names one, and neither sees anything of the other."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select

from runplane.server.authz import tree
from runplane.server.commands.admin import create_tenant, make_operator
from runplane.server.commands.failures import CommandFailed
from runplane.server.core.ids import new_id
from runplane.server.settings import load_settings
from runplane.server.sql.schema import tenants
from support.access import PASSWORD, SYSTEM_ADMINISTRATOR, VIEWER, rule, tenant_node, user
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

OTHER_EMAIL = "ada@acme.example"
NEW_PASSWORD = "copper-lantern-eight-maps"
SIGN_IN = {"grantType": "password", "username": OTHER_EMAIL, "password": NEW_PASSWORD}


def make(server: Server, name: str, email: str = OTHER_EMAIL) -> list[str]:
    """What the command for a tenant prints."""
    return said_by(server, create_tenant, name, email)


def said_by(server: Server, command: Callable[..., None], *arguments: str) -> list[str]:
    """What a command prints. It sets up logging for its process, which here is the test's."""
    said: list[str] = []
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        command(load_settings({}, server.environment), *arguments, said.append)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    return said


def tenants_of(server: Server) -> list[Any]:
    query = select(tenants.c.id, tenants.c.name, tenants.c.version)
    return server.units.read(lambda unit: list(unit.execute(query).all()))


def id_of(server: Server, name: str) -> int:
    """Tenants are numbered as they are made, and tests run in any order."""
    (found,) = [row.id for row in tenants_of(server) if row.name == name]
    return found


def post(server: Server, path: str, host: str, **body: Any) -> httpx.Response:
    return httpx.post(server.url + path, headers={"host": host}, **body)


@pytest.fixture(scope="module")
def acme(any_server: Server) -> httpx.Client:
    """The administrator of a second tenant, made beside the running server."""
    said = make(any_server, "acme")
    temporary = said[1].rsplit(" ", 1)[1]
    any_server.clock.advance(0)
    any_server.app.identity.realms.expect_more()
    token = post(
        any_server, "/api/v1/token", "acme.example.com", json={**SIGN_IN, "password": temporary}
    ).json()["accessToken"]
    changed = any_server.client(token).post(
        "/api/v1/me/password", json={"currentPassword": temporary, "newPassword": NEW_PASSWORD}
    )
    assert changed.status_code == 200, changed.text
    answer = post(any_server, "/api/v1/token", "acme.example.com", json=SIGN_IN)
    assert answer.status_code == 200, answer.text
    return any_server.client(answer.json()["accessToken"])


@pytest.mark.parametrize("host", ["acme.example.com", "ACME.example.com:8443", "acme"])
def test_the_host_names_the_tenant(any_server: Server, acme: httpx.Client, host: str) -> None:
    assert post(any_server, "/api/v1/token", host, json=SIGN_IN).status_code == 200
    mine = {"grantType": "password", "username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    assert post(any_server, "/api/v1/token", host, json=mine).status_code == 400
    old = {"email": OTHER_EMAIL, "password": NEW_PASSWORD}
    answer = post(any_server, "/v1/k8s/auth/login", host, json=old)
    assert (answer.status_code, answer.json()["tenant_id"]) == (200, id_of(any_server, "acme"))


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8080", "runai.example.com", "elsewhere.example.com"]
)
def test_any_other_host_is_the_first_tenant(any_server: Server, acme: httpx.Client, host: str) -> None:
    mine = {"grantType": "password", "username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    assert post(any_server, "/api/v1/token", host, json=mine).status_code == 200
    assert post(any_server, "/api/v1/token", host, json=SIGN_IN).status_code == 400


def test_a_machine_gets_its_token_at_its_tenants_host_only(any_server: Server, acme: httpx.Client) -> None:
    made = acme.post("/api/v1/service-accounts", json={"name": "robot"}).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
    }
    assert post(any_server, "/api/v2/token", "acme.example.com", data=form).status_code == 200
    assert post(any_server, "/api/v2/token", "localhost", data=form).status_code == 401
    old = {"id": made["clientId"], "name": "robot", "secret": made["clientSecret"]}
    assert post(any_server, "/v1/k8s/auth/oauth/apptoken", "acme.example.com", json=old).status_code == 200
    assert post(any_server, "/v1/k8s/auth/oauth/apptoken", "localhost", json=old).status_code == 400


def test_each_sees_its_own_tenant_only(any_server: Server, acme: httpx.Client) -> None:
    for client, ours in ((any_server.admin, (1001, "runai")), (acme, (id_of(any_server, "acme"), "acme"))):
        answer = client.get("/api/v1/tenants")
        assert [(it["id"], it["name"]) for it in answer.json()] == [ours]
        assert set(answer.json()[0]) == {"id", "name", "createdAt"}


@pytest.mark.clause("tenant.of-token")
def test_nothing_of_the_other_tenant_shows(any_server: Server, acme: httpx.Client) -> None:
    theirs = any_server.admin.post("/api/v1/users", json={"email": "grace@example.com"}).json()["id"]
    refused = acme.get(f"/api/v1/users/{theirs}")
    absent = acme.get(f"/api/v1/users/{new_id()}")
    assert (refused.status_code, refused.content) == (404, absent.content)
    assert acme.delete(f"/api/v1/users/{theirs}").status_code == 404
    for path in ("/api/v1/users", "/api/v1/service-accounts", "/api/v1/authorization/access-rules"):
        text = acme.get(path).text
        assert ADMIN_EMAIL not in text
        assert theirs not in text
    assert [it["username"] for it in acme.get("/api/v1/users").json()] == [OTHER_EMAIL]
    # the same address is another person there
    assert acme.post("/api/v1/users", json={"email": "grace@example.com"}).status_code == 201


def test_settings_and_logo_are_each_tenants_own(any_server: Server, acme: httpx.Client) -> None:
    path = "/api/v1/security/settings/browserSessionTimeout"
    assert acme.put(path, json={"idleTimeout": 7}).status_code == 200
    assert any_server.admin.get(path).json() == {"idleTimeout": 60}
    assert acme.put("/v1/k8s/setting", json={"key": "department.use", "value": False}).status_code == 200
    assert any_server.admin.get("/v1/k8s/setting/department.use").json() is True


def me(server: Server, client: httpx.Client, host: str) -> httpx.Response:
    """A call with the client's token, sent to a host."""
    headers = {"host": host, "authorization": client.headers["authorization"]}
    return httpx.get(server.url + "/api/v1/tenants", headers=headers)


@pytest.mark.clause("tenant.of-token")
def test_a_token_is_refused_at_another_tenants_host(any_server: Server, acme: httpx.Client) -> None:
    admin = any_server.admin
    for client, host in ((admin, "acme.example.com"), (acme, "runai.example.com"), (acme, "RUNAI:8443")):
        for _ in range(2):  # the second time the token is remembered
            answer = me(any_server, client, host)
            assert (answer.status_code, answer.json()["reason"]) == (401, "other_tenant"), host
            assert "another tenant" in answer.json()["message"]
    # no tenant has this name, so the token alone says whose it is
    for client in (admin, acme):
        for host in ("localhost", "127.0.0.1:8080", "elsewhere.example.com"):
            assert me(any_server, client, host).status_code == 200
    assert me(any_server, acme, "acme.example.com").status_code == 200
    assert me(any_server, admin, "runai.example.com").status_code == 200


def test_a_tenant_of_another_process_is_known_without_asking(any_server: Server, acme: httpx.Client) -> None:
    """Its name must not pass for one that names nobody until somebody signs in there."""
    make(any_server, "umbrella", "alice@umbrella.example")
    deadline = time.monotonic() + 60
    while me(any_server, acme, "umbrella.example.com").status_code != 401:
        assert time.monotonic() < deadline, "the server does not notice the new tenant"
        time.sleep(0.05)


def operator(server: Server, name: str, role: int) -> httpx.Client:
    """Somebody of the first tenant with a role in the whole system."""
    email = f"{name}@example.com"
    rule(server, email, role, tree.SYSTEM)
    user(server, email)
    return server.client(server.token(email, PASSWORD))


def test_an_operator_makes_tenants(any_server: Server) -> None:
    client = operator(any_server, "operator", SYSTEM_ADMINISTRATOR)
    sent = {"name": "initech", "adminEmail": "bill@initech.example"}
    answer = client.post("/api/v1/tenants", json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert set(made) == {"id", "name", "createdAt", "adminEmail", "tempPassword"}
    assert (made["id"], made["adminEmail"]) == (id_of(any_server, "initech"), sent["adminEmail"])
    body = {"grantType": "password", "username": sent["adminEmail"], "password": made["tempPassword"]}
    # at once: this process has made it
    token = post(any_server, "/api/v1/token", "initech.example.com", json=body)
    assert token.status_code == 200, token.text
    assert any_server.client(token.json()["accessToken"]).get("/api/v1/users").status_code == 403
    (row,) = any_server.audit(entity_type="tenant", entity_name="initech")
    assert (row["subject"], row["action"], row["tenant_id"]) == ("operator@example.com", "create", 1001)
    assert made["tempPassword"] not in str(row)
    again = client.post("/api/v1/tenants", json=sent)
    assert (again.status_code, "already exists" in again.json()["message"]) == (409, True)


def test_an_operator_lists_all_tenants(any_server: Server, acme: httpx.Client) -> None:
    client = operator(any_server, "watcher", VIEWER)
    names = [it["name"] for it in client.get("/api/v1/tenants").json()]
    assert names == [row.name for row in sorted(tenants_of(any_server))]
    assert {"runai", "acme"} <= set(names)
    # it holds the permission to look, and less than a new tenant's administrator
    refused = client.post("/api/v1/tenants", json={"name": "hooli", "adminEmail": "gavin@hooli.example"})
    assert refused.status_code == 403
    assert "more than they hold" in refused.json()["message"]
    assert "users:create" in refused.json()["missingPermissions"]


def test_no_administrator_of_a_tenant_makes_tenants(any_server: Server, acme: httpx.Client) -> None:
    before = tenants_of(any_server)
    for client in (any_server.admin, acme):
        answer = client.post("/api/v1/tenants", json={"name": "hooli", "adminEmail": "gavin@hooli.example"})
        assert answer.status_code == 403
        assert (answer.json()["decision"]["permission"], answer.json()["decision"]["scopePath"]) == (
            "tenant:read",
            ["system"],
        )
    assert tenants_of(any_server) == before


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "Fine", "adminEmail": OTHER_EMAIL},
        {"name": "fine", "adminEmail": "nobody"},
        {"name": "fine"},
        {"adminEmail": OTHER_EMAIL},
        {"name": "fine\u0000", "adminEmail": OTHER_EMAIL},
    ],
)
def test_an_operator_makes_no_tenant_that_could_not_work(any_server: Server, sent: dict[str, str]) -> None:
    client = operator(any_server, f"careless-{new_id()}", SYSTEM_ADMINISTRATOR)
    before = tenants_of(any_server)
    assert client.post("/api/v1/tenants", json=sent).status_code == 400
    assert tenants_of(any_server) == before


def test_the_host_makes_the_first_operator(any_server: Server) -> None:
    user(any_server, "first-operator@example.com")
    said = said_by(any_server, make_operator, "First-Operator@example.com")
    assert "System administrator of the system" in said[0]
    client = any_server.client(any_server.token("first-operator@example.com", PASSWORD))
    rules = client.get("/api/v1/authorization/me/access-rules").json()["accessRules"]["accessRules"]
    assert [(it["roleName"], it["scopeType"]) for it in rules] == [("System administrator", "system")]
    rows = any_server.audit(subject="runplane tenant", entity_name="First-Operator@example.com")
    assert len(rows) == 1
    with pytest.raises(CommandFailed, match="already exists"):
        said_by(any_server, make_operator, "first-operator@example.com")
    with pytest.raises(CommandFailed, match="no user"):
        said_by(any_server, make_operator, "nobody@example.com")


@pytest.mark.parametrize("role", [SYSTEM_ADMINISTRATOR, VIEWER])
def test_whoever_holds_something_less_can_become_operator(any_server: Server, role: int) -> None:
    email = f"rising-{role}@example.com"
    user(any_server, email)
    # all of a tenant, or a little of the whole installation: neither makes an operator
    place = tenant_node() if role == SYSTEM_ADMINISTRATOR else tree.SYSTEM
    rule(any_server, email, role, place)
    assert "System administrator of the system" in said_by(any_server, make_operator, email)[0]


def test_the_command_prints_what_is_needed_once(any_server: Server) -> None:
    said = make(any_server, "globex", "hank@globex.example")
    assert re.fullmatch(r"Tenant globex has the id \d+; its host name is globex and your domain\.", said[0])
    assert "hank@globex.example" in said[1]
    assert len(said) == 3


@pytest.mark.parametrize(
    ("name", "email", "words"),
    [
        ("runai", OTHER_EMAIL, "already exists"),
        ("Acme", OTHER_EMAIL, "host name"),
        ("1st", OTHER_EMAIL, "host name"),
        ("a-", OTHER_EMAIL, "host name"),
        ("a.b", OTHER_EMAIL, "host name"),
        ("x" * 64, OTHER_EMAIL, "host name"),
        ("fine", "nobody", "e-mail address"),
    ],
)
def test_a_tenant_that_could_not_work_is_not_made(
    any_server: Server, name: str, email: str, words: str
) -> None:
    before = tenants_of(any_server)
    with pytest.raises(CommandFailed, match=words):
        make(any_server, name, email)
    assert tenants_of(any_server) == before


def test_the_command_makes_no_database(tmp_path: Path) -> None:
    environment = {"RUNPLANE_DATA_DIR": str(tmp_path / "nothing")}
    with pytest.raises(CommandFailed, match="no database"):
        create_tenant(load_settings({}, environment), "acme", OTHER_EMAIL, str)
    assert not (tmp_path / "nothing").exists()


def test_agents_are_sent_to_their_own_tenants_host(make_server: Callable[..., Server]) -> None:
    server = make_server(public_url="https://runai.example.com:8443")
    said = make(server, "acme")
    temporary = said[1].rsplit(" ", 1)[1]
    sign_in = {**SIGN_IN, "password": temporary}
    server.app.identity.realms.expect_more()
    token = post(server, "/api/v1/token", "acme.example.com", json=sign_in).json()["accessToken"]
    change = {"currentPassword": temporary, "newPassword": NEW_PASSWORD}
    assert server.client(token).post("/api/v1/me/password", json=change).status_code == 200
    token = post(server, "/api/v1/token", "acme.example.com", json=SIGN_IN).json()["accessToken"]
    for client, address in (
        (server.admin, "https://runai.example.com:8443"),
        (server.client(token), "https://acme.example.com:8443"),
    ):
        made = client.post("/api/v1/clusters", json={"name": "c1"})
        told = client.get(f"/api/v1/clusters/{made.json()['uuid']}/cluster-install-info?version=2.24")
        assert f"controlPlane.url={address} " in told.json()["installationStr"].replace("\\\n", " "), (
            told.text
        )
