"""Two tenants in one installation: the host names one, and neither sees anything of the other."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select

from runplane.server.commands.admin import create_tenant
from runplane.server.commands.failures import CommandFailed
from runplane.server.core.ids import new_id
from runplane.server.settings import load_settings
from runplane.server.sql.schema import tenants
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

OTHER_EMAIL = "ada@acme.example"
NEW_PASSWORD = "copper-lantern-eight-maps"
SIGN_IN = {"grantType": "password", "username": OTHER_EMAIL, "password": NEW_PASSWORD}


def make(server: Server, name: str, email: str = OTHER_EMAIL) -> list[str]:
    """What the command prints. It sets up logging for its process, which here is the test's."""
    said: list[str] = []
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        create_tenant(load_settings({}, server.environment), name, email, said.append)
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
    any_server.app.identity.realms._loaded_at = float("-inf")  # the five seconds are over
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
