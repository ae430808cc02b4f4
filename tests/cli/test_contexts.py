"""Several servers and logins: which one a command takes, and what the files hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runplane.cli.failures import CliError, WrongUsage
from runplane.cli.files import locked
from runplane.cli.session.contexts import checked_name, checked_url, server_name
from support.accounts import service_account
from support.cli import Line, context_of
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail


@pytest.fixture
def two(line: Line, server: Server) -> Line:
    """Logged in twice at one server: as the administrator, and as the service account of context `robot`."""
    robot = service_account(server, f"robot-{os.urandom(4).hex()}")
    line.log_in(server)
    client = ("--client-id", robot.client_id, "--secret", robot.secret, "--save")
    line.ok("login", "application", server.url, *client, "--context", "robot")
    return line


LIST = """\
CURRENT   NAME              SERVER                   SUBJECT             LOGIN         STATE
          127.0.0.1-PORTS   http://127.0.0.1:PORTS   admin@example.com   user          renews itself
*         robot             http://127.0.0.1:PORTS   robot-XXXXXXXX      application   renews itself
"""


def steady(text: str, server: Server) -> str:
    words = [f"robot-{'X' * 8}" if it.startswith("robot-") else it for it in text.split(" ")]
    return " ".join(words).replace(f"{server.port}".ljust(5), "PORTS")


def test_the_list_marks_the_current_one(two: Line, server: Server) -> None:
    assert steady(two.ok("context", "list"), server) == LIST
    assert two.ok("context", "list", "-o", "name") == f"{context_of(server)}\nrobot\n"
    two.ok("context", "use", context_of(server))
    lines = two.ok("context", "list").splitlines()
    assert [it[0] for it in lines[1:]] == ["*", " "]
    assert "tokenExpiresAt: " in two.ok("context", "list", "-o", "yaml")
    assert '"state": "renews itself"' in two.ok("context", "list", "-o", "json")
    assert two("context", "list", "-o", "xml")[::2] == (
        2,
        "--output is one of table, wide, json, yaml, name.\n",
    )


def test_one_order_decides_which_login_is_meant(two: Line, server: Server) -> None:
    def name(*flags: str, **environ: str) -> str:
        return two.ok("whoami", "-o", "name", *flags, **environ).strip()

    other = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    person = context_of(server)
    assert name().startswith("robot-")
    assert name(RUNPLANE_CONTEXT=person) == ADMIN_EMAIL
    assert name(RUNPLANE_TOKEN=other) == ADMIN_EMAIL
    assert name("--context", "robot", RUNPLANE_TOKEN=other).startswith("robot-")
    assert name("--context", person, RUNPLANE_CONTEXT="robot") == ADMIN_EMAIL
    assert name("--server", server.url).startswith("robot-"), "the current one, of several at this server"
    code, _, err = two("whoami", "--context", "robot", "--server", "https://other.example.com")
    assert (code, err) == (
        2,
        f"The context robot is a login at {server.url}, not at https://other.example.com.\n",
    )
    code, _, err = two("whoami", "--server", "https://other.example.com")
    assert (code, err) == (
        3,
        "You are not logged in at https://other.example.com. Run `runplane login https://other.example.com`.\n",
    )
    two.ok("context", "delete", "robot")
    assert two("whoami")[0] == 3, "no context is current now"
    assert name("--server", server.url) == ADMIN_EMAIL


def test_a_context_is_used_and_forgotten_by_its_name(two: Line, server: Server) -> None:
    gone = "There is no context nowhere; `runplane context list` shows those there are.\n"
    assert two("context", "use", "nowhere") == (5, "", gone)
    assert two("context", "delete", "nowhere") == (5, "", gone)
    assert two("context", "use", context_of(server))[1] == f"The current context is {context_of(server)}.\n"
    assert two("context", "delete", "robot")[1] == "The context robot is forgotten.\n"
    assert "robot" not in (two.home / "config.yaml").read_text()
    assert [it.name for it in (two.home / "credentials").iterdir()] == [f"{context_of(server)}.json"]
    assert two.ok("context", "delete", context_of(server))
    assert two.ok("context", "list") == "CURRENT   NAME   SERVER   SUBJECT   LOGIN   STATE\n"


def test_what_people_wrote_into_the_file_stays(line: Line, server: Server) -> None:
    line.home.mkdir()
    file = line.home / "config.yaml"
    file.write_text(
        "# mine\nservers:\n  old:   # the old one\n    url: https://old.example.com\ncontexts: {}\n"
    )
    line.log_in(server, "--context", "work")
    text = file.read_text()
    assert text.startswith("# mine\nservers:\n  old:   # the old one\n    url: https://old.example.com\n")
    assert "  work:\n" in text
    file.write_text(text.replace("url:", "url: 12 #"))
    code, _, err = line("context", "list")
    assert code == 1
    assert err.startswith(f"{file}: Expected `str`, got `int`")
    file.write_text("servers: [")
    assert line("context", "list")[2].startswith(f"{file}:2: ")


@pytest.mark.parametrize("name", ["on", "12", "1e3", "2026-01-01", "a@b", "0x1f", "null"])
def test_a_context_may_be_called_so(line: Line, server: Server, name: str) -> None:
    line.log_in(server, "--context", name)
    assert line.ok("context", "list", "-o", "name") == f"{name}\n"
    assert line.ok("whoami", "--context", name, "-o", "name") == f"{ADMIN_EMAIL}\n"
    line.ok("context", "delete", name)
    assert line.ok("context", "list", "-o", "name") == "\n"


def test_the_home_folder_may_be_another(line: Line, server: Server, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    login = ("login", "user", server.url, "-u", ADMIN_EMAIL, "-p", ADMIN_PASSWORD)
    line.ok(*login, RUNPLANE_HOME=str(elsewhere))
    assert (elsewhere / "config.yaml").exists()
    assert not line.home.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("runplane.example.com", "https://runplane.example.com"),
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1", "http://127.0.0.1"),
        ("https://EXAMPLE.com:443/", "https://example.com"),
        ("https://example.com/runplane/", "https://example.com/runplane"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert checked_url(given) == kept
    checked_name(server_name(kept))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "https://",
        "ftp://a",
        "https://u:p@a",
        "https://a?b",
        "https://a#b",
        "https://a:x",
        "https://a b",
        "//a",
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(WrongUsage, match="is no address of a server"):
        checked_url(given)


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", "a b", "x" * 101, "ä"])
def test_a_context_cannot_be_called_so(name: str) -> None:
    with pytest.raises(WrongUsage):
        checked_name(name)


def test_a_lock_that_is_held_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path), pytest.raises(CliError, match="Another runplane holds"), locked(path, 0):
        pass
    with locked(path, 0):
        pass


def test_variables_of_the_command_line_do_not_stop_the_server(make_server: Callable[..., Server]) -> None:
    make_server(token="x", url="http://127.0.0.1", server="a", context="b", home="/tmp", agent_secret="s")
