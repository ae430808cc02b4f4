"""The products: how each is installed, started, made ready, and asked.

Each runs as its own documentation starts it for production, with one worker process. What a call costs beyond
the answer differs, and the notes say so: a comparison of products is not one of equal work.
"""

from __future__ import annotations

import base64
import http.client
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import httpx

from bench import peer_servers
from bench.deployment import Deployment
from bench.load import Plan
from bench.process import BenchError, Server, free_port
from bench.products.install import Installed, from_pypi, size_mb
from bench.seed import add_people

_PEERS: Final = Path(peer_servers.__file__).parent / "peers"
_CLIENT: Final = "bench"
_SECRET: Final = "a-secret-of-the-bench-alone"
_PEOPLE: Final = 2000
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

MakePlan = Callable[[], Plan]


@dataclass(slots=True)
class Product:
    """One contestant. `start` begins a process on its own data, `ready` says whether it answers."""

    name: str
    version: str
    installed_mb: float
    start: Callable[[], Server]
    ready: Callable[[], bool]
    # what is done once, after the first start
    prepare: Callable[[], None] = lambda: None
    token: MakePlan | None = None
    read: MakePlan | None = None
    notes: dict[str, str] = field(default_factory=dict[str, str])


def runplane(installed: Installed, ours: Deployment, database: Path | str, version: str) -> Product:
    """runplane on one database. A token call and a read of one of 2,000 people, as `make bench` has them."""
    paths = ours.folder.parent / f"{ours.name.replace(' ', '-')}-paths.txt"
    bearer: dict[str, str] = {}

    def prepare() -> None:
        ours.set_up()
        people = add_people(database, _PEOPLE)
        paths.write_text("".join(f"/api/v1/users/{it}\n" for it in people))
        bearer["Authorization"] = f"Bearer {ours.token()}"

    return Product(
        ours.name,
        version,
        installed.megabytes,
        ours.start,
        ours.ready,
        prepare,
        ours.token_plan,
        lambda: Plan("GET", "/api/v1/users", headers=bearer, paths=paths),
        {
            "token": "audited, last use stored",
            "read": "one of 2,000 users; revocation, permission checked",
        },
    )


def oidc_provider(folder: Path, core: int) -> Product:
    """npm `oidc-provider`. Raises BenchError where Node.js is missing."""
    node = shutil.which("node")
    if node is None:
        raise BenchError("node is not installed")
    installed = peer_servers.install_from_npm(_PEERS / "oidc_provider")
    port = free_port()
    options = {"port": port, "clientId": _CLIENT, "clientSecret": _SECRET}
    file = peer_servers.write_options(folder / "oidc_provider.json", options)
    plan = _form("/token")

    def start() -> Server:
        log = folder / "oidc_provider.log"
        return Server(
            "oidc-provider", [node, "server.mjs", str(file)], port=port, core=core, log=log, cwd=installed
        )

    return Product(
        "oidc-provider",
        "9.13.3",
        size_mb(installed / "node_modules"),
        start,
        _asks(f"http://127.0.0.1:{port}", plan),
        token=lambda: plan,
        notes={"token": "client in memory, JWT"},
    )


def authlib(folder: Path, core: int) -> Product:
    """Authlib on Flask."""
    installed = from_pypi("authlib", "authlib==1.9.9", "flask==3.1.3", "gunicorn==27.0.1", "joserfc==1.8.0")
    notes = {"token": "client in SQLite, JWT, not stored", "read": "JWT verified, one row of 2,000"}
    return _wsgi("authlib", "Authlib + Flask", "1.9.9", installed, folder, core, "/token", notes)


def django(folder: Path, core: int) -> Product:
    """django-oauth-toolkit."""
    installed = from_pypi("django", "django-oauth-toolkit==3.4.1", "django==5.2.19", "gunicorn==27.0.1")
    notes = {
        "token": "client in SQLite, plain secret, JWT, stored",
        "read": "token looked up in SQLite, one row of 2,000",
    }
    return _wsgi("django_oauth", "django-oauth-toolkit", "3.4.1", installed, folder, core, "/o/token/", notes)


def _wsgi(
    module: str,
    name: str,
    version: str,
    installed: Installed,
    folder: Path,
    core: int,
    token_path: str,
    notes: dict[str, str],
) -> Product:
    port = free_port()
    options = {
        "port": port,
        "clientId": _CLIENT,
        "clientSecret": _SECRET,
        "database": str(folder / f"{module}.db"),
    }
    file = peer_servers.write_options(folder / f"{module}.json", options)
    application = f"{module}_server:make()" if module == "authlib" else f"{module}:make()"
    url = f"http://127.0.0.1:{port}"
    paths = folder / f"{module}-paths.txt"
    paths.write_text("".join(f"/people/{number}\n" for number in range(1, _PEOPLE)))
    plan = _form(token_path, scope="read")

    def start() -> Server:
        return Server(
            name,
            # Paused between rounds, a worker would be taken for dead after its time-out.
            [
                str(installed.programs / "gunicorn"),
                *("--bind", f"127.0.0.1:{port}", "--threads", "4", "--timeout", "0"),
                *("--pythonpath", str(_PEERS), application),
            ],
            port=port,
            core=core,
            log=folder / f"{module}.log",
            env={"BENCH_OPTIONS": str(file)},
        )

    def read() -> Plan:
        # Signed anew each time: a started server has other keys.
        answer = httpx.post(f"{url}{token_path}", content=plan.body, headers=_FORM).raise_for_status().json()
        return Plan(
            "GET", "/people", headers={"Authorization": f"Bearer {answer['access_token']}"}, paths=paths
        )

    return Product(
        name,
        version,
        installed.megabytes,
        start,
        _asks(url, plan),
        token=lambda: plan,
        read=read,
        notes=notes,
    )


def dstack(folder: Path, core: int) -> Product:
    """The server of dstack, with its one first project."""
    installed = from_pypi("dstack", "dstack[server]==0.22.5")
    port, token = free_port(), "token-of-the-bench"
    home = folder / "dstack"
    home.mkdir()
    plan = Plan("POST", "/api/projects/list", headers={"Authorization": f"Bearer {token}"})
    command = [str(installed.programs / "dstack"), "server", "--host", "127.0.0.1", "--port", str(port)]

    def start() -> Server:
        return Server(
            "dstack",
            [*command, "-n", "-l", "ERROR", "--token", token],
            port=port,
            core=core,
            log=folder / "dstack.log",
            env={"HOME": str(home)},
        )

    return Product(
        "dstack",
        "0.22.5",
        installed.megabytes,
        start,
        _asks(f"http://127.0.0.1:{port}", plan),
        read=lambda: plan,
        notes={"read": "list of its one project"},
    )


def prefect(folder: Path, core: int) -> Product:
    """The server of Prefect, reading one flow by its name."""
    # With a newer FastAPI this release does not start.
    installed = from_pypi("prefect", "prefect==3.7.2", "fastapi==0.124.4")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    secret = "admin:password-of-the-bench"
    headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    plan = Plan("GET", "/api/flows/name/bench", headers=headers)
    environment = {
        "HOME": str(folder),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": secret,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [str(installed.programs / "prefect"), "server", "start", "--no-ui"]

    def start() -> Server:
        return Server(
            "Prefect",
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            port=port,
            core=core,
            log=folder / "prefect.log",
            env=environment,
        )

    def prepare() -> None:
        httpx.post(f"{url}/api/flows/", json={"name": "bench"}, headers=headers).raise_for_status()

    return Product(
        "Prefect",
        "3.7.2",
        installed.megabytes,
        start,
        _asks(url, Plan("GET", "/api/health", headers=headers)),
        prepare,
        read=lambda: plan,
        notes={"read": "one flow by its name"},
    )


def _form(path: str, **more: str) -> Plan:
    form = {"grant_type": "client_credentials", "client_id": _CLIENT, "client_secret": _SECRET, **more}
    return Plan("POST", path, headers=_FORM, body=urlencode(form))


def _asks(url: str, plan: Plan) -> Callable[[], bool]:
    host, _, port = url.removeprefix("http://").partition(":")

    def ready() -> bool:
        # not httpx: making its client takes tens of milliseconds, which would count as start-up time
        with closing(http.client.HTTPConnection(host, int(port), timeout=5)) as connection:
            connection.request(plan.method, plan.path, plan.body, dict(plan.headers))
            return connection.getresponse().status == 200

    return ready
