"""What a name can be mistaken for: a machine is no person, whatever it is called."""

from __future__ import annotations

import pytest

from support.accounts import TOKEN, V1, payload, person, service_account
from support.server import ADMIN_EMAIL, Server


@pytest.mark.clause("subject.namespaces")
@pytest.mark.parametrize("path", ["/api/v1/service-accounts", "/api/v1/apps", "/api/v1/access-keys"])
def test_a_client_cannot_be_taken_for_a_person(server: Server, path: str) -> None:
    """RFC 9700, 4.15: who picks a client's name cannot pick that of a person, neither id nor address."""
    user_id, email, _ = person(server)
    for name in (user_id, email, ADMIN_EMAIL, user_id.upper()):
        assert server.admin.post(path, json={"name": name}).status_code == 400, name


def test_the_subject_of_a_machine_is_its_own(server: Server) -> None:
    machine = service_account(server)
    pair = {"client_id": machine.client_id, "client_secret": machine.secret}
    answers = [
        server.client().post(V1, json={"clientId": machine.client_id, "clientSecret": machine.secret}),
        server.client().post(TOKEN, data={"grant_type": "client_credentials", **pair}),
    ]
    people = {it["id"] for it in server.admin.get("/api/v1/users").json()}
    for answer in answers:
        body = answer.json()
        claims = payload(body.get("accessToken") or body["access_token"])
        assert claims["sub"] == machine.id
        assert claims["sub"] not in people


def test_a_person_cannot_be_taken_for_a_client(server: Server) -> None:
    machine = service_account(server)
    _, email, password = person(server)
    for name in (machine.client_id, machine.id, machine.name):
        body = {"grantType": "password", "username": name, "password": password}
        assert server.client().post(V1, json=body).status_code == 400
        body = {"clientId": email, "clientSecret": password}
        assert server.client().post(V1, json=body).status_code == 400
