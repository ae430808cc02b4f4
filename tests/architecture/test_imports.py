"""Who may import whom, file by file, and what importing may do (design 4, rules 2, 4 and 6).

Rules between packages are contracts of import-linter in pyproject.toml; these here depend on file names.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.sources import Source, sources

# Where each library may be imported, as prefixes or endings of paths below src/runplane.
HOMES = {
    "starlette": (("server/http/", "server/app.py", "server/identity/sso"), ()),
    "sqlalchemy": (("server/sql/", "server/engine/document_store.py"), ("/store.py", "/tables.py")),
    "alembic": (("server/sql/",), ()),
    "psycopg": (("server/sql/",), ()),
    "uvicorn": (("server/http/", "server/app.py", "server/commands/"), ()),
    "typer": (("cli/", "main.py", "ending.py", "hosting.py", "watching.py"), ()),
}

# In a room: which siblings each file must not import.
ABOVE = {
    "service": {"routes"},
    "store": {"routes", "service", "wire"},
    "tables": {"routes", "service", "wire", "store"},
    "wire": {"routes", "service", "store", "tables"},
    "model": {"routes", "service", "wire", "store", "tables"},
}

# Alembic runs its scripts on import: that is their interface.
RUN_ON_IMPORT = "server/sql/migrations/"


def misplaced(source: Source) -> list[str]:
    """Libraries that `source` imports outside their home."""
    used = {name.partition(".")[0] for name in source.imports()}
    return [
        library
        for library, (starts, ends) in HOMES.items()
        if library in used and not (source.path.startswith(starts) or (ends and source.path.endswith(ends)))
    ]


def upward_in_room(source: Source) -> list[str]:
    """Siblings that `source`, a file of a room, imports against the order of rooms."""
    room, _, own = source.module.rpartition(".")
    if not room.startswith("runplane.server.api."):
        return []
    return sorted(name for name in ABOVE.get(own, ()) if f"{room}.{name}" in source.imports())


def acts_on_import(source: Source) -> list[str]:
    """Top-level statements that do something, and `global` statements: state that lives in the module."""
    found = [f"{source.path}:{node.lineno}" for node in ast.walk(source.tree) if isinstance(node, ast.Global)]
    for node in source.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_loop = isinstance(node, ast.For | ast.While | ast.With | ast.AsyncFor | ast.AsyncWith | ast.Delete)
        if is_loop or (isinstance(node, ast.Expr) and not is_text):
            found.append(f"{source.path}:{node.lineno}")
    return found


def example(path: str, text: str) -> Source:
    return Source(path=path, module="runplane." + path.removesuffix(".py").replace("/", "."), text=text)


def test_libraries_stay_at_home() -> None:
    assert {s.path: found for s in sources() if (found := misplaced(s))} == {}


def test_rooms_import_downward() -> None:
    assert {s.path: found for s in sources() if (found := upward_in_room(s))} == {}


def test_modules_hold_definitions_only() -> None:
    found = [line for s in sources() if not s.path.startswith(RUN_ON_IMPORT) for line in acts_on_import(s)]
    assert found == []


@pytest.mark.parametrize(
    ("path", "text", "library"),
    [
        ("server/identity/jose.py", "from starlette.requests import Request", "starlette"),
        ("server/authz/guard.py", "def f():\n    import sqlalchemy.orm", "sqlalchemy"),
        ("server/api/users/service.py", "import sqlalchemy as sa", "sqlalchemy"),
        ("server/core/ids.py", "import psycopg", "psycopg"),
    ],
)
def test_a_misplaced_library_is_seen(path: str, text: str, library: str) -> None:
    assert misplaced(example(path, text)) == [library]


@pytest.mark.parametrize(
    "path", ["server/api/users/store.py", "server/api/users/tables.py", "server/sql/unit.py"]
)
def test_sqlalchemy_is_at_home_in_stores(path: str) -> None:
    assert misplaced(example(path, "import sqlalchemy")) == []


@pytest.mark.parametrize(
    "text", ["from runplane.server.api.users import wire", "from .wire import UserOut", "from . import wire"]
)
def test_a_store_that_knows_the_wire_is_seen(text: str) -> None:
    assert upward_in_room(example("server/api/users/store.py", text)) == ["wire"]
    assert upward_in_room(example("server/api/users/routes.py", text)) == []


@pytest.mark.parametrize(
    "text", ["print('x')", "for a in (1, 2):\n    f(a)", "def f():\n    global a\n    a = 1"]
)
def test_a_module_that_acts_is_seen(text: str) -> None:
    assert len(acts_on_import(example("server/core/ids.py", text))) == 1


WATCH = """
import importlib, sys, threading

seen = []

ACTS = {"socket.bind", "socket.connect", "subprocess.Popen", "sqlite3.connect", "os.mkdir", "os.remove"}

def hook(event, args):
    if event in ACTS:
        seen.append((event, str(args[:2])))
    elif event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append((event, str(args[0])))

sys.addaudithook(hook)
for name in sys.argv[1:]:
    importlib.import_module(name)
if threading.active_count() > 1:
    seen.append(("threads", str(threading.enumerate())))
sys.exit("\\n".join(map(str, seen)) or 0)
"""


def imported_quietly(modules: list[str], extra_path: str = "") -> subprocess.CompletedProcess[str]:
    """Import `modules` in a new process that fails on files written, sockets, programs or threads."""
    path = os.pathsep.join(part for part in [extra_path, *sys.path] if part)
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", WATCH, *modules]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_importing_everything_touches_nothing() -> None:
    modules = [s.module for s in sources() if not s.path.startswith(RUN_ON_IMPORT)]
    result = imported_quietly(modules)
    assert result.returncode == 0, result.stderr


def test_a_module_that_writes_on_import_is_seen(tmp_path: Path) -> None:
    (tmp_path / "writes.py").write_text(f"open({str(tmp_path / 'out')!r}, 'w').close()")
    result = imported_quietly(["writes"], extra_path=str(tmp_path))
    assert result.returncode != 0
    assert "'open'" in result.stderr
