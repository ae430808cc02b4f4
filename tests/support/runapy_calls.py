"""Every built operation called through the official client, by operationId.

A call takes a scene and a function that hands out a client of the wanted kind: "machine" signed in as a
service account, "person" with an access key and so as its owner; any other text is a token to put in. It
returns whatever the client's method returns: something to await, if the client is asynchronous.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from support.runapy import Scene, api, fresh, models
from support.runapy_clusters import CLUSTER_CALLS
from support.runapy_legacy import LEGACY_CALLS
from support.runapy_units import UNIT_CALLS

Clients = Callable[[str], Any]
Call = Callable[[Scene, Clients], Any]

CALLS: dict[str, Call] = {}
# One pixel.
SMALL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


def _call(entry: Call) -> Call:
    CALLS[entry.__name__] = entry
    return entry


def _access_keys(clients: Clients) -> Any:
    return api.AccessKeysApi(clients("person"))


def _old_keys(clients: Clients) -> Any:
    return api.UserApplicationsApi(clients("person"))


def _rules(clients: Clients) -> Any:
    return api.AccessRulesApi(clients("machine"))


CALLS.update(
    # Tokens
    grant_token=lambda scene, clients: api.TokensApi(clients("machine")).grant_token(
        models.TokenRequest(
            grantType="client_credentials",
            clientID=scene.machine.client_id,
            clientSecret=scene.machine.secret,
        )
    ),
    grant_token_v2=lambda scene, clients: api.TokensApi(clients("machine")).grant_token_v2(
        "client_credentials", client_id=scene.machine.client_id, client_secret=scene.machine.secret
    ),
    app_token=lambda scene, clients: api.TokensApi(clients("machine")).app_token(
        models.AppTokenRequest(
            id=scene.machine.client_id, name=scene.machine.name, secret=scene.machine.secret
        )
    ),
    # Service accounts
    get_service_accounts=lambda _, clients: api.ServiceAccountsApi(clients("machine")).get_service_accounts(),
    create_service_account=lambda _, clients: api.ServiceAccountsApi(
        clients("machine")
    ).create_service_account(models.ServiceAccountCreationRequest(name=fresh())),
    get_service_account_by_id=lambda scene, clients: api.ServiceAccountsApi(
        clients("machine")
    ).get_service_account_by_id(scene.service_account().id),
    update_service_account_by_id=lambda scene, clients: api.ServiceAccountsApi(
        clients("machine")
    ).update_service_account_by_id(
        scene.service_account().id, models.ServiceAccountPatchRequest(enabled=False)
    ),
    regenerate_service_account_secret=lambda scene, clients: api.ServiceAccountsApi(
        clients("machine")
    ).regenerate_service_account_secret(scene.service_account().id),
    delete_service_account_by_id=lambda scene, clients: api.ServiceAccountsApi(
        clients("machine")
    ).delete_service_account_by_id(scene.service_account().id),
    # Applications
    get_applications=lambda _, clients: api.ApplicationsApi(clients("machine")).get_applications(),
    create_application=lambda _, clients: api.ApplicationsApi(clients("machine")).create_application(
        models.ApplicationCreationRequest(name=fresh())
    ),
    get_application_by_id=lambda scene, clients: api.ApplicationsApi(
        clients("machine")
    ).get_application_by_id(scene.service_account().id),
    update_application_by_id=lambda scene, clients: api.ApplicationsApi(
        clients("machine")
    ).update_application_by_id(scene.service_account().id, models.ApplicationPatchRequest(enabled=True)),
    regenerate_application_secret=lambda scene, clients: api.ApplicationsApi(
        clients("machine")
    ).regenerate_application_secret(scene.service_account().id),
    delete_application_by_id=lambda scene, clients: api.ApplicationsApi(
        clients("machine")
    ).delete_application_by_id(scene.service_account().id),
    # Access keys
    get_access_keys=lambda _, clients: _access_keys(clients).get_access_keys(),
    create_access_key1=lambda _, clients: _access_keys(clients).create_access_key1(
        models.AccessKeyCreationRequest1(name=fresh())
    ),
    get_access_key_by_id1=lambda scene, clients: _access_keys(clients).get_access_key_by_id1(scene.key.id),
    regenerate_access_key_secret=lambda scene, clients: _access_keys(clients).regenerate_access_key_secret(
        scene.access_key().id
    ),
    delete_access_key_by_id=lambda scene, clients: _access_keys(clients).delete_access_key_by_id(
        scene.access_key().id
    ),
    get_access_keys_administration=lambda scene, clients: _access_keys(
        clients
    ).get_access_keys_administration(created_by=scene.email),
    delete_access_key_by_id_administration=lambda scene, clients: _access_keys(
        clients
    ).delete_access_key_by_id_administration(scene.access_key().id),
    # User applications
    get_user_applications=lambda _, clients: _old_keys(clients).get_user_applications(),
    create_user_application=lambda _, clients: _old_keys(clients).create_user_application(
        models.UserAppCreationRequest(name=fresh())
    ),
    get_user_application_by_id=lambda scene, clients: _old_keys(clients).get_user_application_by_id(
        scene.key.id
    ),
    regenerate_user_application_secret=lambda scene, clients: _old_keys(
        clients
    ).regenerate_user_application_secret(scene.access_key().id),
    delete_user_application_by_id=lambda scene, clients: _old_keys(clients).delete_user_application_by_id(
        scene.access_key().id
    ),
    get_user_applications_administration=lambda scene, clients: _old_keys(
        clients
    ).get_user_applications_administration(client_id=scene.key.client_id),
    delete_user_application_by_id_administration=lambda scene, clients: _old_keys(
        clients
    ).delete_user_application_by_id_administration(scene.access_key().id),
    # Users
    get_users=lambda _, clients: api.UsersApi(clients("machine")).get_users(
        sort_by=models.UsersFilterSortFields.USERNAME, sort_order="desc", filter_by=["isLocal==true"], limit=5
    ),
    count_users=lambda _, clients: api.UsersApi(clients("machine")).count_users(search="example"),
    create_user=lambda _, clients: api.UsersApi(clients("machine")).create_user(
        models.UserCreationRequest1(email=f"{fresh('made')}@example.com", resetPassword=True, notify=False)
    ),
    get_user_by_id=lambda scene, clients: api.UsersApi(clients("machine")).get_user_by_id(scene.user()["id"]),
    delete_user_by_id=lambda scene, clients: api.UsersApi(clients("machine")).delete_user_by_id(
        scene.user()["id"]
    ),
    logout_user=lambda scene, clients: api.UsersApi(clients("machine")).logout_user(scene.user()["id"]),
    reset_user_password=lambda scene, clients: api.UsersApi(clients("machine")).reset_user_password(
        scene.user()["id"]
    ),
    # Roles, permissions, one's own rules
    get_roles_v1=lambda _, clients: api.RolesApi(clients("machine")).get_roles_v1(),
    get_role_v1=lambda _, clients: api.RolesApi(clients("machine")).get_role_v1(1),
    get_permissions=lambda _, clients: api.PermissionsApi(clients("machine")).get_permissions(),
    get_permitted_scopes=lambda _, clients: api.PermissionsApi(clients("machine")).get_permitted_scopes(
        models.GetPermittedScopesRequest(resourceType="users", action="read")
    ),
    get_me_access_rules=lambda _, clients: api.MeApi(clients("machine")).get_me_access_rules(
        limit=3, offset=0
    ),
    count_me_access_rules=lambda _, clients: api.MeApi(clients("person")).count_me_access_rules(),
    # Access rules
    get_access_rules=lambda _, clients: _rules(clients).get_access_rules(
        subject_type="user",
        sort_by=models.AccessRulesSortFilterFields.ROLENAME,
        sort_order="asc",
        include_deleted=True,
        limit=5,
    ),
    count_access_rules=lambda _, clients: _rules(clients).count_access_rules(
        filter_by=["roleId==1", "scopeType==tenant"]
    ),
    create_access_rule=lambda _, clients: _rules(clients).create_access_rule(
        models.AccessRuleCreationFields(
            subjectId=fresh("group"), subjectType="group", roleId=7, scopeId="1001", scopeType="tenant"
        )
    ),
    get_access_rule=lambda scene, clients: _rules(clients).get_access_rule(
        scene.rule("group", fresh("group"), 7)
    ),
    delete_access_rule=lambda scene, clients: _rules(clients).delete_access_rule(
        scene.rule("group", fresh("group"), 7)
    ),
    access_rules_batch=lambda scene, clients: _rules(clients).access_rules_batch(
        models.AccessRulesBatchFields(ids=[str(scene.rule("group", fresh("group"), 7))], action="delete")
    ),
    access_rules_batch_create=lambda _, clients: _rules(clients).access_rules_batch_create(
        models.AccessRulesBatchCreateFields(
            payload={
                "roleId": 7,
                "subjects": [{"subjectId": fresh("group"), "subjectType": "group"}],
                "scopes": [{"scopeId": "1001", "scopeType": "tenant"}],
            }
        )
    ),
)

CALLS.update(
    # Settings and the logo
    getTenantSettings=lambda _, clients: api.TenantApi(clients("machine")).get_tenant_settings(),
    getTenantSettingsByKey=lambda _, clients: api.TenantApi(clients("machine")).get_tenant_settings_by_key(
        "department.use"
    ),
    updateTenantSetting=lambda _, clients: api.TenantApi(clients("machine")).update_tenant_setting(
        models.TenantSettingCreationRequest(key="department.use", value=True)
    ),
    get_security_settings=lambda _, clients: api.SettingsApi(clients("machine")).get_security_settings(),
    get_security_setting_by_key=lambda _, clients: api.SettingsApi(
        clients("machine")
    ).get_security_setting_by_key("browserSessionTimeout"),
    update_security_setting_by_key=lambda _, clients: api.SettingsApi(
        clients("machine")
    ).update_security_setting_by_key(
        "logoutRedirectUri",
        models.UpdateSecuritySettingByKeyRequest(
            models.LogoutRedirectUriSetting(uri="https://example.com/goodbye")
        ),
    ),
    get_tenant_logo=lambda _, clients: api.LogoApi(clients("machine")).get_tenant_logo(),
    upload_tenant_logo=lambda _, clients: api.LogoApi(clients("machine")).upload_tenant_logo(
        models.LogoCreationRequest(logo=SMALL_PNG)
    ),
)

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@_call
def getAuditLogs(_: Scene, clients: Clients) -> Any:  # noqa: N802 - the contract's operationId
    return api.AuditLogsApi(clients("machine")).get_audit_logs(
        START, END, number_of_samples=3, sort_order="desc"
    )


@_call
def downloadAuditLogs(_: Scene, clients: Clients) -> Any:  # noqa: N802 - the contract's operationId
    return api.AuditLogsApi(clients("machine")).download_audit_logs(START, END, file_type="JSON")


@_call
def change_user_password(scene: Scene, clients: Clients) -> Any:
    # Only a session of a person may, and the client signs in with secrets: the token is put in.
    user = scene.user()
    first, second = "amber-canyon-wool-tide", "copper-lantern-eight-maps"
    scene.signed_in(user, first)
    client = clients(scene.server.token(user["username"], first))
    return api.UsersApi(client).change_user_password(
        models.UserChangePasswordRequest(currentPassword=first, newPassword=second)
    )


CALLS.update(UNIT_CALLS)
CALLS.update(LEGACY_CALLS)
CALLS.update(CLUSTER_CALLS)
