"""The files in deploy/: judged by the tools of their formats where these are, and held to what guides say."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, unavailable
from runplane import __version__
from runplane.server.identity.vault import KeyEncryptionKey
from runplane.server.settings import load_settings
from runplane.server.settings.model import known_settings

DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "runplane"
LINT = ROOT / "tools" / "lint_deploy.py"


@pytest.mark.slow
def test_the_tools_of_the_formats_find_no_fault() -> None:
    done = subprocess.run([sys.executable, LINT], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert any(it.startswith("ok") for it in lines), done.stdout
    missing = [it.removeprefix("missing").strip() for it in lines if it.startswith("missing")]
    if missing:
        unavailable("deploy", f"not checked, for lack of: {'; '.join(missing)}")


@pytest.mark.slow
def test_the_tools_see_a_fault(tmp_path: Path) -> None:
    """A check that cannot fail would be none: the same files, each with something wrong in it."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "tools").mkdir()
    for name in ("lint_deploy.py", "dist.sh"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    for file, right, wrong in (
        ("Dockerfile", "WORKDIR /build\n", "WORKDIR build\n"),
        ("compose/haproxy.cfg", "balance leastconn", "balance fairly"),
        ("compose/secrets.sh", "umask 077", "umask 077; cat $1"),
        ("compose/compose.yaml", "healthcheck:\n      test", "healthcheck:\n      tset"),
        ("helm/runplane/templates/service.yaml", "ports:", "prots:"),
        ("systemd/runplane.service", "PrivateUsers=yes\n", "PrivateUsers=maybe\n"),
    ):
        path = tmp_path / "deploy" / file
        text = path.read_text("utf-8")
        assert right in text, file
        path.write_text(text.replace(right, wrong), encoding="utf-8")
    script = tmp_path / "tools" / "lint_deploy.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 1, done.stdout
    checked = [it for it in done.stdout.splitlines() if it.startswith(("ok ", "failed "))]
    right = [it for it in checked if it.startswith("ok ") and " lint: " not in it and " security: " not in it]
    assert checked
    assert right == [], done.stdout


def test_every_file_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["version"] == chart["appVersion"] == __version__
    assert f"runplane:{__version__}" in (DEPLOY / "compose" / "compose.yaml").read_text("utf-8")
    assert f"runplane:{__version__}" in (DEPLOY / "Dockerfile").read_text("utf-8")


def variables(text: str) -> set[str]:
    """The settings that a file names."""
    return set(re.findall(r"\bRUNPLANE_[A-Z0-9_]+[A-Z0-9]\b", text))


def test_every_setting_that_is_named_exists() -> None:
    known = {it.variable for it in known_settings()}
    known |= {f"{it.variable}_FILE" for it in known_settings() if it.by_file}
    of_compose = {
        "RUNPLANE_IMAGE", "RUNPLANE_SUBNET", "RUNPLANE_POSTGRES_IMAGE", "RUNPLANE_PROXY_IMAGE",
        "RUNPLANE_LISTEN",
        "RUNPLANE_PROXY_BIND", "RUNPLANE_UID", "RUNPLANE_GID", "RUNPLANE_REPLICA_1", "RUNPLANE_REPLICA_2",
    }  # fmt: skip
    for part in ("Dockerfile", "compose", "helm", "systemd"):
        files = [DEPLOY / part] if (DEPLOY / part).is_file() else sorted((DEPLOY / part).rglob("*"))
        for file in files:
            if file.is_file():
                assert variables(file.read_text("utf-8")) - known - of_compose == set(), file


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))


def test_nothing_in_the_compose_file_is_a_secret_or_has_one_by_default() -> None:
    found = compose()
    for name, service in found["services"].items():
        for variable in service.get("environment", {}):
            if re.search("PASSWORD|KEY_ENCRYPTION|DATABASE_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
    assert {it["file"].rpartition("/")[0] for it in found["secrets"].values()} == {"./secrets"}
    assert "/secrets/" in (DEPLOY / "compose" / ".gitignore").read_text("utf-8")


def test_the_server_of_the_compose_file_may_do_little() -> None:
    for name in ("server-1", "server-2", "migrate"):
        service = compose()["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"].startswith("${RUNPLANE_UID:?")
        assert "ports" not in service


def test_the_secrets_are_made_once_and_can_be_used(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "compose" / "secrets.sh", tmp_path)
    for _ in range(2):
        subprocess.run([tmp_path / "secrets.sh"], check=True, capture_output=True)
        made = {it.name: it.read_text("utf-8") for it in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose()["secrets"])
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    environment = {
        "RUNPLANE_DATABASE_URL_FILE": str(tmp_path / "secrets" / "database-url"),
        "RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE": str(tmp_path / "secrets" / "key-encryption-key"),
        "RUNPLANE_ADMIN_PASSWORD_FILE": str(tmp_path / "secrets" / "admin-password"),
    }
    settings = load_settings({}, environment).settings
    assert f":{made['database-password']}@database/" in settings.database_url
    assert KeyEncryptionKey.load(settings.keys.key_encryption_key_file)
    assert (tmp_path / ".env").read_text("utf-8").count("RUNPLANE_UID=") == 1
    assert len(made["admin-password"]) >= 20
    shutil.rmtree(tmp_path / "secrets")
    subprocess.run([tmp_path / "secrets.sh"], check=True, capture_output=True)
    again = {it.name: it.read_text("utf-8") for it in (tmp_path / "secrets").iterdir()}
    assert all(again[name] != made[name] for name in made)


def template(*given: str) -> subprocess.CompletedProcess[str]:
    """What Helm says to the chart with some values, or with sets of `ci/` by name."""
    sys.path.insert(0, str(LINT.parent))
    try:
        from lint_deploy import find
    finally:
        sys.path.remove(str(LINT.parent))
    helm = find("helm")
    if helm is None:
        unavailable("helm", "there is no helm on this machine")
    command = [helm, "template", "runplane", str(CHART), "--kube-version", "1.34.0", *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def values(name: str) -> list[str]:
    return ["--values", str(CHART / "ci" / f"{name}-values.yaml")]


@pytest.fixture(scope="module", params=["least", "everything", "inline"])
def rendered(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, Any]]]:
    """What the chart makes of the least that has to be given, of everything, and of a token as a value."""
    done = template(*values(request.param))
    assert done.returncode == 0, done.stderr
    return request.param, [it for it in yaml.safe_load_all(done.stdout) if it]


@pytest.fixture
def manifests(rendered: tuple[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return rendered[1]


def pods(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for it in found:
        if "template" in it.get("spec", {}):
            yield it["kind"], it["spec"]["template"]["spec"]


def test_pods_keep_the_restricted_standard(manifests: list[dict[str, Any]]) -> None:
    kinds = []
    for kind, pod in pods(manifests):
        kinds.append(kind)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        # variables such as RUNPLANE_SERVICE_HOST would be settings that do not exist
        assert pod["enableServiceLinks"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            for variable in container["env"]:
                assert not re.search("PASSWORD$|DATABASE_URL$|KEY$|TOKEN$", variable["name"])
    assert sorted(kinds) == ["Deployment", "Job"]


def test_no_request_is_sent_to_the_migration_and_none_is_lost_in_a_roll_out(
    manifests: list[dict[str, Any]],
) -> None:
    kinds = {it["kind"]: it for it in manifests}
    deployment, job = kinds["Deployment"]["spec"], kinds["Job"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    selector = kinds["Service"]["spec"]["selector"]
    assert selector == deployment["selector"]["matchLabels"]
    assert selector.items() <= deployment["template"]["metadata"]["labels"].items()
    assert not selector.items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["admin", "db", "migrate"]
    container = deployment["template"]["spec"]["containers"][0]
    drain = next(it["value"] for it in container["env"] if it["name"] == "RUNPLANE_DRAIN_SECONDS")
    # drain, then up to nine seconds for what runs (server/http/drain.py)
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] >= int(drain) + 10
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


METRICS_TOKENS = {
    "least": None,
    "everything": {"name": "runplane-prometheus", "key": "bearer"},
    "inline": {"name": "runplane-metrics", "key": "token"},
}


def test_server_and_prometheus_are_given_the_same_token(rendered: tuple[str, list[dict[str, Any]]]) -> None:
    name, manifests = rendered
    token = METRICS_TOKENS[name]
    kinds = {it["kind"]: it for it in manifests}
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    files = [it["value"] for it in container["env"] if it["name"] == "RUNPLANE_METRICS_TOKEN_FILE"]
    assert len(files) == (token is not None)
    if token is not None:
        # the file is there: from the volume that is mounted where the variable says
        mount = next(it for it in container["volumeMounts"] if files[0].startswith(f"{it['mountPath']}/"))
        volume = next(it["secret"] for it in pod["volumes"] if it["name"] == mount["name"])
        path = files[0].removeprefix(f"{mount['mountPath']}/")
        assert (volume["secretName"], volume["items"]) == (
            token["name"],
            [{"key": token["key"], "path": path}],
        )
    if "ServiceMonitor" in kinds:
        (endpoint,) = kinds["ServiceMonitor"]["spec"]["endpoints"]
        assert endpoint.get("authorization") == (token and {"credentials": token})


def test_the_chart_makes_a_secret_of_a_token_that_is_a_value(
    rendered: tuple[str, list[dict[str, Any]]],
) -> None:
    """And has pods replaced when it changes. The migration runs before there is such a Secret."""
    name, manifests = rendered
    kinds = {it["kind"]: it for it in manifests}
    pods = kinds["Deployment"]["spec"]["template"]
    notes = pods["metadata"].get("annotations", {})
    assert "METRICS" not in str(kinds["Job"])
    if name != "inline":
        assert "Secret" not in kinds
        assert "checksum/metrics-token" not in notes
        return
    token = yaml.safe_load((CHART / "ci" / "inline-values.yaml").read_text("utf-8"))["secrets"][
        "metricsToken"
    ]["value"]
    secret = kinds["Secret"]
    assert secret["metadata"]["name"] == METRICS_TOKENS["inline"]["name"]
    assert secret["stringData"] == {"token": token}
    assert token not in str([it for it in manifests if it is not secret])
    other = template(*values("inline"), "--set", "secrets.metricsToken.value=another-one-of-some-length")
    changed = next(it for it in yaml.safe_load_all(other.stdout) if it and it["kind"] == "Deployment")
    assert changed["spec"]["template"]["metadata"]["annotations"] != notes


@pytest.mark.parametrize("name", ["least", "everything"])
def test_values_of_a_chart_before_the_token_are_still_good(name: str) -> None:
    """`helm upgrade --reuse-values` brings no defaults."""
    reused = template(*values(name), "--set", "secrets.metricsToken=null")
    assert reused.returncode == 0, reused.stderr
    assert "metrics-token" not in reused.stdout
    token = 'secrets.metricsToken={"name": "other", "key": null, "value": null}'
    given = template(*values(name), "--set-json", token)
    assert "items: [{ key: token, path: token }]" in given.stdout


@pytest.mark.parametrize(
    "given",
    [
        {"name": "runplane-prometheus", "value": "given-twice-and-long-enough"},
        {"value": "short"},
        {"value": "two words of some length"},
        {"name": "runplane-prometheus", "key": ""},
    ],
)
def test_a_token_that_cannot_be_meant_is_refused(given: dict[str, str]) -> None:
    assert template(*values("least")).returncode == 0
    pairs = [part for key, text in given.items() for part in ("--set", f"secrets.metricsToken.{key}={text}")]
    refused = template(*values("least"), *pairs)
    assert refused.returncode != 0
    assert "metricsToken" in refused.stderr


def test_the_readme_of_the_chart_has_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    readme = (CHART / "README.md").read_text("utf-8")
    described = set(re.findall(r"^\| `([A-Za-z]+)", readme, re.MULTILINE))
    assert described == set(values) | {"nameOverride", "fullnameOverride"}


def test_the_unit_reads_its_key_from_a_credential() -> None:
    unit = (DEPLOY / "systemd" / "runplane.service").read_text("utf-8")
    assert "LoadCredential=key-encryption-key:" in unit
    assert "RUNPLANE_KEYS_KEY_ENCRYPTION_KEY_FILE=%d/key-encryption-key" in unit
