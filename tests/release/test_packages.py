"""What `make dist` makes can be installed alone, in locked versions, into a new environment, and serves."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from conftest import ROOT, unavailable
from support.processes import ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD
from support.trials import Figure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Of the lock of what running needs: names with versions, without the hashes, which a constraint cannot have.
PINNED = re.compile(r"^([A-Za-z0-9._-]+==\S+(?: ; [^\\\n]+)?)", re.MULTILINE)


@dataclass(frozen=True)
class Packages:
    """The files that `make dist` makes, and an environment with the wheel in it and nothing else."""

    wheel: Path
    source: Path
    environment: Path

    @property
    def runplane(self) -> Path:
        return self.environment / "bin" / "runplane"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    folder = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [ROOT / "tools" / "dist.sh", folder], capture_output=True, text=True, check=False, timeout=240
    )
    if "Node.js" in built.stderr + built.stdout:
        unavailable("node", "the packages hold the console, and Node.js 20.19 or newer is not here")
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    environment = folder / "environment"
    pins = folder / "pins.txt"
    pins.write_text("\n".join(PINNED.findall((ROOT / "requirements" / "run.lock").read_text("utf-8"))))
    uv = Path(sys.executable).with_name("uv")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, environment],
        [
            *(uv, "pip", "install", "--quiet", "--python", environment / "bin" / "python"),
            *("--constraint", pins, f"{wheel}[postgres]"),
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == 0, done.stderr
    return Packages(wheel, source, environment)


def test_the_installed_wheel_serves_from_an_empty_folder(
    packages: Packages, tmp_path: Path, figure: Figure
) -> None:
    # no module of the checkout: the child's search path is the new environment alone
    command = ["env", "-u", "PYTHONPATH", str(packages.runplane), "serve"]
    server = ServerProcess(tmp_path / "data", command=command)
    try:
        server.wait_until_ready()
        assert server.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)["accessToken"]
        page = httpx.get(server.url, headers={"accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        (script,) = re.findall(r'<script[^>]* src="([^"]+\.js)"', page.text)
        assert httpx.get(server.url + script).status_code == 200
        assert len(httpx.get(server.url + "/api/docs/swagger.json").json()["paths"]) > 200
        assert server.terminate() == 0, server.errors
    finally:
        server.close()
    size = sum(it.stat().st_size for it in packages.environment.rglob("*") if it.is_file())
    figure("wheel", f"{packages.wheel.stat().st_size / 1e6:.2f} MB")
    figure("source package", f"{packages.source.stat().st_size / 1e6:.2f} MB")
    figure("installed with every dependency", f"{size / 1e6:.0f} MB")


def test_the_program_knows_its_version_and_its_settings(packages: Packages, tmp_path: Path) -> None:
    def said(*arguments: str) -> str:
        command = ["env", "-u", "PYTHONPATH", packages.runplane, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert said("version").strip() in packages.wheel.name
    assert "RUNPLANE_DATABASE_URL" in said("config", "explain", "--markdown")


def test_the_wheel_holds_what_the_server_reads_at_run_time(packages: Packages) -> None:
    names = set(zipfile.ZipFile(packages.wheel).namelist())
    assert "runplane/contract/operations.toml" in names
    assert "runplane/server/console/dist/index.html" in names
    versions = ROOT / "src" / "runplane" / "server" / "sql" / "migrations" / "versions"
    wanted = {f"runplane/server/sql/migrations/versions/{it.name}" for it in versions.glob("*.py")}
    assert wanted - names == set()
    assert not [it for it in names if it.startswith("tests/") or "__pycache__" in it]


def test_the_source_package_holds_what_it_takes_and_nothing_of_this_machine(packages: Packages) -> None:
    with tarfile.open(packages.source) as archive:
        names = {it.partition("/")[2] for it in archive.getnames()}
    for wanted in (
        "pyproject.toml",
        "Makefile",
        "console/package-lock.json",
        "requirements/run.lock",
        "LICENSE",
    ):
        assert wanted in names, wanted
    unwanted = [it for it in names if re.search(r"node_modules|__pycache__|\.venv|\.db$|\.git/", it)]
    assert unwanted == []


def test_the_description_can_be_rendered(packages: Packages) -> None:
    """As an index would show it: `twine check`, where twine is."""
    twine = Path(sys.executable).with_name("twine")
    if not twine.exists():
        pytest.skip("twine is not installed")
    command = [twine, "check", "--strict", packages.wheel, packages.source]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
