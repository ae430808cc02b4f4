"""The vendor's public example for administrators, "create a user and a project", in the two forms it has had.

Its steps are written anew, with what matters kept: the addresses, the members it sends, the two members of
the answers it reads, and that it takes any 2xx for success. It runs against a server with one cluster, whose
default department is number 1, as the script assumes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from runplane.server.authz.catalogue import by_name
from support.accounts import service_account
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

USER, INITIAL, OWN = "grace@example.com", "harbour-velvet-copper-finch", "meadow-cobalt-lantern-fig"


@dataclass
class Script:
    """One run: the address of the control plane and, once it has one, a token."""

    url: str
    token: str = ""

    def log_in(self, email: str, password: str) -> None:
        """The first form: a person's password."""
        answer = httpx.post(f"{self.url}/v1/k8s/auth/login", json={"email": email, "password": password})
        assert answer.is_success, answer.text
        self.token = answer.json()["access_token"]

    def log_in_as_application(self, realm: str, client_id: str, secret: str) -> None:
        """The later form: an application's secret, at the realm."""
        answer = httpx.post(
            f"{self.url}/auth/realms/{realm}/protocol/openid-connect/token",
            data={
                "grant_type": "client_credentials",
                "scope": "openid",
                "response_type": "id_token",
                "client_id": client_id,
                "client_secret": secret,
            },
        )
        assert answer.is_success, answer.text
        self.token = answer.json()["access_token"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Any 2xx is a success."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        answer = httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=30)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def create_user(self) -> str:
        """Step two, the same in both forms."""
        body = {
            "email": USER,
            "password": INITIAL,
            "roles": ["researcher", "viewer"],
            "permittedClusters": [],
            "permitAllClusters": True,
            "needToChangePassword": True,
        }
        return self.post("/v1/k8s/users", body)["userId"]


def first_form(script: Script, server: Server, cluster: str) -> tuple[str, int]:
    """Everything with a person's password, and the project at the oldest address."""
    del server
    script.log_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    user_id = script.create_user()
    body = {
        "name": "team-a",
        "departmentId": 1,
        "deservedGpus": 2,
        "clusterUuid": cluster,
        "permissions": {"users": [user_id]},
    }
    return user_id, script.post("/v1/k8s/projects", body)["id"]


def later_form(script: Script, server: Server, cluster: str) -> tuple[str, int]:
    """Everything with an application's secret, and the project at its cluster's address."""
    machine = service_account(server)
    rule = {
        "subjectId": machine.name,
        "subjectType": "app",
        "roleId": 1,
        "scopeId": "1001",
        "scopeType": "tenant",
    }
    assert server.admin.post("/api/v1/authorization/access-rules", json=rule).is_success
    script.log_in_as_application("runai", machine.name, machine.secret)
    user_id = script.create_user()
    no_limit = {"affinityType": "no_limit", "selectedTypes": []}
    body = {
        "name": "team-a",
        "departmentId": 1,
        "deservedGpus": 2,
        "permissions": {"users": [user_id]},
        "nodeAffinity": {"train": no_limit, "interactive": no_limit},
    }
    return user_id, script.post(f"/v1/k8s/clusters/{cluster}/projects", body)["id"]


@pytest.mark.parametrize("form", [first_form, later_form])
def test_makes_a_user_and_a_project_for_it(
    make_server: Callable[..., Server], form: Callable[[Script, Server, str], tuple[str, int]]
) -> None:
    server = make_server()
    cluster = server.admin.post("/v1/k8s/clusters", json={"name": "gpu"}).json()["uuid"]
    user_id, project_id = form(Script(server.url), server, cluster)

    # What it made is there for today's API too.
    project = server.admin.get(f"/api/v1/org-unit/projects/{project_id}").json()
    assert (project["name"], project["clusterId"], project["parentId"]) == ("team-a", cluster, "1")
    assert [it["gpu"]["deserved"] for it in project["resources"]] == [2]
    user = server.admin.get(f"/api/v1/users/{user_id}").json()
    assert (user["username"], user["isLocal"]) == (USER, True)
    listed = server.admin.get(
        "/api/v1/authorization/access-rules", params={"filterBy": f"subjectId=={USER}"}
    ).json()["accessRules"]
    researcher, viewer = by_name("L1 researcher"), by_name("Viewer")
    assert researcher is not None
    assert viewer is not None
    assert {(it["roleId"], it["scopeType"], it["scopeId"]) for it in listed} == {
        (viewer.id, "tenant", "1001"),
        (researcher.id, "project", str(project_id)),
    }

    # And the user, once the password is its own, sees the project.
    first = server.client(server.token(USER, INITIAL))
    assert first.get("/api/v1/org-unit/projects").status_code == 403
    change = {"currentPassword": INITIAL, "newPassword": OWN}
    assert first.post("/api/v1/me/password", json=change).status_code == 200
    own = server.client(server.token(USER, OWN))
    assert [it["id"] for it in own.get("/api/v1/org-unit/projects").json()["projects"]] == [str(project_id)]
