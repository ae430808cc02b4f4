"""runplane as a user runs it: `runplane serve` on an empty folder, a service account made through the API."""

from __future__ import annotations

import http.client
import json
import secrets
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from bench.load import Plan
from bench.process import BenchError, Server, free_port

_ADMIN = "admin@bench.example.com"
_TOKEN = "/api/v1/token"
_SYSTEM_ADMINISTRATOR = 1
_TENANT = "1001"
_NO_HINDRANCE = "60000000"


class Deployment:
    """One data folder and port; its server can be started more than once."""

    def __init__(
        self,
        folder: Path,
        core: int | str,
        *,
        name: str = "runplane",
        program: Path | None = None,
        settings: Mapping[str, str] | None = None,
        beside: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.folder = folder / "data"
        self._program = program or Path(sys.executable).parent / "runplane"
        self._settings = settings or {}
        self._beside = beside
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = self.folder / "runplane.db"
        self.client_id = ""
        self.client_secret = ""
        # sign-ins made here: the administrator's, and the service account's beside those of wrk
        self.password_calls = 0
        self.token_calls = 0
        self._core = core
        self._log = folder / "runplane.log"
        self._password = secrets.token_urlsafe(24)

    def start(self) -> Server:
        """Start the server with the installed command; returns at once."""
        return Server(
            self.name,
            [str(self._program), "serve"],
            port=self.port,
            core=self._core,
            log=self._log,
            env={
                "RUNPLANE_DATA_DIR": str(self.folder),
                "RUNPLANE_PORT": str(self.port),
                "RUNPLANE_ADMIN_EMAIL": _ADMIN,
                "RUNPLANE_ADMIN_PASSWORD": self._password,
                # wrk is one client at one address; each request is counted all the same
                "RUNPLANE_LIMITS_CLIENT_PER_MINUTE": _NO_HINDRANCE,
                "RUNPLANE_LIMITS_SOURCE_PER_MINUTE": _NO_HINDRANCE,
                **self._settings,
            },
            beside=self._beside,
        )

    def ready(self) -> bool:
        """Whether requests are answered."""
        status, _ = self._plain("GET", "/readyz")
        return status == 200

    def set_up(self) -> None:
        """Make a service account that may read everything of the tenant."""
        answer = self._post(
            _TOKEN, {"grantType": "password", "username": _ADMIN, "password": self._password}, 200
        )
        self.password_calls += 1
        bearer = {"Authorization": f"Bearer {answer['accessToken']}"}
        account = self._post("/api/v1/service-accounts", {"name": "bench"}, 201, bearer)
        self.client_id, self.client_secret = account["clientId"], account["clientSecret"]
        rule = {
            "subjectId": "bench",
            "subjectType": "service-account",
            "roleId": _SYSTEM_ADMINISTRATOR,
            "scopeId": _TENANT,
            "scopeType": "tenant",
        }
        self._post("/api/v1/authorization/access-rules", rule, 201, bearer)

    def token_body(self) -> str:
        """The body of the token call."""
        return json.dumps(
            {
                "grantType": "client_credentials",
                "clientId": self.client_id,
                "clientSecret": self.client_secret,
            }
        )

    def token_plan(self, save: Path | None = None) -> Plan:
        """Token calls; `save` collects the tokens."""
        return Plan(
            "POST", _TOKEN, headers={"Content-Type": "application/json"}, body=self.token_body(), save=save
        )

    def token(self) -> str:
        """One access token of the service account."""
        self.token_calls += 1
        answer = self._post(_TOKEN, json.loads(self.token_body()), 200)
        return str(answer["accessToken"])

    def jwks(self) -> tuple[str, dict[str, Any]]:
        """The issuer and its public keys, found the standard way."""
        realm = f"{self.url}/auth/realms/runai"
        discovery = httpx.get(f"{realm}/.well-known/openid-configuration").raise_for_status().json()
        keys: dict[str, Any] = httpx.get(discovery["jwks_uri"]).raise_for_status().json()
        return str(discovery["issuer"]), keys

    def tokens_answered(self) -> int:
        """How many calls for a token of the service account the server counted as answered with 200."""
        text = httpx.get(f"{self.url}/metrics").raise_for_status().text
        wanted = 'runplane_requests_total{operation="grant_token",status="200"}'
        for line in text.splitlines():
            if line.startswith(wanted):
                return int(float(line.rpartition(" ")[2])) - self.password_calls
        return 0

    def time_to_first_token(self) -> tuple[float, float]:
        """Seconds from starting the process on the existing database to the first 200 of a token call.

        The second number is the CPU time used by then: what the first would be on an idle machine.
        """
        started = time.perf_counter()
        with self.start() as server:
            server.wait(self._gives_token, pause=0.005)
            return time.perf_counter() - started, server.cpu_seconds()

    def _gives_token(self) -> bool:
        status, text = self._plain("POST", _TOKEN, self.token_body())
        if status != 200:
            raise BenchError(f"The first token call was answered {status}: {text}")
        return True

    def _plain(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        # httpx takes tens of milliseconds to make a client, which would count as start-up time.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def _post(
        self, path: str, body: dict[str, Any], status: int, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}{path}", json=body, headers=headers)
        if answer.status_code != status:
            raise BenchError(f"POST {path} was answered {answer.status_code}: {answer.text}")
        made: dict[str, Any] = answer.json()
        return made


def sign_ins(database: Path, name: str) -> tuple[int, int]:
    """Rows of the audit log about successful sign-ins of a service account, and the calls they stand for."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        rows = opened.execute(
            "SELECT metadata FROM audit_log WHERE action = 'sign-in' AND result = 'Succeeded'"
            " AND entity_type = 'service-account' AND entity_name = ?",
            (name,),
        ).fetchall()
    counts = [int(json.loads(metadata or "{}").get("count", "1")) for (metadata,) in rows]
    return len(counts), sum(counts)


def last_login(database: Path, name: str) -> str | None:
    """When the service account last got a token, as stored."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        row = opened.execute("SELECT last_login FROM clients WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]
