"""The command line: exit codes and sentences, what each command prints, and what `--help` does not load."""

from __future__ import annotations

import http.client
import io
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from rich.console import Console

from runplane.main import main
from runplane.server.app import operations_for_inspection
from runplane.server.commands import config
from runplane.server.commands.failures import CommandFailed
from runplane.server.commands.sockets import listen_sockets
from runplane.server.commands.where import locate
from runplane.server.settings import Setting, Settings, known_settings, load_settings

CANARY = "correct-horse-battery-staple"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Runs the command line here, in an empty folder: exit code, standard output, standard error."""
    root = logging.getLogger()
    handlers, level, mask = root.handlers[:], root.level, os.umask(0o022)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", clean_environment())

    def go(*arguments: str, **environ: str) -> tuple[int, str, str]:
        for name, value in environ.items():
            monkeypatch.setitem(os.environ, name, value)
        monkeypatch.setattr(sys, "argv", ["runplane", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), written.out, written.err

    yield go
    # `serve` sets these for its process, which here is the test's.
    root.handlers[:] = handlers
    root.setLevel(level)
    os.umask(mask)
    structlog.reset_defaults()


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNPLANE_")}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)} | more


CORRUPT = {
    "cut file": ("[tokens", ""),
    "unknown table": ("[token]\nlifetime_seconds = 60", "[token]"),
    "unknown key": ("[tokens]\nlifetime = 60", "tokens.lifetime"),
    "wrong type": ("port = '8080'", "port"),
    "too small": ("[tokens]\nlifetime_seconds = 59", "tokens.lifetime_seconds"),
    "too large": ("[tokens]\nleeway_seconds = 61", "tokens.leeway_seconds"),
    "wrong word": ("[tokens]\nalgorithm = 'none'", "tokens.algorithm"),
    "table as value": ("tokens = 1", "tokens"),
    "wrong network": ("trusted_proxies = ['10.0.0.0/33']", "trusted_proxies"),
    "wrong address": ("public_url = 'example.com'", "public_url"),
    "wrong database": (f"database_url = 'oracle://u:{CANARY}@h/x'", "database_url"),
    "secret of wrong type": (f"[admin]\npassword = ['{CANARY}']", "admin.password"),
    "missing secret file": ("[admin]\npassword_file = 'none'", "admin.password_file"),
    "empty secret": ("[keys]\nkey_encryption_key = ''", "keys.key_encryption_key"),
}


@pytest.mark.parametrize("name", CORRUPT)
@pytest.mark.parametrize("command", ["serve", "explain"])
def test_wrong_settings_end_the_command(run: Run, tmp_path: Path, name: str, command: str) -> None:
    text, key = CORRUPT[name]
    file = tmp_path / "runplane.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    arguments = ["serve"] if command == "serve" else ["config", "explain"]
    code, out, err = run(*arguments, "--config", str(file))
    assert (code, out) == (78, "")
    assert err.startswith(f"{file}:{key}")
    assert err.count("\n") == 1
    assert CANARY not in err
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RUNPLANE_PORT", "http"),
        ("RUNPLANE_PROT", "80"),
        ("RUNPLANE_CONFIG", "none.toml"),
        ("RUNPLANE_ADMIN_PASSWORD_FILE", "none"),
    ],
)
def test_wrong_variables_end_the_command(run: Run, name: str, value: str) -> None:
    code, out, err = run("serve", **{name: value})
    assert (code, out) == (78, "")
    assert err.startswith(f"{name}: ")


def test_a_wrong_flag_is_told_like_a_wrong_variable(run: Run) -> None:
    assert run("serve", "--port", "66000") == (78, "", "--port: must be a whole number from 0 to 65535.\n")


@pytest.mark.parametrize(
    ("key", "sentence"),
    [("not base64", "must be 32 bytes in base64"), ("c2hvcnQ=", "this one has 5")],
)
def test_a_wrong_key_encryption_key_is_a_wrong_setting(run: Run, key: str, sentence: str) -> None:
    code, _, err = run("serve", "--port", "0", RUNPLANE_KEYS_KEY_ENCRYPTION_KEY=key)
    assert code == 78
    assert err.startswith("RUNPLANE_KEYS_KEY_ENCRYPTION_KEY: ")
    assert sentence in err
    assert key not in err


def test_a_key_file_that_others_can_read_is_a_wrong_setting(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("A" * 43 + "=")
    file.chmod(0o644)
    code, _, err = run("serve", "--port", "0", RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE=str(file))
    assert code == 78
    assert err.startswith("RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE: ")
    assert "chmod 600" in err


def test_a_data_folder_that_cannot_be_is_a_wrong_setting(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run("serve", "--port", "0", "--data-dir", "file/data")
    assert code == 78
    assert err.startswith("--data-dir: the folder")


def test_a_database_that_does_not_answer_may_be_tried_again(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://runplane:{CANARY}@127.0.0.1:{taken.getsockname()[1]}/runplane"
        code, _, err = run("serve", "--port", "0", RUNPLANE_DATABASE_URL=url)
    assert code == 1
    assert "RUNPLANE_DATABASE_URL" in err
    assert CANARY not in err


def test_a_port_in_use_is_named_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = run("serve", "--port", str(port))
    assert code == 1
    assert err == f"Port {port} of 127.0.0.1 is in use; set RUNPLANE_PORT (or --port) to another one.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(CommandFailed, match=rf"{re.escape(host)}.*RUNPLANE_HOST"):
        listen_sockets(host, 0)


def test_every_address_of_a_name_gets_the_same_port() -> None:
    sockets = listen_sockets("localhost", 0)
    try:
        assert len({it.getsockname()[1] for it in sockets}) == 1
        assert {it.getsockname()[0] for it in sockets} <= {"127.0.0.1", "::1"}
    finally:
        for it in sockets:
            it.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `python -m runplane serve` on a free port; ends it with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(**environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "runplane", "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
            env=clean_environment(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def welcome_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "api/v1/token" in line:
            break
    return "".join(lines)


def test_the_server_tells_its_address_once_it_listens(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started(RUNPLANE_ADMIN_PASSWORD=CANARY)
    said = welcome_of(process)
    found = re.search(r"http://127\.0\.0\.1:(\d+)\b", said)
    assert found, said
    assert CANARY not in said
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    others = [it.name for it in (tmp_path / "data").iterdir() if it.stat().st_mode & 0o077]
    assert others == []
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in (0, -signal.SIGTERM)


def test_where_names_the_line_that_answers(run: Run) -> None:
    code, out, _ = run("where", "get", "https://runplane.example.com/healthz?verbose=1")
    place, operation, method, path = out.split()
    assert (code, operation, method, path) == (0, "get_healthz", "GET", "/healthz")
    file, _, line = place.partition(":")
    root = Path(sys.modules["runplane"].__file__ or "").resolve().parents[1]
    text = (root / file).read_text(encoding="utf-8").splitlines()
    assert '"/healthz"' in "".join(text[int(line) - 1 : int(line) + 3])


@pytest.mark.slow
def test_where_finds_every_operation() -> None:
    for it in operations_for_inspection():
        path = re.sub(r"\{\w+\}", "1", it.path)
        found = locate(it.method, path).split()
        assert found[0].startswith("runplane/server/")
        assert found[2] == it.method


def test_where_fails_when_nothing_answers(run: Run) -> None:
    assert run("where", "GET", "/nowhere") == (1, "", "Nothing answers at /nowhere.\n")
    code, _, err = run("where", "DELETE", "/healthz")
    assert (code, err) == (1, "/healthz answers GET only.\n")


def test_explain_hides_secrets_and_says_where_values_come_from(run: Run) -> None:
    code, out, _ = run(
        "config",
        "explain",
        RUNPLANE_ADMIN_PASSWORD=CANARY,
        RUNPLANE_DATABASE_URL=f"postgresql://u:{CANARY}@db/x?password={CANARY}",
        RUNPLANE_PORT="9000",
    )
    assert code == 0
    assert CANARY not in out
    assert "port = 9000  (RUNPLANE_PORT)" in out
    assert "admin.password = ******  (RUNPLANE_ADMIN_PASSWORD)" in out
    assert "database_url = postgresql://u:******@db/x?password=******" in out
    assert all(f"\n{it.key} = " in f"\n{out}" for it in known_settings())


@pytest.mark.parametrize("width", [20, 40, 80, 119, 120, 200])
def test_explain_fits_every_width(width: int) -> None:
    written = io.StringIO()
    console = Console(file=written, width=width, force_terminal=True, color_system=None, highlight=False)
    config.explain(load_settings({}, {}), console)
    text = written.getvalue()
    assert all(it.name in text for it in known_settings())
    if width >= 120:
        assert max(map(len, text.splitlines())) <= width


def test_explain_without_colour_writes_no_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = io.StringIO()
    config.explain(
        load_settings({}, {}), Console(file=written, width=100, force_terminal=True, highlight=False)
    )
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", written.getvalue())


def test_the_page_has_every_setting(run: Run) -> None:
    code, out, _ = run("config", "explain", "--markdown", RUNPLANE_PORT="wrong, and not looked at")
    assert code == 0
    assert out.rstrip() == config.markdown().rstrip()
    assert all(f"| `{it.variable}` |" in out for it in known_settings())


@pytest.mark.parametrize("setting", known_settings(), ids=lambda it: it.key)
def test_what_is_shown_of_a_secret_does_not_depend_on_it(setting: Setting) -> None:
    if setting.is_secret:
        # one of them has to be an address
        value = f"https://{CANARY}" if setting.key.endswith("_url") else CANARY
        loaded = load_settings({}, {setting.variable: value})
        assert config.shown(setting, loaded.settings) == "******"
        assert config.shown(setting, Settings()) == "(not set)"
    else:
        assert config.shown(setting, Settings())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["serve", "-h"], ["where", "-h"], ["config", "explain", "-h"]]
)
def test_help_says_what_exit_codes_mean(run: Run, arguments: list[str]) -> None:
    code, out, _ = run(*arguments)
    assert code == 0
    assert "78" in out
    if arguments != ["--help"]:
        assert "Example" in out


def test_wrong_usage_has_its_own_code(run: Run) -> None:
    assert run("brew")[0] == 2
    assert run("serve", "--prot", "1")[0] == 2
    assert run("where", "GET")[0] == 2


def test_a_server_does_without_coloured_tracebacks() -> None:
    code = (
        "import sys; from runplane.server.commands.lean import load_structlog; load_structlog(); "
        "import runplane.server.commands.worker; print('rich' in sys.modules); import rich"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_version_is_asked_for_in_both_ways(run: Run) -> None:
    assert run("--version") == run("version")
    assert run("--version")[0] == 0


def test_version_is_the_installed_one(run: Run) -> None:
    code, out, _ = run("version")
    assert code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", out)


LOADED = """
import sys
from runplane.main import main
sys.argv = ["runplane", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    code = ended.code
heavy = {"sqlalchemy", "uvicorn", "cryptography", "rich", "structlog", "starlette"} & set(sys.modules)
sys.exit(f"{code} {sorted(heavy)}")
"""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--help"], "0 []"), (["serve", "--help"], "0 []"), (["serve", "--port", "x"], "78 []")],
)
def test_help_and_wrong_settings_wait_for_no_server_code(arguments: list[str], told: str) -> None:
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == told
