"""The Dockerfile's steps without containers: the stages that make and install packages, in a scratch folder.

There is no container engine on the machines that run these tests. The commands are those of the file, run by
a shell in an environment of its own, with its absolute folders moved; the bases, and the console's stage,
which `make console` stands for, are not part of it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from conftest import ROOT, unavailable
from support.chromium import BUNDLE
from support.processes import ServerProcess
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD
from support.trials import FULL

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
MOVED = ("/build", "/wheels", "/data")
# They need an engine, or change the account: `install` gives the folder to user 10001.
MOUNT = re.compile(r"--mount=\S+\s*")

pytestmark = pytest.mark.slow


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage as word and rest."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        elif found:
            found[-1].append((word, rest.strip()))
    return found


class Machine:
    """A folder that stands for the root of a container, with a Python of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "python"
        subprocess.run([sys.executable, "-m", "venv", self.python], check=True, timeout=120)

    def at(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def carry_out(self, stage: list[tuple[str, str]]) -> None:
        """The COPY and RUN instructions of a stage; what is copied from another stage is there already."""
        here = self.folder
        for word, rest in stage:
            if word == "WORKDIR":
                here = self.at(rest)
                here.mkdir(parents=True, exist_ok=True)
            elif word == "COPY" and not rest.startswith("--from"):
                *sources, target = rest.split()
                self._copy(sources, here / target, into=target.endswith("/"))
            elif word == "COPY":
                shutil.copytree(BUNDLE.parent, here / rest.split()[-1], dirs_exist_ok=True)
            elif word == "RUN":
                self._run(MOUNT.sub("", rest), here)

    def _copy(self, sources: list[str], target: Path, *, into: bool) -> None:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, dirs_exist_ok=True, ignore=ignored)
            else:
                assert into, f"{source} is a file, and {target} is no folder"
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, target)

    def _run(self, command: str, here: Path) -> None:
        for path in MOVED:
            command = re.sub(rf"(?<![\w.]){path}\b", shlex.quote(str(self.at(path))), command)
        # it is there to keep the image small; here it would fetch everything anew
        command = command.replace("--no-cache-dir ", "")
        if os.geteuid() != 0:
            command = command.replace("-o 10001 -g 10001", "")
        environment = {**os.environ, "PATH": f"{self.python / 'bin'}:{os.environ['PATH']}"}
        environment.pop("PYTHONPATH", None)
        done = subprocess.run(
            ["sh", "-ec", command], cwd=here, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


@pytest.mark.timeout(900)
@pytest.mark.skipif(not FULL, reason="it fetches every dependency and takes minutes: RUNPLANE_FULL=1 runs it")
def test_the_last_stages_make_a_server(tmp_path: Path) -> None:
    if not BUNDLE.is_file():
        unavailable("node", "the console is not built: run make console")
    _, packages, last = stages()
    builder = Machine(tmp_path / "builder")
    builder.carry_out(packages)
    made = Machine(tmp_path / "made")
    shutil.move(builder.at("/wheels"), made.at("/wheels"))
    made.carry_out(last)
    shutil.rmtree(made.at("/wheels"))
    program = made.python / "bin" / "runplane"
    assert not (made.python / "bin" / "pip").exists(), "the image has no pip"
    command = ["env", "-u", "PYTHONPATH", str(program), *json.loads(dict(last)["CMD"])]
    server = ServerProcess(made.at("/data"), command=command)
    try:
        server.wait_until_ready()
        assert server.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)["accessToken"]
        assert httpx.get(server.url, headers={"accept": "text/html"}).status_code == 200
        port = server.url.rpartition(":")[2]
        health = json.loads(dict(last)["HEALTHCHECK"].partition("CMD ")[2])
        asked = subprocess.run(
            [program.with_name(health[0]), *health[1:]],
            env={"PATH": os.environ["PATH"], "RUNPLANE_PORT": port, "RUNPLANE_HOST": "0.0.0.0"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (asked.returncode, asked.stdout.strip()) == (0, "ready"), asked.stderr
        assert server.terminate() == 0, server.errors
    finally:
        server.close()


def test_what_the_image_promises_is_in_its_last_stage() -> None:
    words = dict(stages()[-1])
    assert words["USER"] == "10001:10001"
    assert words["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(words["ENTRYPOINT"]) == ["runplane"]
    assert not re.search(r"(?i)(password|secret|token|key)\s*=\S", DOCKERFILE)
    assert re.findall(r"^ARG \w+_IMAGE=\S+:\S+$", DOCKERFILE, re.MULTILINE), "bases have a tag"
