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
    return _started(server, lambda: _answers(f"{server.url}/api/v1/token", content=body))


def starlette_read(ours: Deployment, folder: Path, core: int) -> Server:
    """The bare reading application over our database, trusting our key."""
    issuer, jwks = ours.jwks()
    options = {"port": free_port(), "database": str(ours.database), "issuer": issuer, "jwks": jwks}
    server = _python("starlette_read", options, folder, core)
    bearer = {"Authorization": f"Bearer {ours.token()}"}
    return _started(server, lambda: _answers(f"{server.url}/api/v1/users?limit=1", headers=bearer))


def oidc_provider(ours: Deployment, folder: Path, core: int) -> Server:
    """npm `oidc-provider`. Raises BenchError, whose text says why, where it cannot be had."""
    node = shutil.which("node")
    if node is None:
        raise BenchError("node is not installed")
    installed = _install(_PEERS / "oidc_provider")
    port = free_port()
    options = {"port": port, "clientId": ours.client_id, "clientSecret": ours.client_secret}
    server = Server(
        "oidc-provider",
        [node, "server.mjs", str(_options(folder / "oidc_provider.json", options))],
        port=port,
        core=core,
        log=folder / "oidc_provider.log",
        cwd=installed,
    )
    plan = oidc_plan(ours)
    return _started(
        server, lambda: _answers(f"{server.url}/token", content=plan.body, headers=dict(plan.headers))
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


def _started(server: Server, answers: Callable[[], bool]) -> Server:
    try:
        server.wait(answers)
    except BaseException:
        server.stop()
        raise
    return server


def _python(name: str, options: dict[str, Any], folder: Path, core: int) -> Server:
    file = _options(folder / f"{name}.json", options)
    return Server(
        name,
        [sys.executable, str(_PEERS / f"{name}.py"), str(file)],
        port=options["port"],
        core=core,
        log=folder / f"{name}.log",
    )


def _options(file: Path, options: dict[str, Any]) -> Path:
    file.write_bytes(msgspec.json.encode(options))
    return file


def _answers(url: str, content: str | None = None, headers: dict[str, str] | None = None) -> bool:
    try:
        answer = httpx.request("POST" if content else "GET", url, content=content, headers=headers)
    except httpx.TransportError:
        return False
    if answer.status_code != 200:
        raise BenchError(f"{url} answered {answer.status_code}: {answer.text[:200]}")
    return True


def _install(source: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("npm is not installed")
    lock = (source / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "runplane-bench" / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:12]}"
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
