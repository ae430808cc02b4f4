"""A really running, seeded server for browsers to look at, and doors into it.

Everything is made through the REST API and by simulated agents, as a person with the documentation would make
it. Tests share it: what they change they make themselves first; `CROWD` is there to be looked at.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

from support.chromium import PATIENCE, Watch
from support.processes import NEW_PASSWORD, ServerProcess, clean_environment, new_user
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD

DEPARTMENTS = "/api/v1/org-unit/departments"
PROJECTS = "/api/v1/org-unit/projects"
# name → nodes and GPUs of each; None: made, and no agent has ever spoken
CLUSTERS: dict[str, tuple[int, int] | None] = {"frankfurt": (4, 8), "oslo": (2, 4), "lisbon": None}
# department → deserved GPUs, and its projects with theirs
TEAMS = {
    "vision": (16, {"segmentation": 6, "tracking": 4, "image-search": 2}),
    "language": (12, {"translation": 4, "assistants": 6}),
    "robotics": (4, {"grasping": 2, "navigation": 1}),
}
# person → role (ids of the predefined roles are looked up by name)
CROWD = {
    "ada@example.com": "System administrator",
    "grace@example.com": "Department administrator",
    "alan@example.com": "Editor",
    "katherine@example.com": "Viewer",
    "nobody@example.com": None,
}
# Stored text that must stay text wherever it is shown or exported.
HOSTILE = ("<img src=x onerror=alert(1)>", '=HYPERLINK("http://evil.example")', "<script>alert(1)</script>")


@dataclass
class Console:
    """The server and what was put into it."""

    server: ServerProcess
    ids: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        """The address, which is the origin of everything a page may load."""
        return self.server.url

    @property
    def admin(self) -> httpx.Client:
        """The API as the System administrator."""
        return self.server.admin

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        """POST as the System administrator; the body of the answer, which must have `status`."""
        answer = self.admin.post(path, json=body)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def everything(self, path: str, key: str) -> list[dict[str, Any]]:
        """The entries of a list of the API, under the `key` of its envelope."""
        answer = self.admin.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()[key]

    def person(self, role: str | None = None, prefix: str = "person") -> str:
        """The address of a new person, whose password is NEW_PASSWORD, with a role for the tenant.

        The person's id is under the address in `ids`.
        """
        email = f"{prefix}-{uuid4().hex[:10]}@example.com"
        self.ids[email] = new_user(self.server, email)["id"]
        if role is not None:
            self.rule(email, "user", role)
        return email

    def temporary(self) -> tuple[str, str]:
        """Address and temporary password of a new person."""
        email = f"new-{uuid4().hex[:10]}@example.com"
        return email, self.post("/api/v1/users", {"email": email})["tempPassword"]

    def rule(
        self, subject: str, kind: str, role: str, scope: str = "tenant", scope_id: str = "1001"
    ) -> dict[str, Any]:
        """A new access rule."""
        body = {
            "subjectId": subject,
            "subjectType": kind,
            "roleId": self.role(role),
            "scopeType": scope,
            "scopeId": scope_id,
        }
        return self.post("/api/v1/authorization/access-rules", body)

    def role(self, name: str) -> int:
        """The id of a role."""
        answer = self.admin.get("/api/v1/authorization/roles")
        assert answer.status_code == 200, answer.text
        return next(it["id"] for it in answer.json() if it["name"] == name)


@contextmanager
def seeded_console(data_dir: Path) -> Iterator[Console]:
    """A server process with the whole seed; agents keep its clusters connected while it runs."""
    server = ServerProcess(data_dir, public_url="")
    agents: list[subprocess.Popen[bytes]] = []
    try:
        server.wait_until_ready()
        console = Console(server)
        for name, size in CLUSTERS.items():
            cluster = console.post("/api/v1/clusters", {"name": name})
            console.ids[name] = cluster["uuid"]
            if size is not None:
                agents.append(_agent(console, cluster["uuid"], *size))
        _people(console)
        _wait_for_nodes(console)
        _organization(console)
        _credentials(console)
        _history(console)
        yield console
    finally:
        for agent in agents:
            agent.kill()
            agent.wait()
        server.close()


def _agent(console: Console, cluster: str, nodes: int, gpus: int) -> subprocess.Popen[bytes]:
    told = console.admin.get(f"/api/v1/clusters/{cluster}/cluster-install-info?version=2.24").json()
    flags = {"--cluster": cluster, "--url": console.url, "--nodes": nodes, "--gpus-per-node": gpus}
    command = [sys.executable, "-m", "runplane", "agent", "simulate"]
    command += [str(it) for pair in flags.items() for it in pair]
    environment = clean_environment() | {"RUNPLANE_AGENT_SECRET": told["clientSecret"]}
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)


def _wait_for_nodes(console: Console) -> None:
    wanted = sum(size[0] for size in CLUSTERS.values() if size is not None)
    deadline = time.monotonic() + 60
    while len(console.everything("/api/v1/nodes", "nodes")) < wanted:
        if time.monotonic() > deadline:
            raise AssertionError("the simulated agents did not report their nodes within a minute")
        time.sleep(0.1)


def _people(console: Console) -> None:
    for email, role in CROWD.items():
        console.ids[email] = new_user(console.server, email)["id"]
        if role is not None:
            console.rule(email, "user", role)
    console.rule("ml-engineers", "group", "Viewer")


def _organization(console: Console) -> None:
    cluster = console.ids["frankfurt"]
    pools = console.everything("/api/v1/node-pools", "nodepools")
    pool = next(it for it in pools if it["clusterId"] == cluster)
    console.post(
        "/api/v1/node-pools",
        {"name": "a100", "clusterId": cluster, "labelKey": "accelerator", "labelValue": "a100"},
    )

    def share(deserved: float) -> list[dict[str, Any]]:
        gpu = {"deserved": deserved, "limit": deserved * 2, "overQuotaWeight": 2}
        return [{"nodePool": {"id": pool["id"], "name": pool["name"]}, "gpu": gpu}]

    for team, (quota, projects) in TEAMS.items():
        body = {"name": team, "clusterId": cluster, "resources": share(quota)}
        department = console.post(DEPARTMENTS, body)
        console.ids[team] = department["id"]
        for name, deserved in projects.items():
            made = console.post(
                PROJECTS,
                {
                    "name": name,
                    "clusterId": cluster,
                    "parentId": department["id"],
                    "resources": share(deserved),
                    "description": HOSTILE[0] if name == "grasping" else f"Work on {name}",
                },
            )
            console.ids[name] = made["id"]
    console.rule("katherine@example.com", "user", "Editor", "project", console.ids["tracking"])
    console.rule("grace@example.com", "user", "Department administrator", "department", console.ids["vision"])


def _credentials(console: Console) -> None:
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    for name, more, role in (
        ("training-pipeline", {}, "Editor"),
        ("nightly-report", {"expiresAt": soon}, "Viewer"),
        ("old-dashboard", {}, None),
    ):
        made = console.post("/api/v1/service-accounts", {"name": name, **more})
        console.ids[name] = made["id"]
        if role is not None:
            console.rule(made["id"], "service-account", role)
    answer = console.admin.patch(
        f"/api/v1/service-accounts/{console.ids['old-dashboard']}", json={"enabled": False}
    )
    assert answer.status_code < 300, answer.text
    console.post("/api/v1/access-keys", {"name": "laptop"})


def _history(console: Console) -> None:
    """Refused and deprecated calls, and sign-ins that failed."""
    token = console.server.sign_in("nobody@example.com", NEW_PASSWORD)["accessToken"]
    nobody = console.server.client(token)
    for path in ("/api/v1/users", PROJECTS, "/api/v1/clusters"):
        assert nobody.get(path).status_code == 403, path
    old = {"user-agent": "terraform-provider-runai/0.9"}
    for path in ("/v1/k8s/users", "/v1/k8s/apps", "/v1/k8s/users"):
        assert console.admin.get(path, headers=old).status_code == 200, path
    wrong = {"grantType": "password", "username": "alan@example.com", "password": "not-his-password-at-all"}
    assert httpx.post(f"{console.url}/api/v1/token", json=wrong, timeout=30).status_code == 400


class Visitor:
    """Opens pages of a console in one browser; `close` ends what it opened and tells what the watch saw."""

    def __init__(self, browser: Browser, console: Console) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.console = console
        self.watch = Watch(console.url)

    def open(
        self,
        path: str = "/",
        *,
        email: str | None = ADMIN_EMAIL,
        password: str = ADMIN_PASSWORD,
        size: tuple[int, int] = (1440, 900),
        dark: bool = False,
    ) -> Page:
        """A page at `path`, signed in as `email`, or as nobody with None; a browser profile of its own."""
        context = self._browser.new_context(
            base_url=self.console.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            # Animations are for people; tests and pictures want their end.
            reduced_motion="reduce",
            locale="en-GB",
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._contexts.append(context)
        self.watch.attach(context)
        if email is not None:
            sign_in(context, self.console.url, email, password)
        page = context.new_page()
        page.goto(path)
        return page

    def close(self) -> None:
        """Close everything. Raises AssertionError for what the watch saw and no test expected."""
        for context in self._contexts:
            context.close()
        self.watch.check()


def sign_in(context: BrowserContext, url: str, email: str, password: str) -> None:
    """Give a browser a session without showing it the sign-in page."""
    headers = {"sec-fetch-site": "same-origin"}
    body = {"email": email, "password": password}
    answer = httpx.post(f"{url}/api/v1/session", json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    for line in answer.headers.get_list("set-cookie"):
        name, _, value = line.partition(";")[0].partition("=")
        hidden = "HttpOnly" in line
        context.add_cookies(
            [
                {
                    "name": name,
                    "value": value,
                    # Only from such an address does the driver take a cookie that is for https.
                    "url": url.replace("http:", "https:"),
                    "secure": True,
                    "httpOnly": hidden,
                    "sameSite": "Lax",
                }
            ]
        )
