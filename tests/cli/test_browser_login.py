"""Logging in with a browser and with a code: the command in its process, the person in another client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from runplane.cli.connect import Target
from runplane.cli.failures import CliError, NotLoggedIn
from runplane.cli.session import browser as browsers
from runplane.cli.session import device as devices
from runplane.cli.session.contexts import Home
from runplane.cli.session.login import Desk
from runplane.cli.session.oauth import OAuth, discover
from runplane.cli.session.wish import Wish
from runplane.cli.transport import Transport
from support.accounts import accepted
from support.cli import PATIENCE, Line, context_of, opened
from support.logins import answer_device, browser, decide, query_of
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail


def request_of(page: str) -> str:
    """The request that the console's page gets, after the authorization endpoint."""
    answer = httpx.get(page)
    assert answer.status_code == 303, answer.text
    return query_of(answer.headers["location"])["request"]


def test_a_person_logs_in_with_a_browser(line: Line, server: Server) -> None:
    with opened(line, server.url) as login:
        assert login.asked["code_challenge_method"] == "S256"
        assert login.asked["redirect_uri"].startswith("http://127.0.0.1:")
        shown = login.answer(decide(browser(server), request_of(login.page)))
        assert (shown.status_code, "You can close this page" in shown.text) == (200, True)
        assert shown.headers["cache-control"] == "no-store"
        code, out, err = login.end()
    name = context_of(server)
    assert (code, out) == (0, f"Logged in to {server.url} as {ADMIN_EMAIL} (context {name}).\n")
    assert login.page in err
    assert "login: browser\n" in (line.home / "config.yaml").read_text()
    line.age(name, 7200)
    assert accepted(server, line.ok("auth", "get-token").strip()), "it renews itself"


def test_a_person_who_refuses_is_not_logged_in(line: Line, server: Server) -> None:
    with opened(line, server.url) as login:
        shown = login.answer(decide(browser(server), request_of(login.page), approve=False))
        assert "The login was not completed" in shown.text
        code, out, err = login.end()
    assert (code, out) == (3, "")
    assert err.endswith("The login was not completed: The person refused.\n")
    assert not (line.home / "config.yaml").exists()


@pytest.mark.clause("login.answer-bound")
def test_an_answer_to_another_question_is_not_taken(line: Line, server: Server) -> None:
    with opened(line, server.url) as login:
        target = login.asked["redirect_uri"]
        for query in ({}, {"code": "stolen"}, {"code": "stolen", "state": "x" * 43}):
            answer = httpx.get(f"{target}?{urlencode(query)}")
            assert answer.status_code == 400
            assert "This is not the login that was begun" in answer.text
        assert httpx.get(target.replace("/callback", "/other")).status_code == 404
        assert httpx.post(target).status_code == 501
        assert login.process.poll() is None, "it goes on waiting"
        login.answer(decide(browser(server), request_of(login.page)))
        assert login.end()[0] == 0


@pytest.mark.clause("login.issuer-named")
@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_an_answer_of_another_server_is_not_taken(line: Line, server: Server, issuer: str | None) -> None:
    with opened(line, server.url) as login:
        location = decide(browser(server), request_of(login.page))
        members = query_of(location) | {"iss": issuer}
        query = urlencode({name: it for name, it in members.items() if it is not None})
        login.answer(f"{login.asked['redirect_uri']}?{query}")
        code, _, err = login.end()
    assert code == 3
    assert "came from another server than the one that was asked" in err


def test_the_port_can_be_chosen(line: Line, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = line("login", server.url, "--listen-port", port, BROWSER="true")
        assert (code, err) == (
            2,
            f"Port {port} cannot be listened on; give another one with --listen-port.\n",
        )
    with opened(line, server.url, "--listen-port", port, "--listen-host", "localhost") as login:
        assert login.asked["redirect_uri"] == f"http://localhost:{port}/callback"
    code, _, err = line("login", server.url, "--listen-host", "0.0.0.0", BROWSER="true")
    assert (code, err) == (
        2,
        "--listen-host is one of 127.0.0.1, localhost: nobody else may see the answer.\n",
    )


def test_a_profile_of_the_older_kind_decides_server_client_and_way(line: Line, server: Server) -> None:
    line.kubeconfig.parent.mkdir()
    line.kubeconfig.write_text(
        "current-context: gpu\ncontexts: [{name: gpu, context: {cluster: c, user: me}}]\n"
        "users:\n- name: me\n  user:\n    auth-provider:\n      name: oidc\n      config:\n"
        "        client-id: runai-cli   # as the guide says\n"
        f"        idp-issuer-url: {server.url}/auth/realms/runai\n"
    )
    with opened(line) as login:
        assert login.page.startswith(server.url)
        assert login.asked["client_id"] == "runai-cli"
        login.answer(decide(browser(server), request_of(login.page)))
        code, out, _ = login.end()
    assert (code, out.splitlines()[-1]) == (0, "The Kubernetes profile gpu has its tokens.")
    text = line.kubeconfig.read_text()
    assert "client-id: runai-cli   # as the guide says\n" in text
    assert [it.split(":")[0].strip() for it in text.splitlines()[-3:]] == [
        "id-token",
        "refresh-token",
        "auth-flow",
    ]
    with opened(line, "--no-kubeconfig", server.url) as login:
        assert login.asked["client_id"] == "runplane-cli"


def test_a_code_is_pasted_from_another_machine(line: Line, server: Server) -> None:
    with line.terminal("login", "remote-browser", server.url) as terminal:
        shown = terminal.expect("Code: ")
        page = next(it for it in shown.split() if it.startswith(f"{server.url}/auth/"))
        location = decide(browser(server), request_of(page))
        assert location.startswith(f"{server.url}/oauth-code?")
        terminal.type(query_of(location)["code"])
        terminal.expect(f"Logged in to {server.url} as {ADMIN_EMAIL}")
        assert terminal.end() == 0


@pytest.mark.slow
def test_over_ssh_a_code_takes_the_place_of_the_browser(line: Line, server: Server) -> None:
    process = line.start("login", server.url)
    assert process.stderr is not None
    first = process.stderr.readline().split()
    assert first[:5] == ["Open", f"{server.url}/device", "in", "any", "browser"]
    assert process.stderr.readline() == f"or open {server.url}/device?user_code={first[-1]}\n"
    assert answer_device(browser(server), {"user_code": first[-1]}).status_code == 204
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    assert out == f"Logged in to {server.url} as {ADMIN_EMAIL} (context {context_of(server)}).\n"
    assert "login: device\n" in (line.home / "config.yaml").read_text()


@pytest.fixture
def at(server: Server, tmp_path: Path) -> Iterator[Desk]:
    """A place to log in at, without a command around it."""
    with Transport(server.url) as transport:
        realm = discover(transport, "runai")
        yield Desk(Wish(Target()), Home(tmp_path), transport, realm, "test", None)


class Waiting:
    """A machine that shows a code; instead of pauses something happens, and the server's clock goes on."""

    def __init__(self, server: Server, *events: Any) -> None:
        self.server = server
        self.events = list(events)
        self.lines: list[str] = []
        self.pauses: list[float] = []

    def warn(self, text: str) -> None:
        self.lines.append(text)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        event = self.events.pop(0) if self.events else None
        if event != "hurry":
            self.server.clock.advance(seconds)
        if isinstance(event, bool):
            codes = {"user_code": self.lines[0].rpartition(" ")[2]}
            assert answer_device(browser(self.server), codes, approve=event).status_code == 204


def test_a_machine_asks_as_often_as_the_server_wants(server: Server, at: Desk) -> None:
    waiting = Waiting(server, None, "hurry", None, True)
    tokens = devices.log_in(at, waiting.warn, waiting.pause)
    assert accepted(server, tokens.access_token)
    assert waiting.pauses[:2] == [5, 5]
    assert waiting.pauses[2:] == [10, 10], "it was told to slow down"


def test_a_declined_code_ends_the_login(server: Server, at: Desk) -> None:
    with pytest.raises(NotLoggedIn, match="was declined in the browser"):
        devices.log_in(at, (waiting := Waiting(server, False)).warn, waiting.pause)


def test_a_code_that_nobody_enters_ends_the_login(server: Server, at: Desk) -> None:
    waiting = Waiting(server)
    waiting.pause = lambda _: server.clock.advance(700)  # type: ignore[method-assign]
    with pytest.raises(NotLoggedIn, match="Nobody entered the code in time"):
        devices.log_in(at, waiting.warn, waiting.pause)


def test_a_code_works_with_the_verifier_of_its_login_only(server: Server, at: Desk) -> None:
    mine, other = browsers.Proofs(), browsers.Proofs()
    target = "http://127.0.0.1:1/callback"
    location = decide(browser(server), request_of(browsers.address(at, mine, target)))
    with pytest.raises(CliError):
        browsers.finish(
            at, browsers.Proofs(other.verifier, mine.state, mine.nonce), query_of(location), target
        )


def test_a_token_of_another_login_is_not_taken(server: Server, at: Desk) -> None:
    mine = browsers.Proofs()
    target = "http://127.0.0.1:1/callback"
    location = decide(browser(server), request_of(browsers.address(at, mine, target)))
    swapped = browsers.Proofs(mine.verifier, mine.state, "another nonce")
    with pytest.raises(NotLoggedIn, match="belongs to another login"):
        browsers.finish(at, swapped, query_of(location), target)


def test_nobody_comes_in_time(server: Server, at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true")
    with pytest.raises(NotLoggedIn, match="Nobody signed in on the page in time"):
        browsers.log_in(at, lambda _: None, host="127.0.0.1", port=0, wait=0.0)


@pytest.mark.parametrize(
    ("environ", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "a"}, "linux", False),
        ({"SSH_TTY": "a"}, "darwin", False),
        ({}, "darwin", True),
        ({"BROWSER": "b", "SSH_TTY": "a"}, "linux", True),
    ],
)
def test_a_browser_is_used_where_the_person_would_see_it(
    environ: dict[str, str], platform: str, there: bool
) -> None:
    assert browsers.has_browser(environ, platform) is there


@pytest.mark.clause("pkce.verifier")
def test_the_verifier_fits_the_challenge_of_rfc_7636() -> None:
    # the example of appendix B
    proofs = browsers.Proofs("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "s", "n")
    assert proofs.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert "dBjf" not in repr(proofs)


def test_a_temporary_password_is_replaced_on_the_way(line: Line, server: Server) -> None:
    answer = server.admin.post("/api/v1/users", json={"email": "late@example.com"})
    temporary = answer.json()["tempPassword"]
    with line.terminal("login", "user", server.url) as terminal:
        terminal.expect("E-mail: ")
        terminal.type("late@example.com")
        terminal.expect("Password: ")
        terminal.type(temporary)
        terminal.expect("New password (the current one is temporary): ")
        terminal.type("orchard-lantern-copper-tide")
        terminal.expect("Repeat for confirmation: ")
        terminal.type("orchard-lantern-copper-tide")
        shown = terminal.expect("Logged in to")
        assert terminal.end() == 0
    assert temporary not in shown
    assert server.token("late@example.com", "orchard-lantern-copper-tide")


def test_a_secret_is_asked_for_and_not_shown(line: Line, server: Server) -> None:
    made = server.admin.post("/api/v1/service-accounts", json={"name": "asked"}).json()
    with line.terminal("login", "application", server.url, "--interactive") as terminal:
        terminal.expect("Client id: ")
        terminal.type(made["clientId"])
        terminal.expect("Secret: ")
        terminal.type(made["clientSecret"])
        shown = terminal.expect("Logged in to")
        assert terminal.end() == 0
    assert made["clientSecret"] not in shown


def test_a_session_by_password_is_of_the_same_client(server: Server, at: Desk) -> None:
    tokens = OAuth(at.transport, at.realm).password(ADMIN_EMAIL, ADMIN_PASSWORD)
    assert OAuth(at.transport, at.realm).refresh(tokens.refresh_token).access_token
