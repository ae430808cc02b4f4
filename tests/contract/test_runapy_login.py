"""The official client signs in, keeps its token fresh, and works from threads and coroutines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

from support.logins import Program, browser
from support.runapy import (
    ApiClient,
    ApiException,
    AsyncApiClient,
    Scene,
    api,
    configuration,
    fresh,
    models,
    recorded,
    with_token,
)
from support.server import Server

TOKEN = "/api/v1/token"

pytestmark = [
    # The client drops its first transport without closing it when it becomes asynchronous.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def scene(server: Server) -> Scene:
    return Scene(server)


def test_a_service_account_signs_in_with_its_client_id_or_its_name(scene: Scene) -> None:
    for identifier in (scene.machine.client_id, scene.machine.name):
        with (
            recorded(scene.server) as seen,
            ApiClient(configuration(scene.server, identifier, scene.machine.secret)) as client,
        ):
            assert api.MeApi(client).count_me_access_rules().data == {"count": 1}
        assert [it.path for it in seen] == [TOKEN, "/api/v1/authorization/me/access-rules/count"]
        assert set(json.loads(seen[0].body)) == {"grantType", "AppId", "AppSecret"}


def test_an_access_key_acts_as_its_owner(scene: Scene) -> None:
    with ApiClient(configuration(scene.server, scene.key.client_id, scene.key.secret)) as client:
        mine = api.MeApi(client).get_me_access_rules().data["accessRules"]["accessRules"]
        assert {it["subjectId"] for it in mine} == {scene.email}
        keys = api.AccessKeysApi(client).get_access_keys().data["accessKeys"]
    assert scene.key.id in {it["id"] for it in keys}


def test_one_token_serves_many_calls_until_shortly_before_it_expires(scene: Scene) -> None:
    with (
        recorded(scene.server) as seen,
        ApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret)) as client,
    ):
        for _ in range(3):
            api.PermissionsApi(client).get_permissions()
    assert [it.path for it in seen].count(TOKEN) == 1


def test_a_short_token_is_renewed_before_every_call(make_server: Callable[..., Server]) -> None:
    scene = Scene(make_server(tokens_lifetime_seconds="60"))
    with (
        recorded(scene.server) as seen,
        ApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret)) as client,
    ):
        for _ in range(3):
            assert api.PermissionsApi(client).get_permissions().data
    assert [it.path for it in seen].count(TOKEN) == 4
    assert len({it.headers["authorization"] for it in seen if it.path != TOKEN}) == 3


def test_a_disabled_service_account_is_refused_with_a_sentence(scene: Scene) -> None:
    account = scene.service_account(role=7)
    client = ApiClient(configuration(scene.server, account.client_id, account.secret))
    assert api.PermissionsApi(client).get_permissions().status_code == 200
    scene.server.admin.patch(f"/api/v1/service-accounts/{account.id}", json={"enabled": False})
    with pytest.raises(ValueError, match="is disabled"):
        ApiClient(configuration(scene.server, account.client_id, account.secret))
    client.close()


def test_a_refusal_keeps_its_sentence(scene: Scene) -> None:
    account = scene.service_account()
    with (
        ApiClient(configuration(scene.server, account.client_id, account.secret)) as client,
        pytest.raises(ApiException) as refused,
    ):
        api.UsersApi(client).get_users()
    assert refused.value.status == 403
    assert "users:read" in refused.value.data["message"]


def test_threads_share_one_client(make_server: Callable[..., Server]) -> None:
    scene = Scene(make_server(tokens_lifetime_seconds="60"))
    with ApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret)) as client:

        def work(number: int) -> Any:
            name = f"{fresh('thread')}-{number}a"
            made = api.ServiceAccountsApi(client).create_service_account(
                models.ServiceAccountCreationRequest(name=name)
            )
            return name, api.ServiceAccountsApi(client).get_service_account_by_id(made.data["id"]).data[
                "name"
            ]

        with ThreadPool(8) as pool:
            results = pool.map(work, range(24))
            pool.close()
            pool.join()
        listed = {it["name"] for it in api.ServiceAccountsApi(client).get_service_accounts().data}
    assert [made for made, _ in results] == [read for _, read in results]
    assert {made for made, _ in results} <= listed


def test_coroutines_share_one_client(scene: Scene) -> None:
    async def run() -> Any:
        client = AsyncApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret))
        async with client:
            accounts = api.ServiceAccountsApi(client)
            made = await asyncio.gather(
                *(
                    accounts.create_service_account(models.ServiceAccountCreationRequest(name=fresh("coro")))
                    for _ in range(12)
                )
            )
            read = await asyncio.gather(*(accounts.get_service_account_by_id(it.data["id"]) for it in made))
        return made, read

    made, read = asyncio.run(run())
    assert [it.data["name"] for it in made] == [it.data["name"] for it in read]


def test_a_token_from_elsewhere_can_be_put_in(scene: Scene) -> None:
    made = ApiClient(configuration(scene.server, scene.machine.client_id, scene.machine.secret))
    with_token(made, scene.server.token(scene.email, scene.password))
    mine = api.MeApi(made).get_me_access_rules().data["accessRules"]["accessRules"]
    assert {it["subjectId"] for it in mine} == {scene.email}
    made.close()


def test_a_code_of_a_browser_is_exchanged_with_a_verifier(scene: Scene) -> None:
    program = Program(scene.server, "runai")
    body = {
        "grantType": "exchange_token",
        "clientID": "runai",
        "code": program.code(browser(scene.server)),
        "redirectUri": program.redirect_uri,
    }
    account = scene.service_account()
    with ApiClient(configuration(scene.server, account.client_id, account.secret)) as client:
        tokens = api.TokensApi(client)
        # the client's own model has no member for the verifier; a code without one is worth nothing here
        with pytest.raises(ApiException) as refused:
            tokens.grant_token(models.TokenRequest(**body).to_dict())
        assert refused.value.status == 400
        assert "codeVerifier" in refused.value.data["message"]
        issued = tokens.grant_token({**body, "codeVerifier": program.verifier}).data
    assert {"accessToken", "refreshToken", "idToken", "expiresIn"} <= issued.keys()
