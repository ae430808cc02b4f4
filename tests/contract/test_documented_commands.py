"""The shell commands of the guides run as they are printed, against a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runplane.server.identity import realms
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Not commands of this kind: starting a server, installing a package, choosing variables by hand.
SET_UP = ("make serve", "pip install", "export URL=")
# Stops at the first failure; a refusal is one. What still runs in the background ends with it.
PRELUDE = f"""
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
curl() {{ command curl --fail-with-body --show-error "$@"; }}
value() {{ python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }}
export EMAIL='{ADMIN_EMAIL}' PASSWORD='{ADMIN_PASSWORD}'
"""

pytestmark = pytest.mark.slow


def commands(document: Path) -> list[str]:
    """The blocks of a document that call the API."""
    found = BLOCK.findall(document.read_text(encoding="utf-8"))
    return [block for block in found if not any(word in block for word in SET_UP)]


def run(server: Server, blocks: list[str]) -> subprocess.CompletedProcess[str]:
    """Run `blocks` one after the other in one shell, on the host of `server`."""
    script = "\n".join([PRELUDE, f"export URL={server.url}", *blocks])
    return subprocess.run(
        ["bash", "-c", script],
        env=environment(server),
        cwd=server.data_dir,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(server: Server) -> dict[str, str]:
    """That of this process, with the server's settings and `runplane` on the path."""
    folder = server.data_dir / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "runplane"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m runplane "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return {
        **os.environ,
        **server.environment,
        "RUNPLANE_HOME": str(server.data_dir / "home"),
        "PATH": os.pathsep.join([str(folder), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
    }


def quick_start(repository: Path, name: str) -> list[str]:
    """The commands of the quick start, making a service account called `name`."""
    blocks = commands(repository / "docs" / "quick-start.md")
    return [block.replace("nightly-report", name) for block in blocks]


def test_the_quick_start_works(repository: Path, server: Server) -> None:
    result = run(server, quick_start(repository, "quick-start"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert '"roleName"' in result.stdout


def test_every_token_call_of_the_guide_works(repository: Path, server: Server) -> None:
    guide = commands(repository / "docs" / "guides" / "tokens.md")
    result = run(server, [*quick_start(repository, "token-guide"), *guide])
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(guide) >= 10


@pytest.mark.parametrize(
    ("name", "blocks", "shown"),
    [
        ("clusters", 15, "is connected: 2 nodes with 4 GPUs each"),
        ("organization", 14, '"assigned":12'),
        ("automation", 8, "x-runplane-truncated: 1/"),
        ("tenants", 4, '"name":"acme"'),
        ("cli", 9, "LOGIN"),
        ("backup", 2, "The database is sound"),
        ("audit", 4, "unbroken from"),
        ("monitoring", 1, "runplane_requests_total"),
        ("signing-keys", 6, "needs the key-encryption key"),
        ("login-user", 2, "Logged in to"),
        ("login-application", 3, "service account"),
        ("openid-connect", 3, "verification_uri_complete"),
        ("cluster-authentication", 3, "--oidc-client-id=runai"),
        ("keyless-ci", 4, '"accepted":false'),
        ("scoped-tokens", 2, '"scope":"cluster:read project:read"'),
    ],
)
def test_every_command_of_the_guide_works(
    repository: Path, server: Server, monkeypatch: pytest.MonkeyPatch, name: str, blocks: int, shown: str
) -> None:
    # A new tenant is known within five seconds, which a reader needs to type.
    monkeypatch.setattr(realms, "_RELOAD_EVERY", 0.0)
    guide = commands(repository / "docs" / "guides" / f"{name}.md")
    renamed = [block.replace("nightly-report", f"{name}-guide") for block in guide]
    result = run(server, [*quick_start(repository, f"{name}-guide"), *renamed])
    assert result.returncode == 0, result.stdout + result.stderr
    assert shown in result.stdout
    assert len(guide) >= blocks


def test_a_refused_command_is_seen(server: Server) -> None:
    assert run(server, ["curl -s $URL/api/v1/users"]).returncode != 0
