"""Another key-encryption key, while servers run: everything is sealed again, and all stays readable."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from runplane.server.commands import sealed
from runplane.server.commands.database import check
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.kek import rotate_kek
from runplane.server.identity.kek_ring import only_one
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.organization.clusters.tables import clusters
from runplane.server.settings import SettingsError, load_settings
from support.accounts import accepted, service_account
from support.clusters import make_cluster, secret_of
from support.envelopes import marked
from support.processes import database_settings
from support.server import Server

pytestmark = pytest.mark.detail

MakeServer = Callable[..., Server]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a new database of each kind."""
    return database_settings(request, request.param)


def told(run: Callable[..., None], server: Server, **options: Any) -> str:
    """What a command says in the environment of a server."""
    lines: list[str] = []
    run(load_settings({}, environ=server.environment), lines.append, **options)
    return "\n".join(lines)


def rotate(server: Server) -> str:
    return told(rotate_kek, server, only_host=True)


def key_file(server: Server) -> Path:
    return server.app.settings.keys.key_encryption_key_file


def new_cluster(server: Server, name: str) -> str:
    return make_cluster(server, name)["uuid"]


def keyed(server: Server, key: str) -> httpx.Response:
    """A create whose answer is kept, sealed, for a day."""
    body = {"name": f"kept-{key}"}
    return server.admin.post("/api/v1/service-accounts", json=body, headers={"Idempotency-Key": key})


def test_everything_is_sealed_again_while_two_servers_run(
    database: dict[str, str], make_server: MakeServer
) -> None:
    database = {**database, "public_url": "http://127.0.0.1:8080"}
    first = make_server(**database)
    file = key_file(first)
    url = first.app.settings.database_url
    second = make_server(**{**database, "database_url": url}, keys_key_encryption_key_file=str(file))
    cluster = new_cluster(first, "before")
    shown = secret_of(first, cluster)
    answer = keyed(first, "before").json()
    old = KeyEncryptionKey.load(file).mark
    before = marked(first.units, old)
    # what is listed in the code is what is found by looking at everything
    assert {*before} == {f"{it.table.name}.{it.column}" for it in sealed.PLACES}

    said = rotate(first)
    new = KeyEncryptionKey.load(file)
    assert f"holds the new key {new.fingerprint}" in said
    assert new.mark != old
    assert marked(first.units, old) == {}
    # answers without a key of the caller's leave as soon as they have arrived
    assert {*marked(first.units, new.mark)} == {*before}
    for server in (first, second):
        assert secret_of(server, cluster) == shown
        assert keyed(server, "before").json() == answer
        # what each seals from now on the other opens
        made = new_cluster(server, f"after-{server.port}")
        assert all(secret_of(it, made) for it in (first, second))
    assert marked(first.units, old) == {}
    machine = service_account(second)
    assert accepted(first, second.client_token(machine.name, machine.secret))

    # nothing needs the old key: not even a start
    file.with_name(f"{file.name}.previous").unlink()
    for server in (first, second):
        server.restart()
        assert secret_of(server, cluster) == shown
    (row,) = first.audit(entity_type="key-encryption-key")
    assert (row["action"], row["entity_id"]) == ("rotate", new.fingerprint)


def test_a_second_rotation_follows_the_first(make_server: MakeServer) -> None:
    server = make_server()
    cluster = new_cluster(server, "kept")
    shown = secret_of(server, cluster)
    fingerprints = {KeyEncryptionKey.load(key_file(server)).fingerprint}
    for _ in range(3):
        rotate(server)
        fingerprints.add(KeyEncryptionKey.load(key_file(server)).fingerprint)
        assert secret_of(server, cluster) == shown
    assert len(fingerprints) == 4
    names = {it.name for it in server.data_dir.iterdir() if "key-encryption-key" in it.name}
    assert names == {"key-encryption-key", "key-encryption-key.previous"}


def test_an_idle_server_follows_every_rotation(make_server: MakeServer) -> None:
    server = make_server()
    for _ in range(2):
        rotate(server)
        present = KeyEncryptionKey.load(key_file(server))
        deadline = time.monotonic() + 30
        # what is public would have it look; nothing here asks it to seal or open anything
        while server.app.identity.kek._present.mark != present.mark:
            assert time.monotonic() < deadline, "the server does not follow the key file"
            time.sleep(0.02)
    made = new_cluster(server, "after")
    shown = secret_of(server, made)
    key_file(server).with_name("key-encryption-key.previous").unlink()
    server.restart()
    assert secret_of(server, made) == shown


def given(server: Server, **keys: str) -> None:
    """Start a server again with these keys in its settings."""
    for name in ("", "PREVIOUS_"):
        server.environment.pop(f"RUNPLANE_KEYS_{name}KEY_ENCRYPTION_KEY", None)
    server.environment |= {f"RUNPLANE_KEYS_{name.upper()}": value for name, value in keys.items()}
    server.restart()


def test_a_key_in_the_settings_is_changed_there(database: dict[str, str], make_server: MakeServer) -> None:
    one, two = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    server = make_server(keys_key_encryption_key=one, **database)
    cluster = new_cluster(server, "kept")
    shown = secret_of(server, cluster)
    with pytest.raises(CommandFailed, match="openssl rand -base64 32"):
        rotate(server)
    # all learn the new key before any seals with it
    given(server, key_encryption_key=one, previous_key_encryption_key=two)
    assert "Take keys.previous_key_encryption_key away" in rotate(server)
    given(server, key_encryption_key=two, previous_key_encryption_key=one)
    assert secret_of(server, cluster) == shown
    assert "Still sealed with an earlier key-encryption key: signing keys (1), secrets of agents (1)" in told(
        check, server
    )
    assert "Sealed again: signing keys (1), secrets of agents (1)" in rotate(server)
    assert "and no other" in told(check, server)
    assert "Take keys.previous_key_encryption_key away" in rotate(server)
    given(server, key_encryption_key=two)
    assert secret_of(server, cluster) == shown
    server.environment["RUNPLANE_KEYS_KEY_ENCRYPTION_KEY"] = one
    with pytest.raises(SettingsError, match="start it with the former"):
        told(check, server)


@pytest.mark.postgres
def test_a_file_that_other_hosts_may_have_copies_of_stays(
    make_server: MakeServer, request: pytest.FixtureRequest
) -> None:
    server = make_server(**database_settings(request, "postgres"))
    before = key_file(server).read_bytes()
    with pytest.raises(CommandFailed, match="add --only-host"):
        told(rotate_kek, server)
    assert key_file(server).read_bytes() == before


def test_two_at_once_are_one(make_server: MakeServer) -> None:
    server = make_server()
    before = key_file(server).read_bytes()
    with only_one(key_file(server)), pytest.raises(CommandFailed, match="Somebody else is replacing"):
        rotate(server)
    assert key_file(server).read_bytes() == before


def test_what_no_key_opens_is_told_and_the_rest_is_done(make_server: MakeServer) -> None:
    server = make_server()
    lost, kept = new_cluster(server, "lost"), new_cluster(server, "kept")
    shown = secret_of(server, kept)
    stranger = KeyEncryptionKey(os.urandom(32))
    odd = stranger.seal(b"plain", b"place")
    server.units.write(
        lambda unit: unit.execute(update(clusters).where(clusters.c.id == lost).values(agent_secret=odd))
    )
    with pytest.raises(CommandFailed, match=f"secrets of agents.*{lost}.*{stranger.fingerprint}"):
        rotate(server)
    assert secret_of(server, kept) == shown


def test_a_cut_after_the_rename_is_finished_with_the_same_key(
    make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runplane.server.commands import kek

    server = make_server()
    cluster = new_cluster(server, "kept")
    shown = secret_of(server, cluster)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(kek, "_seal_again", cut)
        with pytest.raises(KeyboardInterrupt):
            rotate(server)
    new = key_file(server).read_bytes()
    assert secret_of(server, cluster) == shown
    assert "secrets of agents (1)" in told(check, server)
    assert "the key stays" in rotate(server)
    assert key_file(server).read_bytes() == new
    assert "and no other" in told(check, server)
