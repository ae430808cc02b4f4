"""What the official client puts on the wire that no document says: one test per row of contract/quirks.md.

Rows about families that are not built have no test yet; the table says which, and one test reads the table.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from runplane.server.app import operations_for_inspection
from runplane.server.http.router import Router
from runplane.server.identity.tables import users
from support.runapy import (
    ApiClient,
    ApiException,
    AsyncApiClient,
    Configuration,
    Scene,
    api,
    configuration,
    faults,
    fresh,
    models,
    recorded,
)
from support.server import ADMIN_EMAIL, Server

RULES = "/api/v1/authorization/access-rules"

pytestmark = [
    # The client drops its first transport without closing it when it becomes asynchronous.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def scene(server: Server) -> Scene:
    return Scene(server)


@pytest.fixture(scope="module")
def client(scene: Scene) -> Iterator[ApiClient]:
    made = ApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret))
    yield made
    made.close()


def asynchronously(scene: Scene, use: Any) -> Any:
    """What `use` awaits to, given an asynchronous client."""

    async def run() -> Any:
        it = AsyncApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret))
        try:
            return await use(it)
        finally:
            await it.close()

    return asyncio.run(run())


def plain(server: Server, method: str, url: str, token: str, headers: dict[str, str] | None = None) -> Any:
    """A request whose address goes out exactly as written; returns status and body."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, url, headers={"authorization": f"Bearer {token}", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_each_row_of_the_table_has_its_test_or_says_why_not(repository: Path) -> None:
    text = (repository / "contract" / "quirks.md").read_text("utf-8")
    rows = [line.split("|")[1:-1] for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    for number, _, ours, cell in rows:
        (name,) = re.findall(r"`(test_\w+)`", cell)
        waits = ours.strip().startswith("Not built yet")
        assert (name in globals()) is not waits, f"row {number.strip()}: {name}"


# On the way in


def test_underscores_of_a_path_arrive_as_hyphens(scene: Scene, client: ApiClient) -> None:
    with recorded(scene.server) as seen, pytest.raises(ApiException) as refused:
        api.UsersApi(client).get_user_by_id("no_such_user")
    assert refused.value.status == 404
    assert seen[-1].path == "/api/v1/users/no-such-user"
    ids = [it["id"] for it in api.UsersApi(client).get_users().data]
    ids += [it["id"] for it in api.ServiceAccountsApi(client).get_service_accounts().data]
    ids += [str(it["id"]) for it in api.AccessRulesApi(client).get_access_rules().data["accessRules"]]
    assert ids
    assert [it for it in ids if "_" in it] == []


@pytest.mark.parametrize("given", ["a/b", "a?b=c", "a/../b"])
def test_reserved_characters_in_an_id_are_a_plain_404(given: str, client: ApiClient) -> None:
    with pytest.raises(ApiException) as refused:
        api.UsersApi(client).get_user_by_id(given)
    assert refused.value.status == 404
    assert set(refused.value.data) <= {"code", "message", "details"}


def test_bare_question_mark_is_no_query(scene: Scene) -> None:
    token = scene.server.client_token(scene.machine.client_id, scene.machine.secret)
    assert plain(scene.server, "GET", "/api/v1/users/count?", token) == plain(
        scene.server, "GET", "/api/v1/users/count", token
    )


def test_lists_arrive_joined_encoded_or_repeated(scene: Scene, client: ApiClient) -> None:
    mark = fresh("list,comma")
    scene.rule("group", mark, 7)
    conditions = [f"subjectId=@{mark}", "scopeType==tenant"]
    with recorded(scene.server) as seen:
        joined = api.AccessRulesApi(client).count_access_rules(filter_by=conditions).data
        loose = asynchronously(
            scene, lambda it: api.AccessRulesApi(it).count_access_rules(filter_by=conditions)
        ).data
    queries = [it.query for it in seen if it.path.endswith("/count")]
    assert "%2C" in queries[0]
    assert "filterBy" in queries[1]
    repeated = scene.server.admin.get(f"{RULES}/count", params={"filterBy": conditions}).json()
    assert joined == loose == repeated == {"count": 1}


def test_enum_members_are_read_from_their_python_names(scene: Scene, client: ApiClient) -> None:
    for name in ("b", "a", "c"):
        scene.rule("group", f"{name}-{fresh('enum')}", 7)
    with recorded(scene.server) as seen:
        answer = api.AccessRulesApi(client).get_access_rules(
            sort_by=models.AccessRulesSortFilterFields.SUBJECTID, sort_order="desc", limit=50
        )
    assert "sortBy=AccessRulesSortFilterFields.SUBJECTID" in seen[-1].query
    named = scene.server.admin.get(RULES, params={"sortBy": "subjectId", "sortOrder": "desc", "limit": 50})
    found = [it["subjectId"] for it in answer.data["accessRules"]]
    assert found == [it["subjectId"] for it in named.json()["accessRules"]]
    assert found == sorted(found, reverse=True)


def test_audit_file_takes_both_spellings_of_file_type(scene: Scene, client: ApiClient) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    scene.server.flush()
    with recorded(scene.server) as seen:
        camel = api.AuditLogsApi(client).download_audit_logs(start, end, file_type="JSON").data
    assert "fileType=JSON" in seen[-1].query
    span = {"start": start.isoformat(), "end": end.isoformat()}
    snake = scene.server.admin.get("/api/v1/audit/log/file", params={**span, "file_type": "JSON"})
    assert {it["id"] for it in camel} <= {it["id"] for it in snake.json()}
    csv = scene.server.admin.get("/api/v1/audit/log/file", params={**span, "file_type": "CSV"})
    assert csv.text.startswith("id,")


def test_token_without_a_form_is_an_oauth_error(scene: Scene, client: ApiClient) -> None:
    with recorded(scene.server) as seen, pytest.raises(ApiException) as refused:
        api.TokensApi(client).grant_token_v2("client_credentials", client_id="a", client_secret="b")
    assert seen[-1].body == b""
    assert refused.value.status == 400
    assert refused.value.data["error"] == "invalid_request"
    assert "form" in refused.value.data["error_description"]


def test_empty_chunked_body_is_an_empty_value(scene: Scene, client: ApiClient) -> None:
    account = scene.service_account()
    with recorded(scene.server) as seen, pytest.raises(ApiException) as refused:
        api.ServiceAccountsApi(client).update_service_account_by_id(account.id, {})
    assert seen[-1].headers["transfer-encoding"] == "chunked"
    assert seen[-1].body == b""
    # It was read as an object without members, and answered as one.
    as_object = scene.server.admin.patch(f"/api/v1/service-accounts/{account.id}", json={})
    assert (refused.value.status, refused.value.data) == (as_object.status_code, as_object.json())


def test_body_encoded_twice_is_decoded_twice(scene: Scene) -> None:
    name = fresh("twice")
    with recorded(scene.server) as seen:
        made = asynchronously(
            scene,
            lambda it: api.ServiceAccountsApi(it).create_service_account(
                models.ServiceAccountCreationRequest(name=name)
            ),
        )
    assert isinstance(json.loads(seen[-1].body), str)
    assert made.data["name"] == name
    thrice = json.dumps(json.dumps(json.dumps({"name": fresh("thrice")})))
    answer = scene.server.admin.post(
        "/api/v1/service-accounts", content=thrice, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400


def test_defaults_in_a_patch_do_no_harm(scene: Scene, client: ApiClient) -> None:
    """A label is changed through the client's model; what others decided about the pool stays."""
    cluster = scene.post("/api/v1/clusters", {"name": fresh("cluster")})["uuid"]
    decided = {"overProvisioningRatio": 3, "gpuNetworkAccelerationDetection": "Use"}
    body = {"name": fresh("pool"), "clusterId": cluster, "labelKey": "kind", "labelValue": "a", **decided}
    path = f"/api/v1/node-pools/{scene.post('/api/v1/node-pools', body)['id']}"
    pools, pool_id = api.NodePoolsApi(client), path.rpartition("/")[2]

    def stored() -> dict[str, Any]:
        shown = scene.server.admin.get(path).json()
        return {name: shown[name] for name in ("labelValue", *decided)}

    with recorded(scene.server) as seen:
        pools.patch_nodepool(pool_id, models.NodepoolUpdateFields(labelKey="kind", labelValue="b"))
    sent = json.loads(seen[-1].body)
    assert (sent["overProvisioningRatio"], sent["gpuNetworkAccelerationDetection"]) == (1, "Auto")
    assert stored() == {"labelValue": "b", **decided}
    # What its user does write counts, also a default that comes alone.
    pools.patch_nodepool(pool_id, models.NodepoolUpdateFields(overProvisioningRatio=2))
    assert stored()["overProvisioningRatio"] == 2
    pools.patch_nodepool(pool_id, {"overProvisioningRatio": 1})
    assert stored() == {"labelValue": "b", **decided, "overProvisioningRatio": 1}
    # Every other program, and a replacement, mean what they send.
    whole = {"overProvisioningRatio": 1, "gpuNetworkAccelerationDetection": "Auto"}
    assert scene.server.admin.patch(path, json=whole).status_code == 200
    assert stored() == {"labelValue": "b", **whole}
    assert scene.server.admin.patch(path, json=decided).status_code == 200
    pools.update_nodepool(pool_id, models.NodepoolUpdateFields(labelKey="kind", labelValue="b"))
    assert stored() == {"labelValue": "b", **whole}


def test_null_is_accepted_for_nullable_members(scene: Scene, client: ApiClient) -> None:
    body = models.UserCreationRequest1.from_dict({"email": f"{fresh('null')}@example.com"})
    with recorded(scene.server) as seen:
        made = api.UsersApi(client).create_user(body)
    assert json.loads(seen[-1].body)["notify"] is None
    assert made.status_code == 201


def test_repeated_create_makes_one_object(scene: Scene, client: ApiClient) -> None:
    """A proxy loses the answer to a create that succeeded; the client sends it again."""
    name, answered = fresh("again"), 0
    kernel = scene.server.app.kernel

    async def lossy(scope: Any, receive: Any, send: Any) -> None:
        nonlocal answered
        if scope["method"] != "POST" or answered:
            await kernel(scope, receive, send)
            return
        answered += 1

        async def lose(_: Any) -> None:
            return None

        await kernel(scope, receive, lose)
        await send({"type": "http.response.start", "status": 502, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    scene.server.app.kernel = lossy  # type: ignore[assignment]
    try:
        with pytest.raises(ApiException) as refused:
            api.ServiceAccountsApi(client).create_service_account({"name": name})
    finally:
        scene.server.app.kernel = kernel
    assert answered == 1
    assert refused.value.status == 409
    listed = api.ServiceAccountsApi(client).get_service_accounts().data
    assert [it["name"] for it in listed].count(name) == 1


def test_content_type_without_body_and_no_accept(scene: Scene, client: ApiClient) -> None:
    account = scene.service_account()
    with recorded(scene.server) as seen:
        got = api.ServiceAccountsApi(client).get_service_account_by_id(account.id)
        gone = api.ServiceAccountsApi(client).delete_service_account_by_id(account.id)
    assert [(it.headers["content-type"], it.headers.get("accept"), it.body) for it in seen] == [
        ("application/json", None, b"")
    ] * 2
    assert got.headers["content-type"] == "application/json"
    assert (gone.status_code, gone.data) == (204, None)


@pytest.mark.parametrize("options", [{}, {"bearer_token": "a-token-from-elsewhere"}])
def test_null_credentials_get_a_sentence(scene: Scene, options: dict[str, str]) -> None:
    made = Configuration(runai_base_url=scene.server.url, **options)
    with (
        recorded(scene.server) as seen,
        pytest.raises(ValueError, match="Send a client id and a client secret"),
    ):
        ApiClient(made)
    assert json.loads(seen[0].body) == {"grantType": "app_token", "AppId": None, "AppSecret": None}
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("AppId", "AppSecret"),
        ("appId", "appSecret"),
        ("appID", "appSecret"),
        ("clientId", "clientSecret"),
        ("clientID", "clientSecret"),
    ],
)
def test_keys_of_a_token_request_in_any_case(scene: Scene, name: str, secret: str) -> None:
    body = {"grantType": "app_token", name: scene.machine.client_id, secret: scene.machine.secret}
    answer = httpx.post(f"{scene.server.url}/api/v1/token", json=body)
    assert answer.status_code == 200, answer.text


def test_date_and_time_with_offset_or_without_zone(scene: Scene, client: ApiClient) -> None:
    scene.server.flush()
    asked = api.AuditLogsApi(client).get_audit_logs
    instant = datetime.now(UTC) + timedelta(seconds=1)
    late = datetime(2099, 1, 1, tzinfo=UTC)
    east = timezone(timedelta(hours=2))
    for start in (instant, instant.replace(tzinfo=None), instant.astimezone(east)):
        assert asked(start - timedelta(hours=1), late).data["total"] > 0, start
        assert asked(start + timedelta(hours=1), late).data["total"] == 0, start
    token = scene.server.client_token(scene.machine.client_id, scene.machine.secret)
    unencoded = "/api/v1/audit/log?start=2026-01-01T00:00:00+00:00&end=2099-01-01T00:00:00+00:00"
    status, body = plain(scene.server, "GET", unencoded, token)
    assert status == 200, body


def test_batch_takes_rule_ids_as_text_or_number(scene: Scene, client: ApiClient) -> None:
    for kind in (str, int):
        rule = scene.rule("group", fresh("group"), 7)
        done = api.AccessRulesApi(client).access_rules_batch({"ids": [kind(rule)], "action": "delete"})
        assert (done.data["succeeded"], done.data["failed"]) == ([str(rule)], [])


def test_rule_for_a_person_by_email_or_id(scene: Scene, client: ApiClient) -> None:
    user = scene.user()
    given = {"subjectType": "user", "scopeType": "tenant", "scopeId": "1001"}
    shown = [
        api.AccessRulesApi(client).create_access_rule({**given, "subjectId": name, "roleId": role}).data
        for name, role in ((user["username"], 7), (user["id"], 5))
    ]
    assert [it["subjectId"] for it in shown] == [user["username"]] * 2


# On the way out


def test_answers_hold_every_required_key(client: ApiClient, shared_reference: Any) -> None:
    """Every answer is judged in test_runapy_calls; here the judge is shown to see what is amiss."""
    role = api.RolesApi(client).get_role_v1(1).data
    assert faults("get_role_v1", 200, role) == []
    for name in ("id", "permissions", "effectiveEnabled"):
        less = {key: value for key, value in role.items() if key != name}
        assert any(name in it for it in faults("get_role_v1", 200, less))
    assert faults("get_role_v1", 200, {**role, "id": "1"})
    assert faults("get_role_v1", 200, {**role, "createdBy": None})


def test_empty_success_has_an_empty_body(scene: Scene, client: ApiClient) -> None:
    out = api.UsersApi(client).logout_user(scene.user()["id"])
    changed = api.ApplicationsApi(client).update_application_by_id(
        scene.service_account().id, {"enabled": False}
    )
    assert (out.status_code, out.data, changed.status_code, changed.data) == (200, None, 200, None)
    assert out.headers["content-length"] == changed.headers["content-length"] == "0"


@pytest.mark.parametrize("known", [True, False])
def test_bad_credentials_reach_the_caller_as_a_message(scene: Scene, known: bool) -> None:
    client_id = scene.machine.client_id if known else "nobody-at-all"
    with recorded(scene.server) as seen, pytest.raises(ValueError, match="wrong") as refused:
        ApiClient(configuration(scene.server, client_id, "rpk-not-the-secret"))
    assert "invalid_client" in str(refused.value)
    assert len(seen) == 1, "a status that the client repeats would hide the sentence"


def test_conditional_requests_get_the_whole_answer(scene: Scene) -> None:
    headers = {"if-none-match": "*", "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    for path in ("/api/v1/users", "/api/v1/authorization/roles", "/api/v1/authorization/permissions"):
        answer = scene.server.admin.get(path, headers=headers)
        assert (answer.status_code, bool(answer.content)) == (200, True)


def test_token_payload_decodes_with_standard_base64(scene: Scene) -> None:
    user = scene.user()
    scene.signed_in(user, "amber-canyon-wool-tide")
    # Characters whose bytes give '-' and '_' in the alphabet for addresses, at every offset.
    groups = [f"{'x' * shift}~?>~?>ÿ\x7f{'~' * 9}{'?' * 9}{'>' * 9}" for shift in range(3)]
    row = {"groups": json.dumps(groups)}
    scene.server.units.write(
        lambda unit: unit.execute(update(users).where(users.c.id == user["id"]).values(**row))
    )
    token = scene.server.token(user["username"], "amber-canyon-wool-tide")
    middle = token.split(".")[1]
    assert not set(middle) & set("-_")
    claims = json.loads(base64.b64decode(middle + "==").decode("ascii"))
    assert claims["groups"] == groups
    assert claims["exp"] > 0


def test_conflict_says_already_exists(scene: Scene, client: ApiClient) -> None:
    account = scene.service_account()
    for create, body in (
        (api.ServiceAccountsApi(client).create_service_account, {"name": account.name}),
        (api.ApplicationsApi(client).create_application, {"name": account.name}),
        (api.UsersApi(client).create_user, {"email": ADMIN_EMAIL}),
    ):
        with pytest.raises(ApiException) as refused:
            create(body)
        assert refused.value.status == 409
        assert "already exists" in refused.value.data["message"]


def test_numbers_that_are_typed_as_text_are_text(scene: Scene, client: ApiClient) -> None:
    account = scene.service_account()
    assert api.ServiceAccountsApi(client).get_service_account_by_id(account.id).data["tenantId"] == "1001"
    assert api.ApplicationsApi(client).get_application_by_id(account.id).data["tenantId"] == "1001"
    scene.server.flush()
    page = api.AuditLogsApi(client).get_audit_logs(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC), number_of_samples=1
    )
    assert page.data["audit_logs"][0]["tenant_id"] == "1001"


def test_project_answers_follow_the_contract(scene: Scene, client: ApiClient, shared_reference: Any) -> None:
    """The client's own models cannot judge them: two of its files differ in the case of a name only."""
    cluster = scene.post("/api/v1/clusters", {"name": fresh("cluster")})["uuid"]
    department = scene.post(
        "/api/v1/org-unit/departments", {"name": fresh("d"), "clusterId": cluster, "resources": []}
    )
    sent = {"name": fresh("p"), "clusterId": cluster, "parentId": department["id"], "resources": []}
    project = scene.post("/api/v1/org-unit/projects", sent)
    projects, departments = api.ProjectsApi(client), api.DepartmentsApi(client)
    answers = {
        "create_project": (201, project),
        "get_project": (200, projects.get_project(project["id"]).data),
        "get_projects": (200, projects.get_projects(filter_by=[f"name=={sent['name']}"]).data),
        "create_department": (201, department),
        "get_department": (200, departments.get_department(department["id"]).data),
        "get_departments": (200, departments.get_departments(filter_by=[f"name=={department['name']}"]).data),
    }
    assert (
        len(answers["get_projects"][1]["projects"]) == len(answers["get_departments"][1]["departments"]) == 1
    )
    for operation_id, (status, answer) in answers.items():
        assert faults(operation_id, status, answer) == [], operation_id
    # the judge sees what is amiss in a project
    less = {name: value for name, value in project.items() if name != "parentId"}
    assert any("parentId" in it for it in faults("create_project", 201, less))
    for model, answer in ((models.Project, project), (models.Department, department)):
        with pytest.raises(ValueError, match="validation error"):
            model.model_validate(answer)


# Choosing a route


def test_fixed_segments_win_over_parameters() -> None:
    everything = operations_for_inspection()
    router = Router(everything)
    pairs = [
        (fixed, other)
        for fixed in everything
        for other in everything
        if fixed is not other and fixed.method == other.method and _confusable(fixed.path, other.path)
    ]
    assert len(pairs) > 20
    for fixed, other in pairs:
        address = _filled(fixed.path)
        assert router.find(fixed.method, address)[0] is fixed, (fixed.path, other.path)


def _confusable(fixed: str, other: str) -> bool:
    """Whether an address of `fixed` also fits `other`, which has a parameter where `fixed` has a word."""
    left, right = fixed.split("/"), other.split("/")
    if len(left) != len(right):
        return False
    differs = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    words = [a for a, b in differs if b.startswith("{") and not a.startswith("{")]
    fits = all(b.startswith("{") or a.startswith("{") for a, b in differs)
    first = next(((a, b) for a, b in differs if a.startswith("{") != b.startswith("{")), None)
    return bool(words) and fits and first is not None and not first[0].startswith("{")


def _filled(path: str) -> str:
    return "/".join("0198c0de" if part.startswith("{") else part for part in path.split("/"))
