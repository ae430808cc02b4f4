"""Logging in with a password or a secret, staying logged in, and logging out: against a running server."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import httpx
import pytest
from runai.cliv2_config_loader import CLIv2Config

from support.accounts import accepted, access_key, service_account
from support.cli import Line, context_of
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server
from support.units import fresh, ok

pytestmark = pytest.mark.detail


def test_a_person_logs_in_with_a_password_from_a_file(line: Line, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{ADMIN_PASSWORD}\n")
    code, out, err = line("login", "user", server.url, "-u", ADMIN_EMAIL, "--password-file", file)
    name = context_of(server)
    assert (code, out, err) == (0, f"Logged in to {server.url} as {ADMIN_EMAIL} (context {name}).\n", "")
    assert accepted(server, line.ok("auth", "get-token").strip())
    modes = {it.name: stat.S_IMODE(it.stat().st_mode) for it in line.home.rglob("*")}
    assert {it for name, it in modes.items() if not name.endswith("credentials")} == {0o600}
    assert modes["credentials"] == stat.S_IMODE(line.home.stat().st_mode) == 0o700
    assert ADMIN_PASSWORD not in "".join(it.read_text() for it in line.home.rglob("*") if it.is_file())


def test_a_password_comes_from_standard_input(line: Line, server: Server) -> None:
    login = ("login", "user", "--server", server.url, "-u", ADMIN_EMAIL, "--password-file", "-")
    assert line(*login, stdin=f"{ADMIN_PASSWORD}\n")[0] == 0
    code, _, err = line(*login, stdin="wrong\n")
    assert (code, err) == (3, "The e-mail address or the password is wrong.\n")
    assert accepted(server, line.ok("auth", "get-token").strip()), (
        "a failed login leaves the one before alone"
    )


def test_without_a_terminal_nobody_is_asked(line: Line, server: Server) -> None:
    code, out, err = line("login", "user", server.url)
    assert (code, out) == (2, "")
    assert err == "There is no terminal to ask for the e-mail; give --user and --password-file.\n"
    code, _, err = line("login", "application", server.url)
    assert (code, err) == (2, "Give --client-id and --secret-file, or --interactive to be asked.\n")


def test_an_application_logs_in_and_renews_itself_only_with_a_saved_secret(
    line: Line, server: Server
) -> None:
    robot = service_account(server)
    login = ("login", "application", server.url, "--client-id", robot.client_id, "--secret-file", "-")
    code, out, err = line(*login, stdin=robot.secret)
    assert (code, out.startswith(f"Logged in to {server.url} as {robot.name} ")) == (0, True)
    assert err == "The secret was not kept, so this login ends with its token; give --save to renew it.\n"
    first = line.ok("auth", "get-token")
    line.age(context_of(server), 7200)
    code, _, err = line("auth", "get-token")
    assert code == 3
    assert err.startswith(f"The login {context_of(server)} has expired; run `runplane login application ")
    line.ok(*login, "--save", stdin=robot.secret)
    line.age(context_of(server), 7200)
    renewed = line.ok("auth", "get-token")
    assert renewed != first
    assert accepted(server, renewed.strip())


def test_an_access_key_logs_in_from_the_environment(line: Line, server: Server) -> None:
    key = access_key(server.admin)
    given = {"RUNPLANE_CLIENT_ID": key.client_id, "RUNPLANE_CLIENT_SECRET": key.secret}
    line.ok("login", "access-key", server.url, "--context", "key", **given)
    assert line.ok("whoami", "-o", "name") == f"{ADMIN_EMAIL}\n"


def test_a_login_renews_its_token_once_for_all_who_ask_together(line: Line, server: Server) -> None:
    line.log_in(server)
    name = context_of(server)
    before = line.secrets(name)
    line.age(name, 7200)
    crowd = [line.start("auth", "get-token") for _ in range(4)]
    tokens = set()
    for it in crowd:
        out, err = it.communicate(timeout=60)
        assert it.returncode == 0, err
        tokens.add(out)
    assert len(tokens) == 1
    assert tokens != {f"{before.access_token}\n"}
    assert line.secrets(name).refresh_token != before.refresh_token
    line.age(name, 7200)
    line.ok("whoami")


def test_a_token_that_the_server_ended_is_renewed_on_the_way(line: Line, server: Server) -> None:
    line.log_in(server)
    token = line.ok("auth", "get-token").strip()
    revoke = f"{server.url}/auth/realms/runai/protocol/openid-connect/revoke"
    ok(httpx.post(revoke, data={"client_id": "runplane-cli", "token": token}))
    assert not accepted(server, token)
    assert ADMIN_EMAIL in line.ok("whoami")
    assert line.ok("auth", "get-token").strip() != token


def test_logging_out_ends_the_session_on_the_server(line: Line, server: Server) -> None:
    line.log_in(server)
    token = line.ok("auth", "get-token").strip()
    kept = line.secrets(context_of(server))
    assert line("logout") == (0, f"Logged out of {context_of(server)}.\n", "")
    assert not accepted(server, token)
    body = {"grantType": "refresh_token", "refreshToken": kept.refresh_token}
    assert httpx.post(f"{server.url}/api/v1/token", json=body).status_code == 400
    code, _, err = line("auth", "get-token")
    assert code == 3
    assert "has expired; run `runplane login user " in err
    assert line("logout") == (0, f"You were not logged in to {context_of(server)}.\n", "")


def test_logging_out_while_the_server_is_away_says_that_the_session_lives_on(line: Line, make_server) -> None:
    server = make_server()
    line.log_in(server)
    server.stop()
    code, out, err = line("logout")
    name = context_of(server)
    assert (code, out) == (7, "")
    assert (
        err.splitlines()[0]
        == f"The tokens of {name} were deleted here, but the session goes on at the server."
    )
    assert not (line.home / "credentials" / f"{name}.json").exists()
    server.start()


def test_logging_in_again_ends_the_session_before(line: Line, server: Server) -> None:
    line.log_in(server)
    token = line.ok("auth", "get-token").strip()
    line.log_in(server)
    assert not accepted(server, token)
    assert accepted(server, line.ok("auth", "get-token").strip())


def test_a_temporary_password_is_told(line: Line, server: Server) -> None:
    email = f"{fresh('new')}@example.com"
    made = ok(server.admin.post("/api/v1/users", json={"email": email}), 201)
    code, _, err = line("login", "user", server.url, "-u", email, "-p", made["tempPassword"])
    assert code == 3
    assert err == "Your password is temporary; run `runplane login user` in a terminal to choose a new one.\n"


def test_the_older_files_are_what_the_official_client_reads(line: Line, server: Server) -> None:
    line.log_in(server, "--runai-files")
    folder = line.folder / ".runai"
    loaded = CLIv2Config(str(folder))
    loaded.load()
    assert accepted(server, loaded.token)
    assert (loaded.control_plane_url, loaded.cluster_uuid) == (server.url, "")
    assert {stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()} == {0o600}
    clusters = [ok(server.admin.post("/api/v1/clusters", json={"name": fresh("it")}), 201) for _ in range(2)]
    config = folder / "config.json"
    config.write_text(json.dumps({"output": "json", "cluster": {"name": "kept"}}))
    line.log_in(server, "--runai-files", "--cluster", clusters[1]["name"])
    assert json.loads(config.read_text()) == {
        "output": "json",
        "cluster": {"name": "kept", "uuid": clusters[1]["uuid"]},
        "control_plane": {"url": server.url},
    }
    line.age(context_of(server), 7200)
    renewed = line.ok("auth", "get-token").strip()
    stored = json.loads((folder / "authentication.json").read_text())["accessToken"]
    assert base64.urlsafe_b64decode(stored).decode() == renewed
    line.ok("logout")
    assert not (folder / "authentication.json").exists()


def test_whoami_shows_what_the_server_knows(line: Line, server: Server) -> None:
    line.log_in(server)
    out = line.ok("whoami").replace(server.url, "SERVER")
    lines = [it.split(maxsplit=1) for it in out.splitlines() if not it.startswith("Token ends")]
    assert lines[0] == ["Name:", ADMIN_EMAIL]
    assert [it[0] for it in lines] == ["Name:", "Kind:", "Id:", "Server:", "Realm:", "Tenant:"]
    assert [it[1] for it in lines if it[0] in ("Kind:", "Server:", "Realm:", "Tenant:")] == [
        "person", "SERVER", "runai", "1001",
    ]  # fmt: skip
    found = json.loads(line.ok("whoami", "-o", "json"))
    assert list(found) == [
        "name", "kind", "id", "server", "realm", "tenantId", "clientId", "sessionId", "tokenExpiresAt",
    ]  # fmt: skip
    token = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    given = {"RUNPLANE_TOKEN": token, "RUNPLANE_SERVER": server.url}
    assert json.loads(line.ok("whoami", "-o", "json", **given))["clientId"] == "runai"
    code, _, err = line("whoami", RUNPLANE_TOKEN=f"{token[:-4]}AAAA", RUNPLANE_SERVER=server.url)
    assert (code, err) == (3, "The token is no longer accepted; run `runplane login`.\n")


def test_a_server_that_is_none_is_told(line: Line) -> None:
    code, _, err = line("login", "user", "http://127.0.0.1:1", "-u", "a@b.c", "-p", "x")
    assert (code, err) == (7, "http://127.0.0.1:1 does not answer. Is the address right?\n")
    code, _, err = line("login", "user", "ftp://example.com", "-u", "a@b.c", "-p", "x")
    assert (code, err.startswith("'ftp://example.com' is no address of a server")) == (2, True)
    code, _, err = line("login", "user", "-u", "a@b.c", "-p", "x")
    assert (code, err) == (2, "Say which server: `runplane login https://runplane.example.com`.\n")
    for command in (("whoami",), ("logout",), ("auth", "get-token"), ("kubeconfig", "set"), ("export",)):
        code, _, err = line(*command)
        assert (code, err) == (3, "You are not logged in. Run `runplane login`, or set RUNPLANE_TOKEN.\n")


@pytest.mark.parametrize("flag", ["user", "application", "device", "browser", "remote-browser"])
def test_help_of_each_way_has_examples(line: Line, flag: str) -> None:
    out = line.ok("login", flag, "--help")
    assert "Example" in out
    assert "3 not logged in" in out.replace("\n ", "")
