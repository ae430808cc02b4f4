"""`python -m bench.growth`: does a list get slower when an organization grows a hundredfold?

One tenant with 1,000 and with 100,000 projects, on SQLite and on PostgreSQL, seen by a System administrator
and by people who see 40 projects. Requests go through the whole application except the socket, one at a
time, so a figure is the time of one request alone. `make bench` runs it with BENCH_GROWTH=1: seeding is slow.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from bench import machine
from bench.growth_seed import HEADS, LIMITED, PASSWORD, Size, seed
from runplane.server.app import App
from runplane.server.bootstrap import FIRST_TENANT
from runplane.server.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE = 1_000, 100_000
AIM = 1.5
"""Large ÷ small that a first page should stay below."""
ADMIN = "admin@bench.example.com"
PROJECTS = "/api/v1/org-unit/projects"
RULES = "/api/v1/authorization/access-rules"
SEES = {"sees 40 projects": LIMITED, "sees 2 departments": HEADS}
_WARM_UP, _ROUNDS = 5, 41
_MARKS = ("<!-- growth: written by `python -m bench.growth` -->", "<!-- end of growth -->")


@dataclass(frozen=True)
class Case:
    """One request and who sends it."""

    who: str
    what: str
    path: str
    query: Mapping[str, str]
    # Something of the tenant changes before each request, so that nothing remembered may be used.
    changing: bool = False


def cases(size: Size) -> list[Case]:
    """What is asked of an organization; offsets grow with it."""
    page = {"limit": "50"}
    found: list[Case] = []
    for who, deep in (("administrator", size.projects * 8 // 10), ("sees 40 projects", 30)):
        found += [
            Case(who, "first page of projects", PROJECTS, page),
            Case(who, "page sorted by name", PROJECTS, {**page, "sortBy": "name"}),
            Case(who, "page of one department", PROJECTS, {**page, "filterBy": f"parentId=={size.some}"}),
            Case(who, "page that contains a text", PROJECTS, {**page, "filterBy": "name=@-00"}),
            Case(who, "deep page", PROJECTS, {**page, "offset": str(deep)}),
            Case(who, "count", f"{PROJECTS}/count", {}),
        ]
    found += [
        Case("sees 2 departments", "first page of projects", PROJECTS, page),
        Case("sees 2 departments", "page sorted by name", PROJECTS, {**page, "sortBy": "name"}),
        Case("sees 2 departments", "count", f"{PROJECTS}/count", {}),
    ]
    person = f"person-{size.projects // 2:06d}@bench.example.com"
    who = "administrator"
    found += [
        Case(who, "first page of departments", PROJECTS.replace("project", "department"), page),
        Case(who, "first page of users", "/api/v1/users", page),
        Case(who, "page of one user", "/api/v1/users", {**page, "filterBy": f"username=={person}"}),
        Case(who, "first page of rules", RULES, page),
        Case(who, "first page of rules after a change", RULES, page, changing=True),
        Case(who, "page of one person's rules", RULES, {**page, "subjectIds": person}),
    ]
    return found


async def ask(app: App, method: str, path: str, token: str = "", query: Any = None, body: Any = None) -> Any:
    """The decoded answer of the application to one request. Raises RuntimeError for a refusal."""
    sent: list[bytes] = []
    status = 0
    headers = [(b"host", b"bench"), (b"content-type", b"application/json")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": urlencode(query or {}).encode(), "headers": headers, "client": ("127.0.0.1", 1),
        "scheme": "http", "server": ("bench", 80), "root_path": "",
    }  # fmt: skip

    async def receive() -> Any:
        text = b"" if body is None else json.dumps(body).encode()
        return {"type": "http.request", "body": text, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        sent.append(message.get("body", b""))

    await app(scope, receive, send)
    text = b"".join(sent)
    if not 200 <= status < 300:
        raise RuntimeError(f"{method} {path}: {status} {text[:300]!r}")
    return json.loads(text)


async def measure(apps: Mapping[int, App]) -> dict[str, dict[str, float]]:
    """Seed and ask organizations by their number of projects; case → number → median milliseconds.

    They take turns, request by request, so that whatever else the machine does meets both.
    """
    async with contextlib.AsyncExitStack() as running:
        tokens: dict[int, dict[str, str]] = {}
        for projects, app in apps.items():
            await running.enter_async_context(app.running())
            tokens[projects] = await fill(app, Size(projects))
        found: dict[str, dict[str, float]] = {}
        for each in zip(*(cases(Size(projects)) for projects in apps), strict=True):
            times: dict[int, list[float]] = {projects: [] for projects in apps}
            for _ in range(_WARM_UP + _ROUNDS):
                for case, (projects, app) in zip(each, apps.items(), strict=True):
                    if case.changing:
                        app.stores.units.write(lambda unit: unit.changed(FIRST_TENANT))
                    before = perf_counter()
                    await ask(app, "GET", case.path, tokens[projects][case.who], case.query)
                    times[projects].append((perf_counter() - before) * 1000)
            found[f"{each[0].who}: {each[0].what}"] = {
                str(projects): statistics.median(taken[_WARM_UP:]) for projects, taken in times.items()
            }
        return found


async def fill(app: App, size: Size) -> dict[str, str]:
    """Make the organization; the tokens of those who ask about it."""
    tokens = {"administrator": await sign_in(app, ADMIN)}
    made = await ask(app, "POST", "/api/v1/clusters", tokens["administrator"], body={"name": "bench"})
    started = perf_counter()
    app.stores.units.write(lambda unit: seed(unit, made["uuid"], size, app.identity.hasher.hash(PASSWORD)))
    if not app.stores.database.is_sqlite:
        analyze(app)
    print(f"  seeded {size.projects} projects in {perf_counter() - started:.0f} s", flush=True)
    for who, email in SEES.items():
        tokens[who] = await sign_in(app, email)
    return tokens


async def sign_in(app: App, email: str) -> str:
    """A token for somebody who has PASSWORD."""
    body = {"grantType": "password", "username": email, "password": PASSWORD}
    return (await ask(app, "POST", "/api/v1/token", body=body))["accessToken"]


def analyze(app: App) -> None:
    """What autovacuum does by itself soon after so many rows came."""
    with app.stores.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM (ANALYZE)")


@contextlib.contextmanager
def databases(kinds: list[str]) -> Iterator[dict[str, Any]]:
    """Kind → a function that makes the URL of a new database in a folder."""
    made: dict[str, Any] = {}
    server = None
    if "sqlite" in kinds:
        made["sqlite"] = lambda folder: f"sqlite:///{folder / 'bench.db'}"
    if "postgres" in kinds:
        spec = importlib.util.spec_from_file_location("bench_postgres", ROOT / "tests/support/postgres.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        server = module.PostgresServer()
        made["postgres"] = lambda _: server.create_database("template0")
    try:
        yield made
    finally:
        if server is not None:
            server.stop()


def run(kinds: list[str], large: int) -> dict[str, dict[str, dict[str, float]]]:
    """Database → case → milliseconds by number of projects."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    with databases(kinds) as urls, tempfile.TemporaryDirectory(prefix="runplane-growth-") as folder:
        for kind, url in urls.items():
            print(kind, flush=True)
            apps: dict[int, App] = {}
            for projects in (SMALL, large):
                data = Path(folder) / f"{kind}-{projects}"
                data.mkdir()
                environment = {
                    "RUNPLANE_DATA_DIR": str(data),
                    "RUNPLANE_DATABASE_URL": url(data),
                    "RUNPLANE_ADMIN_EMAIL": ADMIN,
                    "RUNPLANE_ADMIN_PASSWORD": PASSWORD,
                }
                apps[projects] = App(load_settings({}, environment).settings)
            found[kind] = asyncio.run(measure(apps))
    return found


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as Markdown."""
    lines = ["| database | who: what | small, ms | large, ms | large ÷ small |", "|---|---|--:|--:|--:|"]
    for kind, by_case in found.items():
        for case, values in by_case.items():
            small, large = values.values()
            lines.append(f"| {kind} | {case} | {small:.2f} | {large:.2f} | {large / small:.2f} |")
    return "\n".join(lines)


def store(found: dict[str, dict[str, dict[str, float]]], large: int) -> Path:
    """Keep the figures in bench/results and show them in bench/README.md."""
    where = machine.describe()
    name = f"growth-{where.measured_at[:10]}-{where.commit}.json"
    file = ROOT / "bench" / "results" / name
    kept = {
        "at": where.measured_at,
        "commit": where.commit,
        "machine": f"{where.cpu}, {where.cores} cores",
        "busy": where.busy,
        "milliseconds": found,
    }
    file.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    readme = ROOT / "bench" / "README.md"
    text = readme.read_text("utf-8")
    before, rest = text.split(_MARKS[0])
    _, after = rest.split(_MARKS[1])
    note = (
        f"Measured {where.measured_at} at commit {where.commit} (load average before: {where.busy}): medians"
    )
    note += f" of {_ROUNDS} requests, one at a time, small and large in turn;"
    note += f" small is {SMALL:,} projects, large {large:,}."
    note += f" Figures: `bench/results/{name}`."
    readme.write_text(f"{before}{_MARKS[0]}\n\n{table(found)}\n\n{note}\n\n{_MARKS[1]}{after}", "utf-8")
    return file


def main() -> int:
    """Measure, print, keep. With --large another size, or with one database, nothing is kept."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--large", type=int, default=LARGE, help="projects in the large organization")
    options = parser.parse_args()
    kinds = options.databases.split(",")
    found = run(kinds, options.large)
    print(table(found))
    if options.large == LARGE and len(kinds) > 1:
        print(f"Stored in {store(found, options.large)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
