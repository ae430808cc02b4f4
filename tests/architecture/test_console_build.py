"""What make does with the console where Node.js is and where it is not, and that packages hold the bundle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import unavailable
from support.chromium import BUNDLE

NEEDED = ("cat", "command", "dirname", "find", "id", "mv", "rm", "sh", "touch")


@pytest.fixture
def tree(tmp_path: Path, repository: Path) -> Path:
    """A checkout with sources of a console, and a PATH without Node.js beside it."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "console").mkdir()
    (tmp_path / "console" / "package-lock.json").write_text("{}")
    for name in ("console.sh", "compress_console.js"):
        shutil.copy(repository / "tools" / name, tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        if found is not None:
            (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def run(tree: Path, what: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": str(tree / "bin"), "TMPDIR": str(tree)} | environment
    command = [tree / "tools" / "console.sh", what]
    return subprocess.run(command, env=kept, capture_output=True, text=True, check=False, timeout=60)


def node(tree: Path, *, version: str, builds: bool = True) -> None:
    """A program in the place of Node.js that says to be of a version, and npm that builds an empty page."""
    new_enough = version != "18.20.4"
    (tree / "bin" / "node").write_text(f'#!/bin/sh\n[ "$1" != -e ] || exit {0 if new_enough else 1}\n')
    files = 'mkdir -p "$last/assets"; echo page > "$last/index.html"; echo > "$last/assets/a.br"'
    build = f"for last; do :; done; {files}" if builds else "exit 3"
    text = f'#!/bin/sh\ncase "$*" in *"build"*) {build} ;; ci*) mkdir -p node_modules ;; esac\n'
    (tree / "bin" / "npm").write_text(text)
    (tree / "bin" / "mkdir").symlink_to(shutil.which("mkdir") or "/bin/mkdir")
    for name in ("node", "npm"):
        (tree / "bin" / name).chmod(0o755)


def page(tree: Path) -> Path:
    (tree / "src" / "runplane" / "server" / "console").mkdir(parents=True, exist_ok=True)
    return tree / "src" / "runplane" / "server" / "console" / "dist" / "index.html"


@pytest.mark.parametrize("version", [None, "18.20.4"], ids=["no Node.js", "one too old"])
def test_serving_goes_on_without_nodejs_and_says_how_to_get_the_console(
    version: str | None, tree: Path
) -> None:
    if version is not None:
        node(tree, version=version)
    done = run(tree, "offer")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert "make console" in done.stdout


@pytest.mark.parametrize("what", ["offer", "test", "check"])
def test_where_nodejs_is_required_its_absence_fails(what: str, tree: Path) -> None:
    assert run(tree, what).returncode == 0
    assert run(tree, what, RUNPLANE_REQUIRE="postgres,node").returncode == 1


def test_asking_for_the_console_fails_without_nodejs(tree: Path) -> None:
    done = run(tree, "build")
    assert (done.returncode, "Node.js 20.19" in done.stderr) == (1, True)


def test_serving_builds_the_console_once_and_again_when_it_changes(tree: Path) -> None:
    node(tree, version="22.12.0")
    built = page(tree)
    done = run(tree, "offer")
    assert (done.returncode, done.stdout) == (0, ""), done
    assert built.read_text() == "page\n"
    built.write_text("kept")
    assert run(tree, "offer").returncode == 0
    assert built.read_text() == "kept"
    # as `npm run build` leaves it
    (built.parent / "assets" / "a.br").unlink()
    assert run(tree, "offer").returncode == 0
    assert built.read_text() == "page\n"
    built.write_text("kept")
    later = built.stat().st_mtime + 10
    os.utime(tree / "console" / "package-lock.json", (later, later))
    assert run(tree, "offer").returncode == 0
    assert built.read_text() == "page\n"


def test_a_build_that_fails_leaves_the_old_console_and_the_server_starts(tree: Path) -> None:
    node(tree, version="22.12.0", builds=False)
    built = page(tree)
    built.parent.mkdir()
    built.write_text("old")
    os.utime(built, (1, 1))
    done = run(tree, "offer")
    assert done.returncode == 0
    assert "make console" in done.stdout
    assert built.read_text() == "old"


@pytest.mark.slow
def test_a_package_holds_the_bundle_in_every_form(tmp_path: Path, repository: Path) -> None:
    if not BUNDLE.is_file():
        unavailable("node", "the console is not built: run make console")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=repository, capture_output=True, check=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "runplane/server/console/dist/index.html" in names
    assert {Path(it).suffix for it in names if "/console/dist/assets/" in it} >= {".js", ".br", ".gz", ".css"}


def test_the_locked_packages_can_be_had_on_every_platform(repository: Path) -> None:
    """npm leaves out of the lock what the registry lacked that day, and then refuses to install."""
    text = (repository / "console" / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    wanted = {name for it in packages.values() for name in it.get("optionalDependencies", {})}
    locked = {path.rpartition("node_modules/")[2] for path in packages}
    assert wanted - locked == set()
    assert "registry." not in text
