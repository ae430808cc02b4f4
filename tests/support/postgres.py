"""A throw-away PostgreSQL cluster for the tests of one process.

Each pytest worker starts its own: that costs about a second and spares a lock file and a count of users
that a killed worker would leave wrong. The cluster sorts text as people do (ICU) wherever the server can,
so that a column which forgot its collation "C" shows itself. Tests that break the server start one of their
own, with settings as keyword arguments, and may have it followed by a standby.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACCOUNT = "runplane"
START_SECONDS = 30.0
ATTEMPTS = 3


class PostgresMissing(Exception):
    """This machine cannot run a server; the text says what is missing."""


class PostgresBroken(Exception):
    """The server's programs are there and the server did not start; the text holds the end of its log."""


def find_programs() -> Path:
    """The directory of `initdb` and `postgres`: of the newest version installed, PATH last.

    Raises PostgresMissing.
    """
    versions = Path("/usr/lib/postgresql").glob("*/bin")  # where Debian keeps them, off the PATH
    found = sorted(versions, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        found.append(Path(on_path).resolve().parent)
    for directory in found:
        if (directory / "initdb").exists() and (directory / "postgres").exists():
            return directory
    raise PostgresMissing("no PostgreSQL server on this machine (initdb and postgres were not found)")


def _unprivileged() -> dict[str, Any]:
    """Arguments for `subprocess` that leave root: the server refuses to run as root. Empty for others."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise PostgresMissing("running as root, and there is no account `postgres` or `nobody` to run the server")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A running cluster. `stop()` ends it and removes its files."""

    def __init__(self, primary: PostgresServer | None = None, **settings: str) -> None:
        """`settings` are those of postgresql.conf; with a `primary` the cluster is its standby."""
        self._programs = find_programs()
        self._as_account = _unprivileged()
        # Not below pytest's own directory: that one is closed to the account the server runs under.
        self._directory = Path(tempfile.mkdtemp(prefix="runplane-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._templates: dict[str, str] = {}
        self._settings = settings
        self._count = 0
        self.port = 0
        try:
            self._create(primary)
            self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """The maintenance database, as an SQLAlchemy URL."""
        return self._url("postgres")

    def create_database(self, template: str = "template0") -> str:
        """A new database, a copy of `template` (a name from `template()`); returns its URL."""
        self._count += 1
        name = f"test_{self._count}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self._url(name)

    def drop_database(self, url: str) -> None:
        """Remove the database of `url`, ending the connections that are still open."""
        self._run(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def template(self, key: str, prepare: Callable[[str], None]) -> str:
        """The name of a database that `prepare(url)` filled once; `prepare` must close its connections."""
        if key not in self._templates:
            url = self.create_database()
            prepare(url)
            self._templates[key] = url.rpartition("/")[2]
        return self._templates[key]

    def halt(self, mode: str = "fast") -> None:
        """Stop the server as `pg_ctl stop -m fast` or `immediate` does; its files stay for `launch`."""
        assert self._process is not None
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self._process.wait(timeout=START_SECONDS)

    def launch(self, **settings: str) -> None:
        """Start a halted server again, on its port, and wait until it answers."""
        self._settings |= settings
        self._start()

    def standby(self, **settings: str) -> PostgresServer:
        """A second cluster that streams from this one."""
        return PostgresServer(self, **settings)

    def promote(self) -> None:
        """Make a standby a primary, and wait until it takes writes."""
        self._run("SELECT pg_promote()")

    def processes(self) -> list[int]:
        """The server's process and those of its sessions; they appear and go as clients do."""
        assert self._process is not None
        parent = self._process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]

    def rows(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What a statement gives, in a session of its own."""
        import psycopg

        dsn = self._url(database).replace("+psycopg", "", 1)
        with psycopg.connect(dsn, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def stop(self) -> None:
        """End the server, without waiting for clients, and remove its files."""
        if self._process is not None:
            # SIGTERM would wait for clients to leave
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://{ACCOUNT}@127.0.0.1:{self.port}/{database}"

    def _run(self, statement: str) -> None:
        self.rows(statement)

    def _create(self, primary: PostgresServer | None) -> None:
        if self._as_account:
            os.chown(self._directory, self._as_account["user"], self._as_account["group"])
        if primary is not None:
            self._copy(primary)
            return
        command = [str(self._programs / "initdb"), "-D", str(self._directory / "data"), "-U", ACCOUNT]
        command += ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        icu = ["--locale-provider=icu", "--icu-locale=en"]
        first = self._initdb([*command, *icu])
        if first.returncode == 0:
            return
        # A server before version 15, or one built without ICU.
        second = self._initdb(command)
        if second.returncode != 0:
            raise PostgresBroken(f"initdb failed:\n{first.stderr}\n{second.stderr}")

    def _copy(self, primary: PostgresServer) -> None:
        command = [str(self._programs / "pg_basebackup"), "-D", str(self._directory / "data")]
        command += ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        command += ["-d", f"host=127.0.0.1 port={primary.port} user={ACCOUNT} dbname=postgres"]
        done = self._initdb(command)
        if done.returncode != 0:
            raise PostgresBroken(f"pg_basebackup failed:\n{done.stderr}")

    def _initdb(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(self._directory / "data", ignore_errors=True)
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self._directory, **self._as_account
        )

    def _start(self) -> None:
        log = self._directory / "log"
        fixed = self.port
        for _ in range(ATTEMPTS):
            self.port = fixed or _free_port()  # another process may take it first, hence the attempts
            settings = {
                "listen_addresses": "127.0.0.1",
                "port": self.port,
                "unix_socket_directories": self._directory,
                "fsync": "on",
                "max_connections": 100,
                "shared_buffers": "32MB",
                **self._settings,
            }
            command = [str(self._programs / "postgres"), "-D", str(self._directory / "data")]
            command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            with log.open("wb") as output:
                self._process = subprocess.Popen(
                    command, stdout=output, stderr=output, cwd=self._directory, **self._as_account
                )
            if self._answers():
                return
            self._process.kill()
            self._process.wait()
        self.port = fixed
        tail = log.read_text(errors="replace")[-2000:]
        raise PostgresBroken(f"the PostgreSQL server did not start:\n{tail}")

    def _answers(self) -> bool:
        """Whether the process accepts connections before it ends or the time is up."""
        import psycopg

        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self._run("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False
