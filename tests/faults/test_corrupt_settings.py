"""Settings that cannot work: the process ends at once, with code 78 and one line that names what to change.

The line never quotes a value, because the value may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.launching import Start
from support.processes import SERVE, ServerProcess, clean_environment
from support.trials import FULL, Figure

CANARY = "correct-horse-battery-staple"
WRONG_SETTINGS = 78
SECONDS = 2.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Corrupt:
    """A settings file, or other settings, and how the line about it starts; `{file}` is the settings file."""

    text: str | bytes = ""
    starts: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    arrange: Callable[[Path], None] | None = None


def bad_pem(folder: Path) -> None:
    (folder / "ca.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{CANARY}\n-----END CERTIFICATE-----\n")


def open_key(folder: Path) -> None:
    path = folder / "key"
    path.write_text("A" * 43 + "=\n")
    path.chmod(0o777)


def short_key(folder: Path) -> None:
    path = folder / "key"
    path.write_text(CANARY)
    path.chmod(0o600)


CASES = {
    "cut file": Corrupt("[tokens\n", "{file}: is not valid TOML at line 1"),
    "not text": Corrupt(b"host = '\xff\xfe'\n", "{file}: "),
    "unknown key": Corrupt("[tokens]\nlifetime = 60\n", "{file}:tokens.lifetime: "),
    "unknown table": Corrupt("[token]\nlifetime_seconds = 60\n", "{file}:[token]: "),
    "wrong type": Corrupt(f"[tokens]\nlifetime_seconds = '{CANARY}'\n", "{file}:tokens.lifetime_seconds: "),
    "out of range": Corrupt("port = 99999\n", "{file}:port: "),
    "wrong database": Corrupt(f"database_url = 'oracle://u:{CANARY}@h/x'\n", "{file}:database_url: "),
    "wrong key": Corrupt(f"[keys]\nkey_encryption_key = '{CANARY}'\n", "{file}:keys.key_encryption_key: "),
    "key file without a key": Corrupt(
        "[keys]\nkey_encryption_key_file = '{folder}/key'\n",
        "{file}:keys.key_encryption_key_file: ",
        arrange=short_key,
    ),
    "key file for everybody": Corrupt(
        "[keys]\nkey_encryption_key_file = '{folder}/key'\n",
        "{file}:keys.key_encryption_key_file: ",
        arrange=open_key,
    ),
    "secret file that is not there": Corrupt(
        "[admin]\npassword_file = '{folder}/nothing'\n", "{file}:admin.password_file: "
    ),
    "bad PEM": Corrupt("[trusts]\nca_file = '{folder}/ca.pem'\n", "{file}:trusts.ca_file: ", arrange=bad_pem),
    "wrong variable": Corrupt(starts="RUNPLANE_PORT: ", variables=(("RUNPLANE_PORT", CANARY),)),
    "unknown variable": Corrupt(
        starts="RUNPLANE_TOKENS_LIFETIME: ", variables=(("RUNPLANE_TOKENS_LIFETIME", CANARY),)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_settings_end_the_process_at_once_and_name_the_key(
    tmp_path: Path, figure: Figure, name: str
) -> None:
    case = CASES[name]
    if case.arrange is not None:
        case.arrange(tmp_path)
    file = tmp_path / "runplane.toml"
    text = case.text.replace("{folder}", str(tmp_path)).encode() if isinstance(case.text, str) else case.text
    file.write_bytes(text)
    file.chmod(0o600)
    environment = clean_environment(data_dir=str(tmp_path / "data")) | {"COLUMNS": "80"}
    environment |= {"RUNPLANE_PORT": "0"} if name != "out of range" else {}
    started, spent = time.monotonic(), processor_seconds()
    done = subprocess.run(
        [*SERVE, "--config", str(file)],
        env=environment | dict(case.variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    took, spent = time.monotonic() - started, processor_seconds() - spent
    assert (done.returncode, done.stdout) == (WRONG_SETTINGS, ""), done.stderr
    assert done.stderr.startswith(case.starts.replace("{file}", str(file))), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert CANARY not in done.stderr
    # the promise is about the program: others use the same cores, and it waits for nothing
    assert spent <= (SECONDS if FULL else 2 * SECONDS)
    figure("ended within", f"{took:.2f} s, of which {spent:.2f} s on a processor")


def processor_seconds() -> float:
    """What child processes that have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ends_with_wrong_settings(server: ServerProcess) -> str:
    """The one line of a process that starts and ends over its settings."""
    server.launch()
    assert server.process.wait(30) == WRONG_SETTINGS, server.errors
    assert server.errors.count("\n") == 1, server.errors
    return server.errors


def test_a_key_that_others_may_read_ends_the_start(start: Start) -> None:
    server = start()
    server.terminate()
    key = server.data_dir / "key-encryption-key"
    for mode in (0o644, 0o777, 0o620):
        key.chmod(mode)
        line = ends_with_wrong_settings(server)
        assert str(key) in line
        assert "chmod 600" in line
    key.chmod(0o600)
    server.start()
    assert server.admin.get("/api/v1/users").status_code == 200


def test_another_key_ends_the_start_and_harms_nothing(start: Start) -> None:
    """A server that cannot open its signing keys must neither go on without them nor make new ones."""
    server = start()
    keys = server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json()
    server.terminate()
    key = server.data_dir / "key-encryption-key"
    right = key.read_bytes()
    for wrong in (b"A" * 43 + b"=", b"", b"not a key"):
        key.write_bytes(wrong)
        line = ends_with_wrong_settings(server)
        assert "key_encryption_key" in line.lower().replace("-", "_")
        assert right.decode().strip() not in line
    key.unlink()
    line = ends_with_wrong_settings(server)
    assert "key_encryption_key" in line.lower().replace("-", "_")
    key.unlink(missing_ok=True)
    key.write_bytes(right)
    key.chmod(0o600)
    server.start()
    assert server.client().get("/auth/realms/runai/protocol/openid-connect/certs").json() == keys
