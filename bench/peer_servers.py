"""Starts the applications runplane is compared with."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from bench.deployment import Deployment
from bench.load import Plan
from bench.process import BenchError, Server, free_port

_PEERS = Path(__file__).parent / "peers"
_INSTALL_SECONDS = 120


def starlette_token(ours: Deployment, folder: Path, core: int) -> Server:
    """The bare token application, with the same client as ours."""
    port = free_port()
    options = {"port": port, "clientId": ours.client_id, "clientSecret": ours.client_secret}
    server = _python("starlette_token", options, folder, core)
    body = ours.token_body()
    return started(server, lambda: answers(f"{server.url}/api/v1/token", content=body))


def starlette_read(ours: Deployment, folder: Path, core: int) -> Server:
    """The bare reading application over our database, trusting our key."""
    issuer, jwks = ours.jwks()
    options = {"port": free_port(), "database": str(ours.database), "issuer": issuer, "jwks": jwks}
    server = _python("starlette_read", options, folder, core)
    bearer = {"Authorization": f"Bearer {ours.token()}"}
    return started(server, lambda: answers(f"{server.url}/api/v1/users?limit=1", headers=bearer))


def oidc_provider(ours: Deployment, folder: Path, core: int) -> Server:
    """npm `oidc-provider`. Raises BenchError, whose text says why, where it cannot be had."""
    node = shutil.which("node")
    if node is None:
        raise BenchError("node is not installed")
    installed = install_from_npm(_PEERS / "oidc_provider")
    port = free_port()
    options = {"port": port, "clientId": ours.client_id, "clientSecret": ours.client_secret}
    server = Server(
        "oidc-provider",
        [node, "server.mjs", str(write_options(folder / "oidc_provider.json", options))],
        port=port,
        core=core,
        log=folder / "oidc_provider.log",
        cwd=installed,
    )
    plan = oidc_plan(ours)
    return started(
        server, lambda: answers(f"{server.url}/token", content=plan.body, headers=dict(plan.headers))
    )


def oidc_plan(ours: Deployment) -> Plan:
    """The token call as `oidc-provider` takes it: a form."""
    form = {
        "grant_type": "client_credentials",
        "client_id": ours.client_id,
        "client_secret": ours.client_secret,
    }
    return Plan(
        "POST",
        "/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form),
    )


def cache() -> Path:
    """The folder in which installed peers stay from run to run."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "runplane-bench"


def started(server: Server, ready: Callable[[], bool]) -> Server:
    """`server` once it answers; stopped when it does not. Raises BenchError."""
    try:
        server.wait(ready)
    except BaseException:
        server.stop()
        raise
    return server


def _python(name: str, options: dict[str, Any], folder: Path, core: int) -> Server:
    file = write_options(folder / f"{name}.json", options)
    return Server(
        name,
        [sys.executable, str(_PEERS / f"{name}.py"), str(file)],
        port=options["port"],
        core=core,
        log=folder / f"{name}.log",
    )


def write_options(file: Path, options: dict[str, Any]) -> Path:
    """The file, which a peer reads at its start."""
    file.write_bytes(msgspec.json.encode(options))
    return file


def answers(url: str, content: str | None = None, headers: dict[str, str] | None = None) -> bool:
    """Whether `url` answers: False while nobody listens. Raises BenchError for another status than 200."""
    try:
        answer = httpx.request("POST" if content else "GET", url, content=content, headers=headers)
    except httpx.TransportError:
        return False
    if answer.status_code != 200:
        raise BenchError(f"{url} answered {answer.status_code}: {answer.text[:200]}")
    return True


def install_from_npm(source: Path) -> Path:
    """The folder where the packages of `source` are installed. Raises BenchError, whose text says why not."""
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("npm is not installed")
    lock = (source / "package-lock.json").read_bytes()
    target = cache() / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:12]}"
    target.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "server.mjs"):
        shutil.copyfile(source / name, target / name)
    done = target / "installed"
    if done.exists():
        return target
    try:
        ran = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=target,
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError("npm could not reach a package registry") from None
    if ran.returncode != 0:
        raise BenchError(f"npm could not install it: {ran.stderr.strip().splitlines()[0]}")
    done.touch()
    return target
