"""The installed server in processes of its own: started, awaited, stopped by signals, with their output kept.

Each process takes a free port and says in its log which; the public address, which names the issuer of
tokens, is one for all of them, so that a second process on the same folder and database is a replica of the
first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, NO_HINDRANCE

PUBLIC_URL = "http://runplane.test"
START_SECONDS = 60.0
SERVE = (sys.executable, "-m", "runplane", "serve")
NEW_PASSWORD = "orchard-lantern-copper-tide"


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment without settings of the server but `settings`, named without RUNPLANE_."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RUNPLANE_")}
    given = {f"RUNPLANE_{name.upper()}": value for name, value in settings.items()}
    return kept | {"PYTHONPATH": os.pathsep.join(it for it in sys.path if it)} | given


class ServerProcess:
    """`runplane serve` on a data folder. Keyword arguments are settings without their RUNPLANE_ prefix.

    What it writes goes to a folder in `logs`, beside the data unless given.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        command: Sequence[str] = SERVE,
        descriptors: Sequence[int] = (),
        logs: Path | None = None,
        **settings: str,
    ) -> None:
        self.data_dir = data_dir
        self._command = list(command)
        # what the process inherits
        self._descriptors = list(descriptors)
        chosen = {"port": "0", "public_url": PUBLIC_URL, "data_dir": str(data_dir)} | settings
        chosen.setdefault("admin_email", ADMIN_EMAIL)
        chosen.setdefault("admin_password", ADMIN_PASSWORD)
        for name, many in NO_HINDRANCE.items():
            chosen.setdefault(f"limits_{name}", many)
        # "" stands for: left out
        self._environment = clean_environment(**{name: it for name, it in chosen.items() if it})
        # of its own: replicas share the data folder
        self._logs = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}-logs-", dir=logs or data_dir.parent))
        self._runs = 0
        self._admin: httpx.Client | None = None
        self._clients: list[httpx.Client] = []
        self.process: subprocess.Popen[bytes]
        self.url = ""
        self.launch()

    def launch(self) -> None:
        """Start the process and return at once. Clients from before are closed: the port is another."""
        self._forget_clients()
        self._runs += 1
        with ExitStack() as files:
            out, err = (files.enter_context(self._log(kind).open("wb")) for kind in ("out", "err"))
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self.data_dir.parent,
                stdout=out,
                stderr=err,
                pass_fds=self._descriptors,
            )

    def start(self) -> None:
        """Start the process again, on the same data, and wait for it."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until requests are answered. Raises AssertionError with the log of a process that ended."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            address = self._address()
            if address is not None:
                break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start:\n{self.errors}")
            time.sleep(0.01)
        self.url = f"http://{address}"

    def kill(self) -> None:
        """End the process as a power switch would: no handler of it runs."""
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds: float = 15.0) -> int:
        """Ask the process to stop; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def close(self) -> None:
        """End whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._forget_clients()

    @property
    def output(self) -> str:
        """What the process has written to standard output since it was last started."""
        return self._log("out").read_text("utf-8")

    @property
    def errors(self) -> str:
        """What the process has written to standard error, its log, since it was last started."""
        return self._log("err").read_text("utf-8")

    @property
    def log_files(self) -> list[Path]:
        """Where everything is that any run of the process has written."""
        return sorted(self._logs.iterdir())

    def client(self, token: str | None = None) -> httpx.Client:
        """A client that sends `token`; closed with the process."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        made = httpx.Client(base_url=self.url, headers=headers, timeout=30)
        self._clients.append(made)
        return made

    @property
    def admin(self) -> httpx.Client:
        """A client signed in as the first System administrator."""
        if self._admin is None:
            self._admin = self.client(self.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)["accessToken"])
        return self._admin

    def sign_in(self, username: str, password: str) -> dict[str, str]:
        """Tokens of a person."""
        return self._token({"grantType": "password", "username": username, "password": password})

    def client_token(self, client_id: str, secret: str) -> str:
        """An access token of a client id and a secret."""
        body = {"grantType": "client_credentials", "clientId": client_id, "clientSecret": secret}
        return self._token(body)["accessToken"]

    def audit(self, **conditions: Any) -> list[dict[str, Any]]:
        """The records of the audit log that have these values, read through the API."""
        answer = self.admin.get(
            "/api/v1/audit/log/file", params={"start": "2000-01-01", "end": "2100-01-01", "fileType": "JSON"}
        )
        assert answer.status_code == 200, answer.text
        return [it for it in answer.json() if all(it.get(key) == value for key, value in conditions.items())]

    def _token(self, body: dict[str, str]) -> dict[str, str]:
        answer = httpx.post(f"{self.url}/api/v1/token", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _log(self, kind: str) -> Path:
        return self._logs / f"{self._runs}.{kind}"

    def _address(self) -> str | None:
        for line in self.errors.splitlines():
            if '"event":"listening"' in line and line.endswith("}"):
                return json.loads(line)["addresses"][0]
        return None

    def _forget_clients(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._admin = None


def new_user(server: ServerProcess, email: str) -> dict[str, str]:
    """A local user with NEW_PASSWORD; returns what creating it answered."""
    answer = server.admin.post("/api/v1/users", json={"email": email})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    temporary = made["tempPassword"]
    client = server.client(server.sign_in(email, temporary)["accessToken"])
    change = {"currentPassword": temporary, "newPassword": NEW_PASSWORD}
    answer = client.post("/api/v1/me/password", json=change)
    assert answer.status_code == 200, answer.text
    return made


def new_rule(server: ServerProcess, subject: str, kind: str, role: int = 3) -> int:
    """An access rule at the tenant, for the role Editor unless another is given; returns its id."""
    scope = {"scopeType": "tenant", "scopeId": "1001"}
    body = {"subjectId": subject, "subjectType": kind, "roleId": role, **scope}
    answer = server.admin.post("/api/v1/authorization/access-rules", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


class Crowd:
    """Threads that call a function until they are told to stop; what one of them raises fails the test."""

    def __init__(self, work: Any, size: int) -> None:
        self.stopped = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(work, it)) for it in range(size)]
        for thread in self._threads:
            thread.start()

    def _run(self, work: Any, number: int) -> None:
        try:
            while not self.stopped.is_set():
                if work(number) is False:
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._failures.append(error)

    @property
    def failed(self) -> bool:
        """Whether one of them has raised something."""
        return bool(self._failures)

    def join(self, *, stop: bool = True) -> None:
        """Wait for the threads, telling them to stop unless `stop` is False: then the function ends them."""
        if stop:
            self.stopped.set()
        for thread in self._threads:
            thread.join(30)
        if self._failures:
            raise self._failures[0]


def database_settings(request: pytest.FixtureRequest, kind: str) -> dict[str, str]:
    """The settings that put a server on a new database of a kind: `sqlite` or `postgres`."""
    if kind == "sqlite":
        return {}
    return {"database_url": request.getfixturevalue("postgres_database")()}
