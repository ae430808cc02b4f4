"""Service accounts, applications, access keys, user applications: shapes, names, who sees and does what."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runplane.server.authz.tables import access_rules
from runplane.server.core.ids import is_uuid, new_id
from runplane.server.core.secrets import is_well_formed
from runplane.server.identity.tables import client_secrets, clients
from support.credentials import (
    ACCESS_KEYS,
    FACES,
    PERSONAL,
    SERVICE_ACCOUNTS,
    TENANTS_OWN,
    TWINS,
    Face,
    acts,
    foreign,
    grant,
    name,
    opens,
    person,
    stored,
)
from support.server import ADMIN_EMAIL, Server

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

each_face = pytest.mark.parametrize("face", FACES, ids=lambda it: it.segment)
each_personal = pytest.mark.parametrize("face", PERSONAL, ids=lambda it: it.segment)
each_of_tenant = pytest.mark.parametrize("face", TENANTS_OWN, ids=lambda it: it.segment)


def absent(face: Face, key: str) -> dict[str, Any]:
    return {"code": 404, "message": f"There is no {face.entity.replace('-', ' ')} {key!r}."}


# Shapes


@each_face
def test_each_answer_has_the_members_of_the_contract(any_server: Server, face: Face) -> None:
    admin = any_server.admin
    answer = admin.post(face.path, json={"name": (wanted := name())})
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() == face.created_keys
    assert made["name"] == wanted
    assert is_uuid(made["id"])
    assert is_uuid(made["clientId"])
    assert is_well_formed(made[face.made])
    [item] = [it for it in face.items(admin.get(face.path)) if it["id"] == made["id"]]
    assert item.keys() == face.item_keys | {"expiresAt"}
    assert (item["name"], item["clientId"], item["lastLogin"]) == (wanted, made["clientId"], None)
    assert INSTANT.fullmatch(item["createdAt"])
    one = face.get(admin, made["id"])
    assert {key: one[key] for key in item} == item
    own = set() if face.personal else {"defaultPageSize"}
    assert one.keys() - item.keys() == {"secrets"} | own
    assert one["expiresAt"] is None
    assert one["secrets"] == [
        {"hint": made[face.made][-4:], "createdAt": item["createdAt"], "expiresAt": None, "lastUsedAt": None}
    ]


@each_of_tenant
def test_what_the_tenant_owns_says_who_made_it_and_whose_it_is(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    one = face.get(server.admin, made["id"])
    assert (one["createdBy"], one["tenantId"], one["enabled"]) == (ADMIN_EMAIL, "1001", True)
    assert one["updatedAt"] == one["createdAt"]


@each_face
def test_lists_are_in_the_order_of_creation(server: Server, face: Face) -> None:
    me = person(server, "System administrator").client
    made = [face.create(me, name=it)["id"] for it in (f"z{name()}", f"a{name()}", f"m{name()}")]
    found = [it["id"] for it in face.items(me.get(face.path))]
    assert [it for it in found if it in made] == made


@each_face
def test_both_faces_show_the_same_rows(any_server: Server, face: Face) -> None:
    twin, admin = TWINS[face], any_server.admin
    made = face.create(admin)
    assert twin.get(admin, made["id"]) == face.get(admin, made["id"])
    assert made["id"] in [it["id"] for it in twin.items(admin.get(twin.path))]
    assert opens(any_server, made["clientId"], made["_secret"])
    answer = admin.post(twin.path, json={"name": made["name"]})
    assert answer.status_code == 409
    assert admin.delete(f"{twin.path}/{made['id']}").status_code == 204
    assert admin.get(f"{face.path}/{made['id']}").status_code == 404


@pytest.mark.clause("secret.shown-once")
@each_face
def test_a_secret_is_in_the_answer_that_makes_it_and_nowhere_else(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    renewed = face.renew(server.admin, made["id"])
    shown = server.admin.get(face.path).text + server.admin.get(f"{face.path}/{made['id']}").text
    rows = str([stored(server, it) for it in (clients, client_secrets)]) + str(server.audit())
    for secret in (made["_secret"], renewed):
        assert secret not in shown + rows
        assert secret[4:20] not in shown + rows


@each_face
def test_changes_are_in_the_audit_log(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    face.renew(server.admin, made["id"], overlap="1h")
    server.admin.delete(f"{face.path}/{made['id']}")
    rows = server.audit(entity_id=made["id"])
    assert [(it["action"], it["entity_type"], it["entity_name"]) for it in rows] == [
        (action, face.entity, made["name"]) for action in ("create", "update", "delete")
    ]
    assert rows[1]["metadata"] == '{"fields":"secret","overlap":"1h"}'


# Names


@each_face
@pytest.mark.parametrize(
    "wrong",
    ["", "a", "Ab", "9a", "-ab", "ab-", "ab_", "a b", "ab\n", "é-a", "a" * 254, None, 7],
    ids=repr,
)
def test_a_name_outside_the_contract_is_refused(server: Server, face: Face, wrong: Any) -> None:
    before = len(stored(server, clients))
    answer = server.admin.post(face.path, json={"name": wrong})
    assert answer.status_code == 400
    assert "name" in answer.json()["message"]
    assert len(stored(server, clients)) == before


@each_face
def test_a_name_may_be_as_long_as_promised(any_server: Server, face: Face) -> None:
    face.create(any_server.admin, name=(name() + "a" * 253)[:253])


@each_face
def test_no_name_at_all_is_refused(server: Server, face: Face) -> None:
    answer = server.admin.post(face.path, json={})
    assert answer.status_code == 400
    assert "name" in answer.json()["message"]


@each_face
def test_a_name_is_taken_once(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    answer = any_server.admin.post(face.path, json={"name": made["name"]})
    assert answer.status_code == 409
    noun = face.entity.replace("-", " ").capitalize()
    assert answer.json() == {"code": 409, "message": f"{noun} {made['name']!r} already exists."}


def test_names_of_keys_are_unique_per_owner_and_apart_from_service_accounts(any_server: Server) -> None:
    taken = SERVICE_ACCOUNTS.create(any_server.admin)["name"]
    ACCESS_KEYS.create(any_server.admin, name=taken)
    ACCESS_KEYS.create(person(any_server).client, name=taken)


@each_face
def test_of_many_who_take_a_name_at_once_one_gets_it(any_server: Server, face: Face) -> None:
    wanted = name()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: any_server.admin.post(face.path, json={"name": wanted}), range(6)))
    assert sorted(it.status_code for it in answers) == [201, 409, 409, 409, 409, 409]


# Who may


@each_of_tenant
def test_without_the_permission_nothing_is_seen_or_done(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    me = person(server, "Viewer").client
    one = f"{face.path}/{made['id']}"
    answers = {
        "read": [me.get(face.path), me.get(one)],
        "create": [me.post(face.path, json={"name": name()})],
        "update": [me.patch(one, json={"enabled": False}), me.post(f"{one}/secret")],
        "delete": [me.delete(one)],
    }
    for action, refused in answers.items():
        for answer in refused:
            assert answer.status_code == 403
            assert f"{face.permission}:{action}" in answer.text
    assert face.get(server.admin, made["id"])["enabled"]
    assert opens(server, made["clientId"], made["_secret"])


@each_of_tenant
def test_who_may_read_only_reads_only(server: Server, face: Face) -> None:
    made = face.create(server.admin)
    me = person(server, "Editor").client
    assert face.get(me, made["id"])["name"] == made["name"]
    assert me.post(face.path, json={"name": name()}).status_code == 403
    assert me.post(f"{face.path}/{made['id']}/secret").status_code == 403


@pytest.mark.clause("authz.no-outranking")
@each_of_tenant
def test_nobody_rises_through_an_account_that_holds_more(any_server: Server, face: Face) -> None:
    admin = any_server.admin
    department = "/1001/c1/d1/"
    me = person(any_server, "Department administrator", department).client
    strong, weak, equal = (face.create(admin) for _ in range(3))
    grant(any_server, "service-account", strong["id"], "System administrator")
    grant(any_server, "service-account", equal["id"], "Department administrator", department)
    one = f"{face.path}/{strong['id']}"
    for answer in (me.patch(one, json={"enabled": False}), me.post(f"{one}/secret"), me.delete(one)):
        assert answer.status_code == 403
        assert answer.json()["message"] == "You may not do this to somebody who holds more than you do."
    assert face.get(admin, strong["id"])["enabled"]
    assert opens(any_server, strong["clientId"], strong["_secret"])
    for made in (weak, equal):
        assert me.patch(f"{face.path}/{made['id']}", json={"enabled": True}).status_code == 200
        face.renew(me, made["id"])
        assert me.delete(f"{face.path}/{made['id']}").status_code == 204


@each_personal
def test_people_see_and_change_their_own_keys_only(any_server: Server, face: Face) -> None:
    mine = face.create((owner := person(any_server)).client)
    other = person(any_server, "System administrator").client
    one = f"{face.path}/{mine['id']}"
    assert mine["id"] not in [it["id"] for it in face.items(other.get(face.path))]
    for answer in (other.get(one), other.post(f"{one}/secret"), other.delete(one)):
        assert answer.status_code == 404
        assert answer.json() == absent(face, mine["id"])
    assert opens(any_server, mine["clientId"], mine["_secret"])
    assert [it["id"] for it in face.items(owner.client.get(face.path))] == [mine["id"]]


@each_personal
def test_a_service_account_has_no_access_keys(server: Server, face: Face) -> None:
    account = SERVICE_ACCOUNTS.create(server.admin)
    grant(server, "service-account", account["id"], "System administrator")
    me = acts(server, account)
    one = f"{face.path}/{face.create(server.admin)['id']}"
    answers = [me.get(face.path), me.post(face.path, json={"name": name()}), me.get(one), me.delete(one)]
    for answer in [*answers, me.post(f"{one}/secret")]:
        assert answer.status_code == 403
        assert "belongs to a user" in answer.json()["message"]


@each_personal
def test_a_key_acts_as_its_owner(any_server: Server, face: Face) -> None:
    owner = person(any_server, "Editor")
    made = face.create(owner.client)
    me = acts(any_server, made)
    assert [it["id"] for it in face.items(me.get(face.path))] == [made["id"]]
    assert me.get(SERVICE_ACCOUNTS.path).status_code == 200
    assert me.post(SERVICE_ACCOUNTS.path, json={"name": name()}).status_code == 403


@pytest.mark.clause("limits.sizes")
@each_personal
def test_twenty_keys_are_the_most_also_when_many_are_made_at_once(any_server: Server, face: Face) -> None:
    me = person(any_server).client
    for _ in range(18):
        face.create(me)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: me.post(face.path, json={"name": name()}), range(6)))
    assert sorted(it.status_code for it in answers) == [201, 201, 400, 400, 400, 400]
    [sentence] = {it.json()["message"] for it in answers if it.status_code == 400}
    assert sentence == "You have 20 access keys, which is the most a user can have."
    keys = face.items(me.get(face.path))
    assert len(keys) == 20
    assert me.delete(f"{face.path}/{keys[0]['id']}").status_code == 204
    face.create(me)


# Administration


@each_personal
def test_administrators_see_everybodys_keys(any_server: Server, face: Face) -> None:
    owner, somebody = person(any_server), person(any_server)
    mine, theirs = face.create(owner.client), face.create(somebody.client)
    path = f"/api/v1/administration/{face.segment}"

    def found(**query: str) -> list[str]:
        items = face.items(any_server.admin.get(path, params=query))
        assert all(it.keys() == face.item_keys | {"createdBy", "expiresAt"} for it in items)
        return [it["id"] for it in items]

    assert {mine["id"], theirs["id"]} <= set(found())
    assert found(clientId=mine["clientId"]) == [mine["id"]]
    assert found(createdBy=owner.email) == found(createdBy=owner.email.lower()) == [mine["id"]]
    assert found(createdBy=owner.email, clientId=theirs["clientId"]) == []
    assert found(createdBy=owner.email[:-1]) == []
    assert any_server.admin.get(f"{path}?createdBy=a&createdBy=b").status_code == 400


@each_personal
def test_administrators_delete_the_keys_of_those_they_cover(any_server: Server, face: Face) -> None:
    path = f"/api/v1/administration/{face.segment}"
    strong, weak = face.create(any_server.admin), face.create(person(any_server, "Viewer").client)
    token = acts(any_server, weak)
    limited = person(any_server, "System administrator", "/1001/c1/d1/").client
    assert limited.delete(f"{path}/{strong['id']}").status_code == 403
    assert limited.delete(f"{path}/{weak['id']}").status_code == 403
    assert any_server.admin.delete(f"{path}/{weak['id']}").status_code == 204
    assert token.get(face.path).status_code == 401
    again = any_server.admin.delete(f"{path}/{weak['id']}")
    assert (again.status_code, again.json()) == (404, absent(face, weak["id"]))
    helpless = face.create(person(any_server).client)
    assert limited.delete(f"{path}/{helpless['id']}").status_code == 204
    [row] = any_server.audit(entity_id=helpless["id"], action="delete")
    assert (row["entity_type"], row["subject_type"]) == ("access-key", "User")


@each_personal
def test_without_the_permission_there_is_no_view_on_everybodys_keys(server: Server, face: Face) -> None:
    path = f"/api/v1/administration/{face.segment}"
    me = person(server, "Department administrator").client
    key = face.create(me)["id"]
    for answer, action in ((me.get(path), "read"), (me.delete(f"{path}/{key}"), "delete")):
        assert answer.status_code == 403
        assert f"access-keys:{action}" in answer.text
    account = SERVICE_ACCOUNTS.create(server.admin)
    refused = server.admin.delete(f"{path}/{account['id']}")
    assert (refused.status_code, refused.json()) == (404, absent(face, account["id"]))


# What is not there


@pytest.mark.clause("authz.hidden")
@each_face
def test_what_does_not_exist_or_is_another_kind_or_tenants_looks_the_same(
    any_server: Server, face: Face
) -> None:
    admin = any_server.admin
    other_kind = (SERVICE_ACCOUNTS if face.personal else ACCESS_KEYS).create(admin)["id"]
    foreign_key, foreign_client = foreign(any_server, face)
    for key in (new_id(), other_kind, foreign_key):
        one = f"{face.path}/{key}"
        answers = [admin.get(one), admin.post(f"{one}/secret"), admin.delete(one)]
        if not face.personal:
            answers.append(admin.patch(one, json={"enabled": False}))
        for answer in answers:
            assert (answer.status_code, answer.json()) == (404, absent(face, key))
    assert foreign_key not in admin.get(face.path).text
    if face.personal:
        view = f"/api/v1/administration/{face.segment}"
        assert foreign_key not in admin.get(view).text
        assert face.items(admin.get(view, params={"clientId": foreign_client})) == []
        assert admin.delete(f"{view}/{foreign_key}").status_code == 404
    [untouched] = stored(any_server, clients, id=foreign_key)
    assert untouched["enabled"]
    assert len(stored(any_server, client_secrets, client_key=foreign_key)) == 1


@each_of_tenant
def test_deleting_ends_tokens_and_access_rules(any_server: Server, face: Face) -> None:
    made = face.create(any_server.admin)
    rule = grant(any_server, "service-account", made["id"], "Editor")
    me = acts(any_server, made)
    assert me.get(face.path).status_code == 200
    answer = any_server.admin.delete(f"{face.path}/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert me.get(face.path).status_code == 401
    assert not opens(any_server, made["clientId"], made["_secret"])
    [row] = stored(any_server, access_rules, id=rule)
    assert row["deleted_by"] == ADMIN_EMAIL
    assert row["deleted_at"] == row["updated_at"] > row["created_at"]
    assert stored(any_server, client_secrets, client_key=made["id"]) == []
    namesake = acts(any_server, face.create(any_server.admin, name=made["name"]))
    assert namesake.get(face.path).status_code == 403


@each_personal
def test_deleting_a_key_ends_its_tokens_and_no_others(any_server: Server, face: Face) -> None:
    owner = person(any_server)
    first, second = face.create(owner.client), face.create(owner.client)
    by_first, by_second = acts(any_server, first), acts(any_server, second)
    assert by_second.delete(f"{face.path}/{first['id']}").status_code == 204
    assert by_first.get(face.path).status_code == 401
    assert by_second.get(face.path).status_code == 200
    assert not opens(any_server, first["clientId"], first["_secret"])
