"""Promise: a secret is shown once and then nowhere: not in the database, a log, the figures or the audit log.

One session issues every kind of secret there is and then does with them what people and scripts do by
mistake. What it does not do is name an object after a secret: what somebody calls a thing is no secret.
"""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest

from support.logins import (
    SESSION,
    Program,
    answer_device,
    begin_device,
    browser,
    decide,
    poll,
    query_of,
)
from support.processes import NEW_PASSWORD, SERVE, ServerProcess, clean_environment, new_rule
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

Start = Callable[..., ServerProcess]

ACCOUNTS = "/api/v1/service-accounts"
KEYS = "/api/v1/access-keys"
USERS = "/api/v1/users"
TOKEN = "/api/v1/token"
REALM = "/auth/realms/runai/protocol/openid-connect"
RESET_PASSWORD = "granite-willow-saffron-pier"
DEBUG = {"log_level": "debug", "log_requests": "true", "log_format": "json"}


class Session:
    """Somebody at work who keeps every secret that was ever told."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.client = server.client()
        self.secrets: dict[str, str] = {}

    def keep(self, kind: str, secret: str) -> str:
        assert len(secret) > 12, f"{kind} is too short to be looked for"
        self.secrets[f"{kind} {len(self.secrets)}"] = secret
        return secret

    def tokens(self, body: dict[str, str]) -> dict[str, str]:
        """Tokens for a request, all kept."""
        answer = self.client.post(TOKEN, json=body)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        for name in ("accessToken", "refreshToken", "idToken"):
            if found.get(name):
                self.keep(name, found[name])
        return found

    def sign_in(self, email: str, password: str) -> dict[str, str]:
        self.keep("password", password)
        return self.tokens({"grantType": "password", "username": email, "password": password})

    def act(self, token: str, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, path, json=body, headers={"authorization": f"Bearer {token}"})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def make(self, token: str, path: str, member: str) -> dict[str, str]:
        """A credential of a family, its secret renewed once with and once without an overlap."""
        made = self.act(token, "POST", path, {"name": f"n{uuid4().hex}"})
        secret = self.keep(path, made[member])
        for query in ("?overlap=1h", ""):
            answer = self.act(token, "POST", f"{path}/{made['id']}/secret{query}")
            secret = self.keep(path, next(iter(answer.values())))
        return {"id": made["id"], "clientId": made["clientId"], "clientSecret": secret}


def issue_everything(session: Session) -> dict[str, dict[str, str]]:
    """Every kind of secret; returns the credentials that work at the end."""
    admin = session.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)["accessToken"]
    email = f"p{uuid4().hex}@example.com"
    made = session.act(admin, "POST", USERS, {"email": email})
    temporary = session.keep("temporary password", made["tempPassword"])
    confined = session.sign_in(email, temporary)["accessToken"]
    change = {"currentPassword": temporary, "newPassword": session.keep("password", NEW_PASSWORD)}
    session.act(confined, "POST", "/api/v1/me/password", change)
    new_rule(session.server, email, "user", role=1)
    person = session.sign_in(email, NEW_PASSWORD)
    for _ in range(2):
        used = person["refreshToken"]
        person = {**session.tokens({"grantType": "refresh_token", "refreshToken": used}), "used": used}
    account = session.make(admin, ACCOUNTS, "clientSecret")
    app = session.make(admin, "/api/v1/apps", "secret")
    key = session.make(person["accessToken"], KEYS, "clientSecret")
    session.make(person["accessToken"], "/api/v1/user-applications", "secret")
    for it in (account, app, key):
        secret = {name: it[name] for name in ("clientId", "clientSecret")}
        session.tokens({"grantType": "client_credentials", **secret})
    gone = session.act(admin, "POST", USERS, {"email": f"q{uuid4().hex}@example.com"})
    session.keep("temporary password", gone["tempPassword"])
    reset = session.act(admin, "POST", f"{USERS}/{gone['id']}/password")
    session.keep("temporary password", reset["tempPassword"])
    issue_logins(session, admin, key)
    return {"admin": {"token": admin}, "person": {**person, "email": email}, "account": account}


def issue_logins(session: Session, admin: str, key: dict[str, str]) -> None:
    """What browsers, programs and machines get: cookies, codes, scoped tokens, the secret of an agent."""
    person = browser(session.server)
    for pair in person.headers["cookie"].split("; "):
        session.keep("cookie", pair.partition("=")[2])
    session.keep("token of a page", person.post(f"{SESSION}/token", json={}).json()["accessToken"])
    program = Program(session.server)
    # not by request_id(): the public address of a process is not where it listens
    asked = [query_of(program.begin().headers["location"])["request"] for _ in range(2)]
    code, unused = (query_of(decide(person, it))["code"] for it in asked)
    codes = begin_device(session.server)
    assert answer_device(person, codes).status_code == 204
    session.keep("verifier", program.verifier)
    session.keep("code", code)
    session.keep("code", unused)
    session.keep("device code", codes["device_code"])
    for answer in (program.redeem(code), poll(session.server, codes)):
        assert answer.status_code == 200, answer.text
        for name in ("access_token", "refresh_token", "id_token"):
            session.keep(f"{name} of a program", answer.json()[name])
    pair = {name: key[name] for name in ("clientId", "clientSecret")}
    session.tokens({"grantType": "client_credentials", **pair, "scope": "users:read"})
    cluster = session.act(admin, "POST", "/api/v1/clusters", {"name": f"c{uuid4().hex[:12]}"})
    path = f"/api/v1/clusters/{cluster['uuid']}/cluster-install-info?version=2.24"
    session.keep("agent", session.act(admin, "GET", path)["clientSecret"])


def go_wrong(session: Session, made: dict[str, dict[str, str]]) -> set[int]:
    """Put secrets where they do not belong, in every way that ends in a refusal; returns the statuses."""
    client, account, person = session.client, made["account"], made["person"]
    secret, access, refresh = account["clientSecret"], person["accessToken"], person["refreshToken"]
    bearer = {"authorization": f"Bearer {access}"}
    basic = base64.b64encode(f"{account['clientId']}:{secret}x".encode()).decode()
    answers = [
        # the wrong field, the wrong grant, the wrong dialect
        _token(client, clientId=secret, clientSecret=account["clientId"]),
        _token(client, grantType="password", username=NEW_PASSWORD, password=person["email"]),
        _token(client, grantType="password", username=secret, password=secret),
        _token(client, grantType="password", username=person["email"], password=secret),
        _token(client, grantType="refresh_token", refreshToken=access),
        _token(client, grantType="refresh_token", refreshToken=f"{refresh}x"),
        _token(client, grantType=secret),
        _token(client, appId=refresh, appSecret=access),
        client.post("/api/v2/token", data={"grant_type": NEW_PASSWORD, "client_secret": secret}),
        client.post("/api/v2/token", data={"client_id": secret}, headers={"authorization": f"Basic {basic}"}),
        client.post("/v1/k8s/auth/login", json={"email": NEW_PASSWORD, "password": NEW_PASSWORD}),
        # bodies that cannot be read
        client.post(TOKEN, content=f'{{"clientSecret": "{secret}", "password": "{NEW_PASSWORD}"'),
        client.post(TOKEN, json={"clientId": "x", "clientSecret": [secret]}),
        client.post(TOKEN, content=NEW_PASSWORD, headers={"content-type": "text/plain"}),
        client.post(USERS, json={"email": NEW_PASSWORD}, headers=bearer),
        client.post(USERS, json={"email": {"password": NEW_PASSWORD}}, headers=bearer),
        client.post(ACCOUNTS, content=secret, headers=bearer),
        # addresses
        client.post(TOKEN, params={"clientId": account["clientId"], "clientSecret": secret}),
        client.post(TOKEN, params={"username": person["email"], "password": NEW_PASSWORD}),
        client.get(USERS, params={"access_token": access}),
        client.get(USERS, params={"filterBy": f"username=={secret}", "password": NEW_PASSWORD}),
        client.get(USERS, params={"sortBy": secret, "search": refresh}, headers=bearer),
        client.get(f"{ACCOUNTS}/{secret}", headers=bearer),
        client.delete(f"{ACCOUNTS}/{secret}", headers=bearer),
        client.post(f"{ACCOUNTS}/{refresh}/secret", headers=bearer),
        client.delete(f"{KEYS}/{quote(access, safe='')}", headers=bearer),
        client.get(f"/{secret}/%3D{secret}"),
        # headers
        client.get(USERS, headers={"authorization": f"Bearer {secret}"}),
        client.get(USERS, headers={"authorization": f"Bearer {access}x"}),
        client.get(USERS, headers={"authorization": f"Token {access}"}),
        client.get(USERS, headers={"authorization": secret}),
        client.get(USERS, headers={**bearer, "cookie": f"session={access}", "x-request-id": secret}),
        client.get(USERS, headers={**bearer, "x-forwarded-for": secret, "user-agent": refresh}),
        # the current password wrong, the new one too weak
        client.post(
            "/api/v1/me/password",
            json={"currentPassword": RESET_PASSWORD, "newPassword": ADMIN_PASSWORD},
            headers=bearer,
        ),
        client.post(
            "/api/v1/me/password",
            json={"currentPassword": NEW_PASSWORD, "newPassword": person["email"]},
            headers=bearer,
        ),
        # questions about tokens
        client.post(f"{REALM}/token/introspect", data={"token": refresh, "client_id": access}),
        client.post(f"{REALM}/revoke", data={"token": secret, "client_id": secret, "client_secret": secret}),
        client.post(f"{REALM}/token/introspect", data={"token": access, "client_secret": NEW_PASSWORD}),
        client.get(f"/auth/realms/{secret}/.well-known/openid-configuration"),
        # a refresh token that was used before ends its family
        _token(client, grantType="refresh_token", refreshToken=person["used"]),
    ]
    _wait_for_records(session, path=f"{ACCOUNTS}/")
    return {it.status_code for it in answers}


def _wait_for_records(session: Session, path: str) -> None:
    """Refusals are stored in groups, a moment after their answer: wait for one at an address below `path`."""
    deadline = time.monotonic() + 5
    while not any(it["url"].startswith(path) for it in session.server.audit(result="Failed")):
        assert time.monotonic() < deadline, "no refusal was recorded"
        time.sleep(0.05)
    time.sleep(0.3)


def _token(client: httpx.Client, **body: str) -> httpx.Response:
    return client.post(TOKEN, json=body)


def fail_inside(session: Session, made: dict[str, dict[str, str]], database: Path) -> set[int]:
    """Let statements fail that carry secrets, their digests and tokens; returns the statuses."""
    tables = ("audit_log", "sessions", "refresh_tokens", "client_secrets")
    connection = sqlite3.connect(database)
    for table in tables:
        connection.execute(
            f"CREATE TRIGGER fail_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'made up'); END"
        )
    connection.commit()
    client = session.client
    bearer = {"authorization": f"Bearer {made['admin']['token']}"}
    credentials = {"username": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    name = {"name": f"n{uuid4().hex}"}
    answers = [
        client.post(TOKEN, json={"grantType": "password", **credentials}),
        client.post("/api/v2/token", data={"grant_type": "password", **credentials}),
        client.post(ACCOUNTS, json=name, headers=bearer),
        client.post(f"{ACCOUNTS}/{made['account']['id']}/secret", headers=bearer),
        client.post(USERS, json={"email": f"z{uuid4().hex}@example.com"}, headers=bearer),
    ]
    for table in tables:
        connection.execute(f"DROP TRIGGER fail_{table}")
    connection.commit()
    connection.close()
    return {it.status_code for it in answers}


def needles(secret: str) -> set[bytes]:
    """The forms in which a secret could lie about. Of a signed token also the signature alone."""
    forms = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.upper(), secret.lower()}
    forms |= {secret.encode().hex(), secret.encode().hex().upper(), secret[::-1]}
    forms |= within_base64(secret)
    if secret.count(".") == 2:
        forms.add(secret.rpartition(".")[2])
    return {it.encode() for it in forms}


def within_base64(secret: str) -> set[str]:
    """What base64 makes of a secret inside a longer text: it differs with the two bytes before it, and so do
    the characters at both ends, which are left out."""
    found = set[str]()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + secret.encode()).decode().rstrip("=")
            found.add(text[(0, 2, 3)[before] : -1])
    return found


def found_in(places: dict[str, bytes], secrets: dict[str, str]) -> list[str]:
    """Where a secret occurs: its kind, the place, and what stands before it there."""
    found: list[str] = []
    for kind, secret in secrets.items():
        for place, content in places.items():
            hits = [content.find(it) for it in needles(secret) if it in content]
            if hits:
                before = content[max(0, hits[0] - 100) : hits[0]].decode("utf-8", "replace")
                found.append(f"{kind} in {place}: …{before}")
    return found


def told(session: Session) -> dict[str, bytes]:
    """What the server tells about itself: output, log, figures, audit log in both notations."""
    places = {it.name: it.read_bytes() for it in session.server.log_files}
    places["/metrics"] = session.client.get("/metrics").content
    span = {"start": "2000-01-01", "end": "2100-01-01"}
    for kind in ("CSV", "JSON"):
        answer = session.server.admin.get("/api/v1/audit/log/file", params={**span, "file_type": kind})
        assert answer.status_code == 200, answer.text
        places[f"audit log as {kind}"] = answer.content
    return places


def dump(url: str) -> bytes:
    """Every row of every table of a PostgreSQL database as text, byte columns as they are."""
    found = bytearray()
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'.encode()):
                for value in row:
                    found += value if isinstance(value, bytes) else str(value).encode()
                    found += b"\n"
    return bytes(found)


def back_up(server: ServerProcess, file: Path) -> Path:
    """A copy of the database made beside the running server, as an operator makes one."""
    command = [*SERVE[:-1], "backup", str(file)]
    done = subprocess.run(
        command, env=clean_environment(data_dir=str(server.data_dir)), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return file


@pytest.mark.clause("log.no-secrets")
@pytest.mark.slow
def test_no_secret_lies_about_on_sqlite(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    server = start(**DEBUG)
    session = Session(server)
    made = issue_everything(session)
    statuses = go_wrong(session, made)
    assert statuses == {200, 400, 401, 404, 415}
    assert 500 in fail_inside(session, made, server.data_dir / "runplane.db")
    kept = {it.name: it.read_bytes() for it in server.data_dir.iterdir()}
    assert "runplane.db-wal" in kept
    places = told(session)
    # that the places can be trusted to show something
    assert any(b"Traceback" in content for content in places.values())
    assert made["account"]["clientId"].encode() in b"".join(kept.values())
    assert len(session.secrets) > 40
    assert found_in(places | kept, session.secrets) == []
    copy = back_up(server, tmp_path / "copy")
    assert found_in({"the backup": copy.read_bytes()}, session.secrets) == []
    # every thread writes where it stands, and the process dies as a fault would end it
    server.process.send_signal(signal.SIGABRT)
    assert server.process.wait(30) != 0
    assert found_in({it.name: it.read_bytes() for it in server.log_files}, session.secrets) == []
    server.start()
    server.terminate()
    after = {it.name: it.read_bytes() for it in (*server.data_dir.iterdir(), *server.log_files)}
    assert found_in(after, session.secrets) == []


@pytest.mark.clause("log.no-secrets")
@pytest.mark.slow
@pytest.mark.postgres
def test_no_secret_lies_about_on_postgres(start: Start, postgres_database: Callable[..., str]) -> None:
    url = postgres_database()
    server = start(database_url=url, **DEBUG)
    session = Session(server)
    made = issue_everything(session)
    assert max(go_wrong(session, made)) < 500
    kept = dump(url)
    assert made["account"]["clientId"].encode() in kept
    assert found_in({**told(session), "the database": kept}, session.secrets) == []
    server.terminate()
    assert found_in({it.name: it.read_bytes() for it in server.log_files}, session.secrets) == []


def test_the_search_finds_what_lies_about() -> None:
    """The counterpart: a search that cannot find anything would pass above."""
    secret = "rpk_Abc/123+xyz-0"
    for hidden in (secret, quote(secret, safe=""), secret.encode().hex(), secret.lower(), secret[::-1]):
        [found] = found_in({"place": f"before {hidden} after".encode()}, {"kind": secret})
        assert found == "kind in place: …before "
    for before in (b"", b"x", b"xy", b"xyz"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            hidden = encode(before + secret.encode() + b"and more")
            assert found_in({"place": hidden}, {"kind": secret}) != []
    assert found_in({"place": b"its signature"}, {"kind": "head.body.signature"}) != []
    assert found_in({"place": b"nothing"}, {"kind": secret}) == []
