"""What the first start makes, whom it tells what, and that no later one repeats it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from support.processes import NEW_PASSWORD, ServerProcess

Start = Callable[..., ServerProcess]

EMAIL = "admin@runplane.local"
PASSWORD_FILE = "initial-admin-password"
KEY_FILE = "key-encryption-key"
GUESSES = ("admin", "password", "runplane", "runai", "changeme", "Abcd!234", "admin@runplane.local", EMAIL)
GENERATED = {"admin_email": "", "admin_password": ""}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Whatever a process makes is open to everybody unless it takes care."""
    before = os.umask(0)
    yield
    os.umask(before)


def printed_password(server: ServerProcess) -> str:
    found = re.search(r"Temporary password: +(\S+)", server.output)
    assert found, server.output
    return found[1]


def sign_in(server: ServerProcess, password: str) -> httpx.Response:
    body = {"grantType": "password", "username": EMAIL, "password": password}
    return server.client().post("/api/v1/token", json=body)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.clause("keys.at-rest")
@pytest.mark.usefixtures("open_umask")
def test_keys_passwords_and_data_are_nobody_elses_business(start: Start) -> None:
    server = start(**GENERATED)
    assert mode(server.data_dir / PASSWORD_FILE) == 0o600
    assert mode(server.data_dir / KEY_FILE) == 0o600
    assert mode(server.data_dir) & 0o077 == 0
    assert {it.name: oct(mode(it)) for it in server.data_dir.iterdir() if mode(it) & 0o077} == {}


def test_a_key_file_that_was_lost_is_missed_and_not_replaced(launch: Start, tmp_path: Path) -> None:
    server = launch(tmp_path / "data", **GENERATED)
    server.wait_until_ready()
    server.close()
    key = server.data_dir / KEY_FILE
    kept = key.read_bytes()
    key.unlink()
    again = launch(server.data_dir, **GENERATED)
    assert again.process.wait(30) == 78
    assert f"Put {key} back" in again.errors
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    launch(server.data_dir, **GENERATED).wait_until_ready()


@pytest.mark.clause("password.no-default")
@pytest.mark.slow
def test_the_generated_password_must_be_changed(start: Start) -> None:
    server = start(**GENERATED)
    password = printed_password(server)
    assert (server.data_dir / PASSWORD_FILE).read_text() == f"{password}\n"
    token = sign_in(server, password).json()["accessToken"]
    client = server.client(token)
    for path in ("/api/v1/users", "/api/v1/authorization/roles", "/api/v1/service-accounts"):
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert "temporary password" in answer.text
    kept = {"currentPassword": password, "newPassword": password}
    assert client.post("/api/v1/me/password", json=kept).status_code == 400
    change = {"currentPassword": password, "newPassword": NEW_PASSWORD}
    assert client.post("/api/v1/me/password", json=change).status_code == 200
    assert client.get("/api/v1/users").status_code == 401
    assert sign_in(server, password).status_code == 400
    token = sign_in(server, NEW_PASSWORD).json()["accessToken"]
    assert server.client(token).get("/api/v1/users").status_code == 200


@pytest.mark.clause("password.no-default")
@pytest.mark.slow
def test_there_is_no_default_password(start: Start, tmp_path: Path) -> None:
    first, second = (start(tmp_path / name, **GENERATED) for name in ("one", "two"))
    assert printed_password(first) != printed_password(second)
    keys = {(it.data_dir / KEY_FILE).read_bytes() for it in (first, second)}
    assert len(keys) == 2
    # one fewer than lock an account, so that the last sign-in shows that none did
    for guess in GUESSES[:8]:
        assert sign_in(first, guess).status_code == 400
    assert sign_in(first, "").status_code == 400
    assert sign_in(first, printed_password(first)).status_code == 200
    assert sign_in(second, printed_password(first)).status_code == 400


@pytest.mark.slow
def test_the_second_start_prints_and_makes_nothing_anew(start: Start) -> None:
    server = start(**GENERATED)
    password = printed_password(server)
    signing_keys = server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json()
    (server.data_dir / PASSWORD_FILE).unlink()
    key = (server.data_dir / KEY_FILE).read_bytes()
    server.terminate()
    server.start()
    assert password not in server.output + server.errors
    assert "Temporary password" not in server.output
    assert not (server.data_dir / PASSWORD_FILE).exists()
    assert (server.data_dir / KEY_FILE).read_bytes() == key
    assert server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json() == signing_keys
    assert sign_in(server, password).status_code == 200


@pytest.mark.slow
def test_a_password_that_was_given_is_neither_printed_nor_written(start: Start) -> None:
    server = start(admin_email=EMAIL, admin_password=NEW_PASSWORD)
    assert not (server.data_dir / PASSWORD_FILE).exists()
    assert NEW_PASSWORD not in server.output + server.errors
    token = sign_in(server, NEW_PASSWORD).json()["accessToken"]
    assert server.client(token).get("/api/v1/users").status_code == 200
    server.terminate()
    # on a database that is not empty the setting is history
    server.close()
    again = start(admin_email=EMAIL, admin_password="another-password-altogether")
    assert sign_in(again, "another-password-altogether").status_code == 400
    assert sign_in(again, NEW_PASSWORD).status_code == 200


@pytest.mark.slow
def test_processes_that_start_at_once_make_one_of_everything(launch: Start, database: dict[str, str]) -> None:
    servers = [launch(**GENERATED, **database) for _ in range(4)]
    for it in servers:
        it.wait_until_ready()
    told = [it for it in servers if "Temporary password" in it.output]
    assert len(told) == 1
    password = printed_password(told[0])
    assert (told[0].data_dir / PASSWORD_FILE).read_text() == f"{password}\n"
    certs = [it.client().get("/auth/realms/runai/protocol/openid-connect/certs").json() for it in servers]
    assert [len(it["keys"]) for it in certs] == [1] * 4
    assert len({it["keys"][0]["kid"] for it in certs}) == 1
    tokens = [sign_in(it, password) for it in servers]
    assert [it.status_code for it in tokens] == [200] * 4
