"""Kubernetes profiles with the real kubectl: which token arrives at the API server, and for how long."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import unavailable
from support.accounts import accepted, payload
from support.cli import Line, context_of
from support.kube_api import KubeApi
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

pytestmark = pytest.mark.detail

KUBECTL = shutil.which("kubectl")
OLDEST = 22

FILE = """\
# the clusters of the team
apiVersion: v1
kind: Config
current-context: gpu   # chosen by hand
clusters:
- name: gpu-cluster
  cluster:
    certificate-authority: {ca}
    server: {url}
contexts:
- context:
    cluster: gpu-cluster
    namespace: runai-team-a   # default project
    user: nobody
  name: gpu
users:
# the user that has nothing
- name: nobody
  user: {{}}
# the end
preferences: {{}}
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApi]:
    if KUBECTL is None:
        unavailable("kubectl", "kubectl is not on this machine's path")
    told = subprocess.run([KUBECTL, "version", "--client", "-o", "json"], capture_output=True, check=True)
    minor = int(json.loads(told.stdout)["clientVersion"]["minor"].rstrip("+"))
    if minor < OLDEST:
        unavailable("kubectl", f"kubectl 1.{minor} does not know client.authentication.k8s.io/v1")
    made = KubeApi(tmp_path_factory.mktemp("kube-api"))
    yield made
    made.stop()


@pytest.fixture
def kube(line: Line, server: Server, api: KubeApi) -> Line:
    """Logged in, with a Kubernetes profile whose user has no way to authenticate."""
    line.log_in(server)
    line.kubeconfig.parent.mkdir()
    line.kubeconfig.write_text(FILE.format(ca=api.ca_file, url=api.url))
    line.kubeconfig.chmod(0o640)
    api.tokens.clear()
    return line


def ask(line: Line, *flags: str, **environ: str) -> None:
    done = line.program(KUBECTL, "get", "--raw", "/version", *flags, **environ)
    assert done.returncode == 0, done.stderr


def test_kubectl_gets_its_tokens_from_the_plugin(kube: Line, server: Server, api: KubeApi) -> None:
    name = context_of(server)
    said = f"The Kubernetes profile gpu asks runplane for tokens of {name}.\n"
    assert kube("kubeconfig", "set") == (0, said, "")
    ask(kube)
    assert set(api.tokens) == {kube.secrets(name).access_token}
    assert payload(api.tokens[0])["email"] == ADMIN_EMAIL
    text = kube.kubeconfig.read_text()
    before = FILE.format(ca=api.ca_file, url=api.url).splitlines()
    kept = [it for it in before if "user: nobody" not in it and "namespace" not in it]
    assert [it for it in text.splitlines() if it in kept] == kept, "comments and order stay"
    assert "namespace: runai-team-a   # default project\n" in text
    assert stat.S_IMODE(kube.kubeconfig.stat().st_mode) == 0o640
    assert "eyJ" not in text
    kube.ok("kubeconfig", "set")
    assert kube.kubeconfig.read_text() == text, "a second time changes nothing"


def test_a_profile_survives_the_end_of_a_token_without_a_new_login(
    line: Line, make_server, api: KubeApi
) -> None:
    server = make_server()
    line.log_in(server)
    line.kubeconfig.parent.mkdir()
    line.kubeconfig.write_text(FILE.format(ca=api.ca_file, url=api.url))
    api.tokens.clear()
    line.ok("kubeconfig", "set")
    ask(line)
    first = api.tokens[-1]
    server.clock.advance(7200)
    line.age(context_of(server), 7200)
    api.tokens.clear()
    ask(line)
    (second,) = set(api.tokens)
    assert not accepted(server, first)
    assert accepted(server, second)


def test_a_logged_out_plugin_tells_what_to_do(kube: Line) -> None:
    kube.ok("kubeconfig", "set")
    kube.ok("logout")
    done = kube.program(KUBECTL, "get", "--raw", "/version")
    assert done.returncode != 0
    assert "has expired; run `runplane login user" in done.stderr


def test_a_static_token_is_written_when_asked_for(kube: Line, server: Server, api: KubeApi) -> None:
    code, out, err = kube("kubeconfig", "set", "--static-token", "--username", "runai-cli")
    assert (code, out) == (0, f"The Kubernetes profile gpu sends a token of {context_of(server)}.\n")
    assert err.startswith("The token in the file ends at 20")
    assert err.endswith(" UTC; run the command again then.\n")
    ask(kube)
    assert set(api.tokens) == {kube.secrets(context_of(server)).access_token}
    kube.ok("kubeconfig", "set", "--username", "runai-cli")
    assert "eyJ" not in kube.kubeconfig.read_text()
    ask(kube)


def test_the_older_entry_is_filled_by_a_login_and_read_by_kubectl(
    kube: Line, server: Server, api: KubeApi
) -> None:
    said = "The Kubernetes profile gpu is of the older kind now; run `runplane login`.\n"
    assert kube("kubeconfig", "set", "--auth-provider", "--username", "runai-authenticated-user")[1] == said
    flow = {"auth-flow": "cli", "client-id": "runai-cli", "realm": "runai", "airgapped": "true"}
    text = kube.kubeconfig.read_text()
    assert [
        f"{name}: {value!r}".replace("'", "") in text.replace('"', "") for name, value in flow.items()
    ] == [True] * 4
    assert f"idp-issuer-url: {server.url}/auth/realms/runai\n" in text.replace('"', "")
    login = ("login", "user", "-u", ADMIN_EMAIL, "-p", ADMIN_PASSWORD)
    assert kube.ok(*login).endswith("The Kubernetes profile gpu has its tokens.\n")
    ask(kube)
    said_by = payload(api.tokens[0])
    assert (said_by["typ"], said_by["email"]) == ("ID", ADMIN_EMAIL)
    assert kube.secrets(context_of(server)).refresh_token == "", "it is the profile's, and works once"
    filled = kube.kubeconfig.read_text()
    assert "refresh-token: " in filled
    kube.ok("logout")
    assert kube.kubeconfig.read_text() == text
    assert said_by["sid"]


def test_a_profile_with_a_client_certificate_is_refused(kube: Line, api: KubeApi) -> None:
    text = FILE.format(ca=api.ca_file, url=api.url).replace(
        "user: {}", "user: {client-certificate-data: YQ==}"
    )
    kube.kubeconfig.write_text(text)
    code, out, err = kube("kubeconfig", "set")
    assert (code, out) == (1, "")
    assert err == (
        "The user nobody of the Kubernetes profile gpu has a client certificate, and a token would not be "
        "used. Make another profile and choose it with --kube-context: "
        "`kubectl config set-context NAME --cluster=gpu-cluster --user=runplane`.\n"
    )
    assert kube.kubeconfig.read_text() == text
    done = kube.program(KUBECTL, "config", "set-context", "mine", "--cluster=gpu-cluster", "--user=runplane")
    assert done.returncode == 0
    kube.ok("kubeconfig", "set", "--kube-context", "mine")
    ask(kube, "--context", "mine")
    assert len(set(api.tokens)) == 1


def test_a_token_of_oc_login_is_left_as_it_is(kube: Line, api: KubeApi) -> None:
    text = FILE.format(ca=api.ca_file, url=api.url).replace("user: {}", "user: {token: sha256~abc}")
    kube.kubeconfig.write_text(text)
    said = "The Kubernetes profile gpu has a token of `oc login`; it is used as it is.\n"
    assert kube("kubeconfig", "set") == (0, said, "")
    assert kube.kubeconfig.read_text() == text
    ask(kube)
    assert set(api.tokens) == {"sha256~abc"}


def test_each_entry_is_edited_in_the_file_that_holds_it(
    kube: Line, server: Server, api: KubeApi, tmp_path: Path
) -> None:
    whole = FILE.format(ca=api.ca_file, url=api.url)
    head, users = whole.split("users:\n")
    files = [tmp_path / name for name in ("first", "second", "third")]
    files[0].write_text("# empty but for this\n")
    files[1].write_text(head)
    files[2].write_text(f"# people\nusers:\n{users}")
    link = tmp_path / "link"
    link.symlink_to(files[2])
    before = [it.read_text() for it in files]
    variable = f"{files[0]}:{tmp_path / 'missing'}:{files[1]}:{link}"
    kube.ok("kubeconfig", "set", "--username", "nobody", KUBECONFIG=variable)
    assert [it.read_text() for it in files[:2]] == before[:2], "the profile names this user already"
    assert link.is_symlink()
    assert "# people\nusers:\n# the user that has nothing\n- name: nobody\n" in files[2].read_text()
    assert "- get-token\n" in files[2].read_text()
    kube.ok("kubeconfig", "set", "--username", "new", KUBECONFIG=variable)
    assert "name: new\n" in files[1].read_text(), "a new user goes beside the profile"
    assert not (tmp_path / "missing").exists()
    ask(kube, KUBECONFIG=variable)
    assert set(api.tokens) == {kube.secrets(context_of(server)).access_token}


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_answer_is_of_the_version_that_kubectl_asks_for(kube: Line, server: Server, version: str) -> None:
    asked = json.dumps(
        {
            "apiVersion": f"client.authentication.k8s.io/{version}",
            "kind": "ExecCredential",
            "spec": {"interactive": False},
        }
    )
    found = json.loads(kube.ok("auth", "get-token", KUBERNETES_EXEC_INFO=asked))
    assert (found["apiVersion"], found["kind"]) == (
        f"client.authentication.k8s.io/{version}",
        "ExecCredential",
    )
    assert found["status"]["token"] == kube.secrets(context_of(server)).access_token
    assert found["status"]["expirationTimestamp"].endswith("Z")
    kube.ok("kubeconfig", "set")
    entry = kube.kubeconfig.read_text()
    kube.kubeconfig.write_text(entry.replace("k8s.io/v1\n", f"k8s.io/{version}\n"))
    ask(kube)


def test_a_token_of_the_environment_is_given_as_it_is(line: Line, server: Server) -> None:
    token = server.token(ADMIN_EMAIL, ADMIN_PASSWORD)
    given = {"RUNPLANE_TOKEN": token, "RUNPLANE_SERVER": server.url}
    assert line.ok("auth", "get-token", **given) == f"{token}\n"
    status = json.loads(line.ok("auth", "get-token", "-o", "exec-credential", **given))["status"]
    ends = datetime.fromtimestamp(payload(token)["exp"], UTC)
    assert status == {"token": token, "expirationTimestamp": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_a_broken_kubeconfig_keeps_nobody_from_logging_in(kube: Line, server: Server) -> None:
    kube.kubeconfig.write_text("users: [")
    kube.log_in(server)
    assert kube("kubeconfig", "set")[0] == 1
    assert kube.kubeconfig.read_text() == "users: ["


def test_another_version_is_refused(kube: Line) -> None:
    asked = json.dumps({"apiVersion": "client.authentication.k8s.io/v1alpha1"})
    code, out, err = kube("auth", "get-token", KUBERNETES_EXEC_INFO=asked)
    assert (code, out) == (2, "")
    assert "v1alpha1; set the exec entry's apiVersion to client.authentication.k8s.io/v1." in err
    assert kube("auth", "get-token", KUBERNETES_EXEC_INFO="{")[0] == 2
    assert kube("auth", "get-token", "-o", "yaml")[0] == 2
    assert kube.ok("auth", "get-token", "-o", "plaintext").startswith("eyJ")


def test_a_missing_profile_is_told(kube: Line) -> None:
    code, _, err = kube("kubeconfig", "set", "--kube-context", "nowhere")
    assert (code, err) == (
        5,
        "There is no Kubernetes profile nowhere; `kubectl config get-contexts` shows them.\n",
    )
    kube.kubeconfig.write_text("apiVersion: v1\nkind: Config\n")
    code, _, err = kube("kubeconfig", "set")
    assert (code, err) == (
        5,
        f"No Kubernetes profile is chosen in {kube.kubeconfig}; run `kubectl config use-context NAME`.\n",
    )
    kube.kubeconfig.unlink()
    code, _, err = kube("kubeconfig", "set")
    assert (code, err) == (
        5,
        f"There is no kubeconfig at {kube.kubeconfig}; name yours with --kubeconfig or in KUBECONFIG.\n",
    )
    assert not kube.kubeconfig.exists()
