"""Makes the fixtures of the upgrade test: a database filled by an older release, and what it answered then.

A program for people, run once for a release whose schema is to stay upgradable:

    git archive <commit> | tar x -C /tmp/old
    cd tests && PYTHONPATH=. ../.venv/bin/python -m release.old_data /tmp/old release/fixtures

The old release runs as a process of its own, from its own sources, on SQLite and on PostgreSQL, and is
spoken to through its API only. Every secret in the fixtures was made for them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from support.postgres import PostgresServer, find_programs
from support.processes import NEW_PASSWORD, ServerProcess, new_rule, new_user
from support.server import NO_HINDRANCE

# 32 bytes in base64, which anybody may read
KEK = "cnVucGxhbmUtdXBncmFkZS10ZXN0LWtleS0wMDAwMDE="
# Lists that are read before and after the upgrade.
LISTS = (
    "/api/v1/users",
    "/api/v1/service-accounts",
    "/api/v1/access-keys",
    "/api/v1/clusters",
    "/api/v1/node-pools",
    "/api/v1/org-unit/departments",
    "/api/v1/org-unit/projects",
    "/api/v1/authorization/access-rules",
)


def read_lists(client: httpx.Client) -> dict[str, list[dict[str, Any]]]:
    """Everything that LISTS names, as a server answers it now; access keys are those of who asks."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in LISTS:
        answer = client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        body = answer.json()
        if isinstance(body, dict):
            (body,) = (it for it in body.values() if isinstance(it, list))
        found[path] = body
    return found


def _post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.is_success, f"{path}: {answer.text}"
    return answer.json()


def fill(server: ServerProcess) -> dict[str, Any]:
    """Make one of most things; returns the credentials, tokens and answers that the test compares."""
    admin = server.admin
    new_user(server, "ada@example.org")
    account = _post(admin, "/api/v1/service-accounts", name="nightly")
    new_rule(server, account["clientId"], "service-account")
    new_rule(server, "ada@example.org", "user", role=1)
    cluster = _post(admin, "/api/v1/clusters", name="lab")["uuid"]
    _post(admin, "/api/v1/node-pools", name="fast", clusterId=cluster, labelKey="tier", labelValue="fast")
    quota = [{"nodePool": {"name": "default"}, "gpu": {"deserved": 8, "limit": 16}}]
    department = _post(
        admin, "/api/v1/org-unit/departments", name="research", clusterId=cluster, resources=quota
    )
    memory = {"deserved": 64, "units": "GB"}
    _post(
        admin,
        "/api/v1/org-unit/projects",
        name="team-a",
        clusterId=cluster,
        parentId=department["id"],
        resources=[{"gpu": {"deserved": 4}, "memory": memory}],
    )
    ada = server.sign_in("ada@example.org", NEW_PASSWORD)
    key = _post(server.client(ada["accessToken"]), "/api/v1/access-keys", name="laptop")
    _post(admin, "/api/v1/access-keys", name="desk")
    return {
        "epoch": int(time.time()),
        "password": {"username": "ada@example.org", "password": NEW_PASSWORD},
        "clients": [
            {"clientId": it["clientId"], "clientSecret": it["clientSecret"]} for it in (account, key)
        ],
        "tokens": [
            ada["accessToken"],
            server.client_token(account["clientId"], account["clientSecret"]),
            server.client_token(key["clientId"], key["clientSecret"]),
        ],
        "refresh_token": ada["refreshToken"],
        "audited": len(server.audit()),
        "lists": read_lists(admin),
    }


@contextlib.contextmanager
def _serving(old: Path, folder: Path, **settings: str) -> Any:
    # the child takes its modules from the old tree
    command = ["env", f"PYTHONPATH={old / 'src'}", sys.executable, "-m", "runplane", "serve"]
    # an older release refuses settings that it does not know
    later = {f"limits_{name}": "" for name in NO_HINDRANCE}
    given = {"keys_key_encryption_key": KEK, **later, **settings}
    server = ServerProcess(folder / "data", command=command, **given)
    try:
        server.wait_until_ready()
        yield server
        assert server.terminate() == 0, server.errors
    finally:
        server.close()


def sqlite_dump(file: Path) -> str:
    """A SQLite database as the statements that make it again."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return "\n".join(database.iterdump()) + "\n"


def postgres_dump(url: str) -> str:
    """A PostgreSQL database as statements that any driver can run: no commands of psql, no owners."""
    command = [find_programs() / "pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments"]
    text = subprocess.run(
        [*map(str, command), url.replace("+psycopg", "", 1)], check=True, capture_output=True, text=True
    ).stdout
    kept = [it for it in text.splitlines() if it and not it.startswith(("--", "\\"))]
    # it would stay for the session, and hide every table that is not named with its schema
    return "\n".join(it for it in kept if "set_config('search_path'" not in it) + "\n"


def _write(target: Path, kind: str, dump: str, facts: dict[str, Any]) -> None:
    schema = re.search(r"INSERT INTO (?:public\.)?\"?alembic_version\"? VALUES ?\('(\d+)'\)", dump)
    assert schema is not None
    name = f"schema-{schema[1]}.{kind}"
    (target / f"{name}.sql").write_text(dump, encoding="utf-8")
    (target / f"{name}.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    sys.stdout.write(f"{name}: {len(dump)} bytes of SQL\n")


def main(old: Path, target: Path) -> None:
    """Write the fixtures of the release in `old` into `target`."""
    folder = Path(tempfile.mkdtemp(prefix="runplane-old-"))
    with _serving(old, folder) as server:
        facts = fill(server)
    _write(target, "sqlite", sqlite_dump(folder / "data" / "runplane.db"), facts)
    postgres = PostgresServer()
    try:
        url = postgres.create_database()
        with _serving(old, folder, database_url=url.replace("+psycopg", "", 1)) as server:
            facts = fill(server)
        _write(target, "postgres", postgres_dump(url), facts)
    finally:
        postgres.stop()


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
