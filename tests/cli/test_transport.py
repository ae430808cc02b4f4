"""What is trusted, what is told when a server cannot be reached, and what the exit code of a refusal is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from runplane.cli.failures import CliError, Unreachable, WrongUsage
from runplane.cli.server import Api, FixedToken, Refused
from runplane.cli.session.oauth import OAuth, OAuthRefused, claims, discover, realm_of
from runplane.cli.transport import Transport
from support.cli import Line
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server
from support.tls import TlsFront

Answer = tuple[int, dict[str, str], bytes]


class Odd:
    """A server that answers as it is told, path by path; anything else gets 404."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.paths: list[str] = []
        this = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                this.paths.append(path)
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, body = this.answers.get(path, (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name is the library's

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def tell(self, path: str, value: Any, status: int = 200, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.answers[path] = (status, headers, body)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()


@pytest.fixture
def odd() -> Iterator[Odd]:
    """A server with no answers yet."""
    made = Odd()
    yield made
    made.stop()


@pytest.fixture
def front(server: Server, tmp_path: Path) -> Iterator[TlsFront]:
    """The server behind TLS, with a certificate that no system trusts."""
    made = TlsFront(tmp_path, server.port)
    yield made
    made.close()


def test_a_certificate_is_trusted_when_its_authority_was_given(line: Line, front: TlsFront) -> None:
    login = ("login", "user", front.url, "-u", ADMIN_EMAIL, "-p", ADMIN_PASSWORD)
    code, out, err = line(*login)
    assert (code, out) == (7, "")
    assert err == (f"{front.url}: its certificate is not trusted; give its authority with --ca-file.\n")
    line.ok(*login, "--ca-file", os.path.relpath(front.ca_file))
    assert f"caFile: {front.ca_file}\n" in (line.home / "config.yaml").read_text()
    assert line.ok("whoami", "-o", "name") == f"{ADMIN_EMAIL}\n", "it was remembered"
    line.age(front.url.removeprefix("https://").replace(":", "-"), 7200)
    assert line.ok("auth", "get-token")
    bad = front.ca_file.with_name("empty.pem")
    bad.write_text("")
    code, _, err = line("whoami", "--ca-file", bad)
    assert (code, err) == (2, f"{bad} holds no certificates in PEM form.\n")
    system = {"SSL_CERT_FILE": str(front.ca_file), "RUNPLANE_HOME": str(line.folder / "other")}
    assert line.program("runplane", *login, **system).returncode == 0, "the system's store is asked"


def test_a_token_does_not_follow_a_redirect(odd: Odd, line: Line) -> None:
    odd.tell("/api/v1/clusters", b"", 302, Location="https://elsewhere.example/")
    with (
        Transport(odd.url) as transport,
        pytest.raises(CliError, match=r"sends on to https://elsewhere\.example/"),
    ):
        Api(transport, FixedToken("secret")).get("/api/v1/clusters")


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 1), (401, 3), (403, 4), (404, 5), (409, 6), (412, 6), (422, 1), (429, 7), (500, 1), (503, 7)],
)
def test_the_exit_code_follows_the_status(odd: Odd, status: int, code: int) -> None:
    odd.tell("/x", {"code": status, "message": "Because."}, status)
    with Transport(odd.url) as transport, pytest.raises(Refused) as refused:
        Api(transport, FixedToken("t")).change("POST", "/x", {})
    assert (str(refused.value), refused.value.code, refused.value.status) == ("Because.", code, status)
    odd.tell("/x", b"<html>", status)
    with Transport(odd.url) as transport, pytest.raises(Refused, match=f"The answer was {status}"):
        Api(transport, FixedToken("t")).get("/x")


def realm(odd: Odd, **more: Any) -> str:
    base = "/auth/realms/runai"
    issuer = f"https://public.example{base}"
    members = {"issuer": issuer, "token_endpoint": f"{issuer}/token", **more}
    odd.tell(f"{base}/.well-known/openid-configuration", members)
    return base


def test_addresses_are_those_behind_what_was_typed(odd: Odd) -> None:
    base = realm(odd, authorization_endpoint="https://other.example/auth", revocation_endpoint=7)
    with Transport(odd.url) as transport:
        found = discover(transport, "runai")
        assert found.token == f"{odd.url}{base}/token"
        assert found.authorization == "https://other.example/auth"
        assert (found.revocation, found.says_issuer) == ("", False)
        assert found.issuer == f"https://public.example{base}"
        assert realm_of(transport) == "runai"
        odd.tell("/api/v1/session/options", {"realm": "acme"})
        assert realm_of(transport) == "acme"
        for body in ({}, [], b"x", {"issuer": 1, "token_endpoint": "x"}):
            odd.tell(f"{base}/.well-known/openid-configuration", body)
            with pytest.raises(CliError, match="is no runplane server, or has no realm runai"):
                discover(transport, "runai")


def test_a_refused_token_call_says_the_servers_sentence(odd: Odd) -> None:
    base = realm(odd)
    with Transport(odd.url) as transport:
        oauth = OAuth(transport, discover(transport, "runai"))
        odd.tell(f"{base}/token", {"error": "invalid_grant", "error_description": "It is spent."}, 400)
        with pytest.raises(OAuthRefused, match=r"It is spent\.") as refused:
            oauth.refresh("x")
        assert refused.value.error == "invalid_grant"
        for status in (429, 500, 503):
            odd.tell(f"{base}/token", {"message": "Later."}, status)
            with pytest.raises(Unreachable, match="cannot do it now: Later"):
                oauth.refresh("x")
        odd.tell(f"{base}/token", {"access_token": "x"})
        with pytest.raises(CliError, match="gave no token"):
            oauth.refresh("x")


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30x.c", "a.W10.c", "a.bnVsbA.c"])
def test_what_is_no_token_is_told(token: str) -> None:
    with pytest.raises(CliError, match="is not one of a runplane server"):
        claims(token)


def test_a_saved_login_survives_a_server_that_is_away(line: Line, make_server: Callable[..., Server]) -> None:
    server = make_server()
    line.log_in(server)
    name = f"127.0.0.1-{server.port}"
    line.age(name, 7200)
    kept = line.secrets(name)
    server.stop()
    code, _, err = line("auth", "get-token")
    assert (code, err) == (7, f"{server.url} does not answer. Is the address right?\n")
    assert line.secrets(name) == kept, "nothing is thrown away"
    server.start()
    assert line.ok("auth", "get-token")


@pytest.mark.parametrize("token", ["a b", "ä", "a\nb"])
def test_a_variable_that_holds_no_token_is_told(line: Line, token: str) -> None:
    code, _, err = line("whoami", RUNPLANE_TOKEN=token)
    assert (code, err) == (2, "RUNPLANE_TOKEN does not hold a token.\n")


def test_an_address_that_http_cannot_carry_is_told() -> None:
    with pytest.raises(WrongUsage), Transport("https://a\x00b"):
        pass
