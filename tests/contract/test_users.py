"""/api/v1/users over a real socket: shapes, refusals, races, and nobody rising by managing others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert, select, update

from runplane.server.api.users import service
from runplane.server.api.users.model import USERS as USERS_LISTING
from runplane.server.authz.catalogue import by_name
from runplane.server.authz.tables import access_rules, scope_nodes
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.ids import is_uuid, new_id
from runplane.server.core.secrets import digest, new_secret
from runplane.server.http.listing import parse_page
from runplane.server.identity import people
from runplane.server.identity.tables import client_secrets, clients, sessions, users
from runplane.server.sql.schema import tenants
from support.server import ADMIN_EMAIL, Server

USERS = "/api/v1/users"
TENANT = 1001
OTHER_TENANT = 2002
KEYS = {"id", "username", "createdBy", "createdAt", "updatedAt", "lastLogin", "isLocal", "groups"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
ABSENT = {"code": 404, "message": "There is no user with this id."}


def address() -> str:
    """An address of its own for each test, so that tests share a server in any order."""
    return f"p{uuid4().hex}@example.com"


def make(server: Server, email: str = "", client: httpx.Client | None = None) -> dict[str, Any]:
    answer = (client or server.admin).post(USERS, json={"email": email or address()})
    assert answer.status_code == 201, answer.text
    return answer.json()


def grant(server: Server, key: str, role: str, path: str = f"/{TENANT}/", kind: str = "user") -> None:
    """An access rule, put there by SQL: rooms do not depend on one another, and neither do their tests."""
    found = by_name(role)
    assert found is not None

    def job(unit: Any) -> None:
        values = {
            "tenant_id": TENANT,
            "subject_id": key,
            "subject_type": kind,
            "subject_kind": kind,
            "subject_key": key.lower(),
            "role_id": found.id,
            "role_name": role,
            "scope_type": "tenant",
            "scope_id": str(TENANT),
            "scope_name": "runai",
            "scope_path": path,
            "created_at": unit.now,
            "updated_at": unit.now,
            "created_by": "test",
        }
        unit.execute(insert(access_rules), values)
        unit.changed(TENANT)

    server.units.write(job)


def signed_in(server: Server, role: str | None = None, path: str = f"/{TENANT}/") -> tuple[Any, httpx.Client]:
    """A new person with a password of its own, and a client that acts as it."""
    user = make(server)
    if role is not None:
        grant(server, user["username"], role, path)
    user["password"] = "copper-lantern-eight-maps"
    first = server.client(server.token(user["username"], user["tempPassword"]))
    body = {"currentPassword": user["tempPassword"], "newPassword": user["password"]}
    assert first.post("/api/v1/me/password", json=body).status_code == 200
    return user, server.client(server.token(user["username"], user["password"]))


def foreign_user(server: Server) -> str:
    """A person of another tenant."""
    user_id = new_id()

    def job(unit: Any) -> None:
        if unit.execute(select(tenants.c.id).where(tenants.c.id == OTHER_TENANT)).first() is None:
            unit.execute(
                insert(tenants),
                {"id": OTHER_TENANT, "name": "elsewhere", "created_at": unit.now, "version": 1},
            )
        values = {
            "id": user_id,
            "tenant_id": OTHER_TENANT,
            "email": f"{user_id}@elsewhere.com",
            "email_key": f"{user_id}@elsewhere.com",
            "is_local": True,
            "enabled": True,
            "created_by": "test",
            "created_at": unit.now,
            "updated_at": unit.now,
        }
        unit.execute(insert(users), values)

    server.units.write(job)
    return user_id


def set_columns(server: Server, user_id: str, **values: Any) -> None:
    server.units.write(lambda unit: unit.execute(update(users).where(users.c.id == user_id).values(**values)))


# Shapes


def test_creating_answers_what_the_contract_says(any_server: Server) -> None:
    email = address()
    answer = any_server.admin.post(USERS, json={"email": email, "resetPassword": False, "notify": None})
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", "username", "tempPassword"}
    assert is_uuid(made["id"])
    assert made["username"] == email
    assert any_server.token(email, made["tempPassword"])


def test_a_user_has_every_key_and_null_where_nothing_is_known(any_server: Server) -> None:
    made = make(any_server)
    user = any_server.admin.get(f"{USERS}/{made['id']}").json()
    assert set(user) == KEYS
    assert (user["id"], user["username"], user["createdBy"]) == (made["id"], made["username"], ADMIN_EMAIL)
    assert INSTANT.match(user["createdAt"])
    assert user["updatedAt"] == user["createdAt"]
    assert (user["lastLogin"], user["isLocal"], user["groups"]) == (None, True, None)


def test_groups_and_last_login_are_shown(any_server: Server) -> None:
    made = make(any_server)
    any_server.token(made["username"], made["tempPassword"])
    set_columns(any_server, made["id"], groups=json.dumps(["ml", "ops"]), is_local=False)
    user = any_server.admin.get(f"{USERS}/{made['id']}").json()
    assert INSTANT.match(user["lastLogin"])
    assert (user["groups"], user["isLocal"]) == (["ml", "ops"], False)


def test_the_list_is_a_bare_array_of_the_same_objects(any_server: Server) -> None:
    made = make(any_server)
    listed = any_server.admin.get(USERS).json()
    one = any_server.admin.get(f"{USERS}/{made['id']}").json()
    assert one in listed
    assert "link" not in any_server.admin.get(USERS).headers


def test_successes_without_a_body_have_none(any_server: Server) -> None:
    made = make(any_server)
    out = any_server.admin.post(f"{USERS}/{made['id']}/logout")
    gone = any_server.admin.delete(f"{USERS}/{made['id']}")
    assert (out.status_code, out.content, gone.status_code, gone.content) == (200, b"", 204, b"")


# Listing


@pytest.fixture
def family(any_server: Server) -> tuple[Server, str, list[str]]:
    """Three people whose addresses share a mark, in alphabetical order."""
    mark = f"m{uuid4().hex}"
    names = [f"{mark}.{name}@example.com" for name in ("ada", "bob", "cy")]
    for name in (names[2], names[0], names[1]):
        make(any_server, name)
    return any_server, mark, names


def usernames(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [user["username"] for user in answer.json()]


def test_search_and_contains_ignore_case(family: tuple[Server, str, list[str]]) -> None:
    server, mark, names = family
    assert sorted(usernames(server.admin.get(USERS, params={"search": mark.upper()}))) == names
    assert (
        sorted(usernames(server.admin.get(USERS, params={"filterBy": f"username=@{mark.upper()}"}))) == names
    )
    assert usernames(server.admin.get(USERS, params={"filterBy": f"username=={names[1]}"})) == [names[1]]


@pytest.mark.clause("authz.lists-agree")
def test_count_agrees_with_the_list(family: tuple[Server, str, list[str]]) -> None:
    server, mark, names = family
    for params in ({"search": mark}, {"filterBy": f"username=@{mark},username<={names[1]}"}, {}):
        listed = server.admin.get(USERS, params=params).json()
        assert server.admin.get(f"{USERS}/count", params=params).json() == {"count": len(listed)}


@pytest.mark.parametrize(
    "field", ["username", "createdBy", "lastLogin", "creationTime", "lastUpdated", "type"]
)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_promised_order_is_taken(any_server: Server, field: str, order: str) -> None:
    answer = any_server.admin.get(USERS, params={"sortBy": field, "sortOrder": order})
    assert answer.status_code == 200, answer.text


def test_sorted_pages_join_into_the_whole(family: tuple[Server, str, list[str]]) -> None:
    server, mark, names = family
    url = f"{USERS}?search={mark}&sortBy=username&sortOrder=desc&limit=2"
    first = server.admin.get(url)
    assert first.links["next"]["url"] == f"{url}&offset=2"
    second = server.admin.get(first.links["next"]["url"])
    assert "next" not in second.links
    assert usernames(first) + usernames(second) == names[::-1]


def test_local_people_sort_before_the_others(family: tuple[Server, str, list[str]]) -> None:
    server, mark, names = family
    found = server.admin.get(USERS, params={"search": names[0]}).json()
    set_columns(server, found[0]["id"], is_local=False)
    assert usernames(server.admin.get(USERS, params={"search": mark, "sortBy": "type"}))[-1] == names[0]
    for params in ({"filterBy": "isLocal==false"}, {"filter": "runai.is_local:false"}):
        assert usernames(server.admin.get(USERS, params={**params, "search": mark})) == [names[0]]
    both = {"filter": "runai.is_local:true", "filterBy": f"username=@{mark}"}
    assert sorted(usernames(server.admin.get(USERS, params=both))) == names[1:]


def test_times_filter_by_instant(any_server: Server) -> None:
    made = make(any_server)
    user = any_server.admin.get(f"{USERS}/{made['id']}").json()
    at = user["createdAt"]
    for term, expected in (
        (f"creationTime=={at}", True),
        (f"creationTime>={at}", True),
        ("creationTime<=2020-01-01", False),
    ):
        found = usernames(any_server.admin.get(USERS, params={"filterBy": term}))
        assert (made["username"] in found) is expected, term
    # never signed in: no instant, so no comparison holds
    found = usernames(any_server.admin.get(USERS, params={"filterBy": "lastLogin<=2099-01-01"}))
    assert made["username"] not in found


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"filterBy": "username!=a"}, "must be followed by one of"),
        ({"filterBy": "username=^a"}, "must be followed by one of"),
        ({"filterBy": "isLocal>=true"}, "must be followed by one of"),
        ({"filterBy": "lastLogin=@2024"}, "must be followed by one of"),
        ({"filterBy": "type==local"}, "does not know the field"),
        ({"filterBy": "isLocal==maybe"}, "must be true or false"),
        ({"filterBy": "creationTime>=yesterday"}, "must be a date and time"),
        ({"sortBy": "isLocal"}, "sortBy must be one of"),
        ({"limit": "501"}, "from 1 to 500"),
        ({"limit": "0"}, "from 1 to 500"),
        ({"offset": "-1"}, "offset"),
        ({"filter": "runai.is_admin:true"}, "filter takes"),
        ({"filter": "runai.is_local:yes"}, "filter takes"),
    ],
)
def test_what_the_list_does_not_offer_is_refused(server: Server, params: dict[str, str], words: str) -> None:
    answer = server.admin.get(USERS, params=params)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_one_statement_reads_one_user_and_one_a_page(any_server: Server) -> None:
    user = make(any_server)
    page = parse_page(USERS_LISTING, {"filterBy": [f"username=={user['username']}"], "filter": []})

    def reads(unit: Any) -> int:
        assert service.get_user(unit, TENANT, user["id"])[1] == user["username"]
        rows, _ = service.list_users(unit, TENANT, page, "runai.is_local:true")
        assert [row[0] for row in rows] == [user["id"]]
        assert service.count_users(unit, TENANT, page) == 1
        return unit.statements

    assert any_server.units.read(reads) == 3


# Creating


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "a@b",
        "a b@example.com",
        "ü@example.com",
        "a@example.com\n",
        "a@example.c0m",
        "<a@example.com>",
        "a" * 250 + "@example.com",
    ],
)
def test_what_is_no_address_is_refused(server: Server, email: str) -> None:
    answer = server.admin.post(USERS, json={"email": email})
    assert answer.status_code == 400
    assert answer.json()["message"] == "email must be an e-mail address such as name@example.com."


def test_a_body_without_an_address_is_refused(server: Server) -> None:
    assert server.admin.post(USERS, json={}).status_code == 400
    assert server.admin.post(USERS, json={"email": None}).status_code == 400
    assert server.admin.post(USERS, json={"email": address(), "notify": "yes"}).status_code == 400


def test_an_address_is_taken_whatever_its_case(any_server: Server) -> None:
    email = address()
    make(any_server, email)
    answer = any_server.admin.post(USERS, json={"email": email.upper()})
    assert answer.status_code == 409
    assert answer.json()["message"] == f"User {email.upper()!r} already exists."


def test_of_many_who_create_one_address_one_succeeds(any_server: Server) -> None:
    email = address()
    client = any_server.admin
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(USERS, json={"email": email}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert "already exists" in answer.json()["message"]


@pytest.mark.clause("password.temporary")
def test_a_temporary_password_only_changes_itself(any_server: Server) -> None:
    made = make(any_server)
    grant(any_server, made["username"], "System administrator")
    client = any_server.client(any_server.token(made["username"], made["tempPassword"]))
    refused = client.get(USERS)
    assert refused.status_code == 403
    assert "temporary password" in refused.json()["message"]


@pytest.mark.clause("password.temporary")
def test_a_temporary_password_runs_out(make_server: Callable[..., Server]) -> None:
    server = make_server()
    made = make(server)
    server.clock.advance(72 * 3600 - 60)
    assert server.token(made["username"], made["tempPassword"])
    server.clock.advance(120)
    with pytest.raises(httpx.HTTPStatusError):
        server.token(made["username"], made["tempPassword"])


def test_the_audit_log_says_that_no_mail_was_sent(any_server: Server) -> None:
    made = any_server.admin.post(USERS, json={"email": address(), "notify": True}).json()
    (row,) = any_server.audit(entity_id=made["id"], action="create")
    assert "no mail was sent" in json.loads(row["metadata"])["notify"]
    assert (row["subject"], row["entity_type"], row["entity_name"]) == (ADMIN_EMAIL, "user", made["username"])
    assert made["tempPassword"] not in json.dumps(row)


# Resetting, signing out, deleting


def test_a_reset_ends_what_was_and_gives_a_temporary_password(any_server: Server) -> None:
    user, client = signed_in(any_server, "System administrator")
    assert client.get(USERS).status_code == 200
    answer = any_server.admin.post(f"{USERS}/{user['id']}/password")
    assert answer.status_code == 200
    assert set(answer.json()) == {"tempPassword"}
    refused = client.get(USERS)
    assert (refused.status_code, refused.json()["reason"]) == (401, "revoked")
    with pytest.raises(httpx.HTTPStatusError):
        any_server.token(user["username"], user["password"])
    again = any_server.client(any_server.token(user["username"], answer.json()["tempPassword"]))
    assert again.get(USERS).status_code == 403
    (row,) = any_server.audit(entity_id=user["id"], action="reset-password")
    assert answer.json()["tempPassword"] not in json.dumps(row)


def test_a_reset_lifts_the_lock_that_wrong_guesses_put_on_the_old_password(
    make_server: Callable[..., Server],
) -> None:
    server = make_server()
    user = make(server)
    for number in range(12):
        with pytest.raises(httpx.HTTPStatusError):
            server.token(user["username"], f"wrong guess number {number}")
    with pytest.raises(httpx.HTTPStatusError):
        server.token(user["username"], user["tempPassword"])
    fresh = server.admin.post(f"{USERS}/{user['id']}/password").json()["tempPassword"]
    assert server.token(user["username"], fresh)


def test_passwords_kept_elsewhere_are_not_reset(any_server: Server) -> None:
    made = make(any_server)
    set_columns(any_server, made["id"], is_local=False, password_hash=None, password_expires_at=None)
    answer = any_server.admin.post(f"{USERS}/{made['id']}/password")
    assert answer.status_code == 400
    assert "identity provider" in answer.json()["message"]


def test_nobody_resets_its_own_password_without_knowing_it(any_server: Server) -> None:
    user, client = signed_in(any_server, "System administrator")
    answer = client.post(f"{USERS}/{user['id']}/password")
    assert answer.status_code == 400
    assert "POST /api/v1/me/password" in answer.json()["message"]
    assert any_server.token(user["username"], user["password"])


def test_signing_somebody_out_ends_tokens_and_refresh_tokens(any_server: Server) -> None:
    user, client = signed_in(any_server, "Editor")
    # so that the server has it in its memory
    assert client.get(USERS).status_code == 200
    login = {"grantType": "password", "username": user["username"], "password": user["password"]}
    refresh = any_server.client().post("/api/v1/token", json=login).json()["refreshToken"]
    assert any_server.admin.post(f"{USERS}/{user['id']}/logout").status_code == 200
    refused = client.get(USERS)
    assert (refused.status_code, refused.json()["reason"]) == (401, "revoked")
    renewed = any_server.client().post(
        "/api/v1/token", json={"grantType": "refresh_token", "refreshToken": refresh, "clientId": "runai"}
    )
    assert renewed.status_code == 400
    assert any_server.token(user["username"], user["password"])
    assert len(any_server.audit(entity_id=user["id"], action="sign-out")) == 1


def test_deleting_takes_rules_keys_sessions_and_tokens_along(any_server: Server) -> None:
    user, client = signed_in(any_server, "System administrator")
    key = {
        "id": new_id(),
        "tenant_id": TENANT,
        "kind": "access-key",
        "name": "k",
        "client_id": new_id(),
        "owner_id": user["id"],
        "enabled": True,
        "created_by": user["username"],
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
    }
    any_server.units.write(lambda unit: unit.execute(insert(clients), key))
    assert any_server.admin.delete(f"{USERS}/{user['id']}").status_code == 204

    def left(unit: Any) -> tuple[int, int, list[Any]]:
        rules = select(access_rules.c.deleted_at, access_rules.c.deleted_by).where(
            access_rules.c.subject_key == user["username"]
        )
        return (
            len(unit.execute(select(clients).where(clients.c.owner_id == user["id"])).all()),
            len(unit.execute(select(sessions).where(sessions.c.user_id == user["id"])).all()),
            unit.execute(rules).all(),
        )

    keys, open_sessions, rules = any_server.units.read(left)
    assert (keys, open_sessions, len(rules)) == (0, 0, 1)
    assert rules[0].deleted_at is not None
    assert rules[0].deleted_by == ADMIN_EMAIL
    refused = client.get(USERS)
    assert (refused.status_code, refused.json()["reason"]) == (401, "deleted")
    assert any_server.admin.get(f"{USERS}/{user['id']}").status_code == 404


def test_one_who_comes_back_under_an_old_address_has_nothing_of_before(any_server: Server) -> None:
    user, _ = signed_in(any_server, "System administrator")
    any_server.admin.delete(f"{USERS}/{user['id']}")
    again = make(any_server, user["username"])
    body = {"currentPassword": again["tempPassword"], "newPassword": user["password"]}
    client = any_server.client(any_server.token(again["username"], again["tempPassword"]))
    assert client.post("/api/v1/me/password", json=body).status_code == 200
    client = any_server.client(any_server.token(again["username"], user["password"]))
    assert client.get(USERS).status_code == 403


def test_nobody_deletes_itself(any_server: Server) -> None:
    user, client = signed_in(any_server, "System administrator")
    answer = client.delete(f"{USERS}/{user['id']}")
    assert answer.status_code == 400
    assert answer.json()["message"] == "You cannot delete yourself; ask another administrator to do it."
    assert client.get(f"{USERS}/{user['id']}").status_code == 200


def test_the_last_local_administrator_stays(make_server: Callable[..., Server]) -> None:
    server = make_server()
    user, client = signed_in(server, "System administrator")
    (first,) = server.admin.get(USERS, params={"filterBy": f"username=={ADMIN_EMAIL}"}).json()
    # the only other administrator signs in elsewhere: with the first gone nobody could use a password
    set_columns(server, user["id"], is_local=False)
    refused = client.delete(f"{USERS}/{first['id']}")
    assert refused.status_code == 409
    assert "last System administrator" in refused.json()["message"]
    assert server.admin.get(f"{USERS}/{first['id']}").status_code == 200
    set_columns(server, user["id"], is_local=True)
    assert client.delete(f"{USERS}/{first['id']}").status_code == 204


@pytest.mark.clause("authz.last-administrator")
def test_two_administrators_who_delete_each_other_cannot_both(any_server: Server) -> None:
    ada, as_ada = signed_in(any_server, "System administrator")
    bob, as_bob = signed_in(any_server, "System administrator")
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(as_ada.delete, f"{USERS}/{bob['id']}")
        other = pool.submit(as_bob.delete, f"{USERS}/{ada['id']}")
        statuses = [one.result().status_code, other.result().status_code]
    # the loser comes too late to be known (401) or its victim is gone already; at least one got through
    assert 204 in statuses
    assert any_server.admin.get(USERS).status_code == 200


# On the host


def on_host(server: Server, email: str) -> people.HostReset:
    identity = server.app.identity
    return people.reset_password_on_host(
        server.units, identity.hasher, TENANT, email, temporary_seconds=3600, journal=identity.journal
    )


def test_whoever_has_the_database_can_reset_a_password(any_server: Server) -> None:
    user, client = signed_in(any_server, "System administrator")
    reset = on_host(any_server, f" {user['username'].upper()} ")
    assert reset.email == user["username"]
    assert reset.password not in repr(reset)
    assert (client.get(USERS).status_code, client.get(USERS).json()["reason"]) == (401, "revoked")
    with pytest.raises(httpx.HTTPStatusError):
        any_server.token(user["username"], user["password"])
    assert any_server.token(user["username"], reset.password)
    (row,) = any_server.audit(entity_id=user["id"], action="reset-password")
    assert row["subject"] == "runplane admin"
    assert reset.password not in json.dumps(row)


def test_a_reset_on_the_host_names_what_is_wrong(any_server: Server) -> None:
    with pytest.raises(NotFound, match="There is no user with the e-mail address"):
        on_host(any_server, "nobody@example.com")
    made = make(any_server)
    set_columns(any_server, made["id"], is_local=False)
    with pytest.raises(Invalid, match="identity provider"):
        on_host(any_server, made["username"])


# The official client


def machine(server: Server) -> tuple[str, str]:
    """Client id and secret of a new service account that may do everything."""
    key, secret = new_id(), new_secret()

    def job(unit: Any) -> None:
        row = {
            "id": key,
            "tenant_id": TENANT,
            "kind": "service-account",
            "name": f"n{key}",
            "client_id": key,
            "owner_id": "",
            "enabled": True,
            "created_by": "test",
            "created_at": unit.now,
            "updated_at": unit.now,
        }
        unit.execute(insert(clients), row)
        stored = {"client_key": key, "digest": digest(secret), "hint": "", "created_at": unit.now}
        unit.execute(insert(client_secrets), {"id": new_id(), **stored})

    server.units.write(job)
    grant(server, key, "System administrator", kind="service-account")
    return key, secret


# its own sources warn when they are compiled for the first time
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_the_official_client_manages_people(server: Server) -> None:
    from runai.api import UsersApi
    from runai.api_client import ApiClient
    from runai.configuration import Configuration
    from runai.models.user_creation_request1 import UserCreationRequest1
    from runai.models.users_filter_sort_fields import UsersFilterSortFields

    key, secret = machine(server)
    config = Configuration(client_id=key, client_secret=secret, runai_base_url=server.url)
    mark = f"m{uuid4().hex}"
    with ApiClient(config) as client:
        api = UsersApi(client)
        made = [
            api.create_user(UserCreationRequest1(email=f"{mark}.{name}@example.com", notify=True)).data
            for name in ("bob", "ada")
        ]
        listed = api.get_users(
            filter_by=[f"username=@{mark}", "isLocal==true"],
            sort_by=UsersFilterSortFields.USERNAME,
            sort_order="desc",
            limit=10,
        ).data
        assert [user["id"] for user in listed] == [user["id"] for user in made]
        assert api.count_users(filter_by=[f"username=@{mark}"]).data == {"count": 2}
        assert api.get_user_by_id(made[0]["id"]).data == listed[0]
        assert set(api.reset_user_password(made[0]["id"]).data) == {"tempPassword"}
        assert api.logout_user(made[0]["id"]).status_code == 200
        assert api.delete_user_by_id(made[0]["id"]).status_code == 204
        assert api.count_users(search=mark).data == {"count": 1}


# Refusals


@pytest.mark.clause("authz.hidden")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/password"), ("POST", "/logout")],
)
def test_unknown_and_foreign_ids_look_the_same(any_server: Server, method: str, path: str) -> None:
    foreign = foreign_user(any_server)
    for user_id in (foreign, new_id(), "x", "%F0%9F%92%A9", "a" * 3000):
        answer = any_server.admin.request(method, f"{USERS}/{user_id}{path}")
        assert (answer.status_code, answer.json()) == (404, ABSENT)


@pytest.mark.clause("authz.hidden-in-lists")
def test_another_tenants_people_are_in_no_list_and_no_count(any_server: Server) -> None:
    before = any_server.admin.get(f"{USERS}/count").json()["count"]
    foreign = foreign_user(any_server)
    assert any_server.admin.get(f"{USERS}/count").json()["count"] == before
    assert foreign not in any_server.admin.get(USERS).text
    assert usernames(any_server.admin.get(USERS, params={"search": foreign})) == []


@pytest.mark.clause("enumeration.create-user")
def test_an_address_of_another_tenant_is_free_here(any_server: Server) -> None:
    foreign = foreign_user(any_server)
    make(any_server, f"{foreign}@elsewhere.com")


def test_without_a_token_nothing_happens(server: Server) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", "/count"),
        ("DELETE", "/x"),
        ("POST", "/x/logout"),
    ):
        assert server.client().request(method, USERS + path).status_code == 401


def test_whoever_may_only_look_changes_nothing(any_server: Server) -> None:
    victim = make(any_server)
    _, viewer = signed_in(any_server, "Editor")
    assert viewer.get(USERS).status_code == 200
    for method, path, permission in (
        ("POST", "", "users:create"),
        ("DELETE", f"/{victim['id']}", "users:delete"),
        ("POST", f"/{victim['id']}/password", "users:update"),
        ("POST", f"/{victim['id']}/logout", "users:update"),
    ):
        answer = viewer.request(method, USERS + path, json={"email": address()})
        assert answer.status_code == 403
        assert permission in answer.json()["message"]
    assert any_server.token(victim["username"], victim["tempPassword"])


@pytest.mark.clause("authz.no-outranking")
def test_nobody_manages_somebody_who_holds_more(any_server: Server) -> None:
    path = department(any_server)
    _, small = signed_in(any_server, "System administrator", path)
    big, _ = signed_in(any_server, "System administrator")
    for method, action in (("DELETE", ""), ("POST", "/password"), ("POST", "/logout")):
        answer = small.request(method, f"{USERS}/{big['id']}{action}")
        assert answer.status_code == 403
        assert "holds more than you do" in answer.json()["message"]
    assert any_server.token(big["username"], big["password"])
    # the same caller manages somebody of the same department, and somebody without any rule
    peer, _ = signed_in(any_server, "Viewer", path)
    assert small.post(f"{USERS}/{peer['id']}/password").status_code == 200
    assert small.delete(f"{USERS}/{make(any_server)['id']}").status_code == 204


def test_an_address_with_rules_waiting_is_not_a_way_up(any_server: Server) -> None:
    path = department(any_server)
    _, small = signed_in(any_server, "System administrator", path)
    promised = address()
    grant(any_server, promised, "System administrator")
    for spelling in (promised, promised.upper()):
        answer = small.post(USERS, json={"email": spelling})
        assert answer.status_code == 403
        assert "tempPassword" not in answer.text
    assert make(any_server, client=small)["tempPassword"]
    assert make(any_server, promised)["tempPassword"]


def department(server: Server) -> str:
    """The path of a new department."""
    ref = uuid4().hex[:8]
    path = f"/{TENANT}/{uuid4()}/d{ref}/"
    values = {"type": "department", "ref": ref, "tenant_id": TENANT, "name": ref, "path": path}
    server.units.write(lambda unit: unit.execute(insert(scope_nodes), values))
    return path


def test_the_quick_first_page_is_the_page(server: Server) -> None:
    """The start of the list is read on the event loop, the rest on a thread: one answer, one order."""
    for _ in range(3):
        server.admin.post("/api/v1/users", json={"email": f"{new_id()}@example.com"}).raise_for_status()
    whole = server.admin.get("/api/v1/users?limit=500").json()
    quick = server.admin.get("/api/v1/users?limit=2")
    assert quick.json() == whole[:2]
    assert server.admin.get("/api/v1/users", params={"limit": 2, "offset": 1}).json() == whole[1:3]
    slow = server.admin.get("/api/v1/users", params={"limit": 2, "search": "@"})
    assert slow.json() == quick.json()
    assert slow.headers["link"].startswith(quick.headers["link"][:20])
