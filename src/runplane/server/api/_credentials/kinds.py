"""The four families. Names that look like slips are the contract's: user applications are made with a
`secret` and renewed with a `clientSecret`, and access keys come wrapped where all others are bare lists.
"""

from __future__ import annotations

from typing import Final

from runplane.server.api._credentials import wire
from runplane.server.api._credentials.family import Administration, Family, Ids
from runplane.server.authz.permissions import APPS, SERVICE_ACCOUNT
from runplane.server.identity.records import ClientKind, ClientRow


def _service_accounts(rows: list[ClientRow]) -> list[wire.ServiceAccount]:
    return [wire.ServiceAccount.of(row) for row in rows]


def _access_keys(rows: list[ClientRow]) -> list[wire.AccessKey]:
    return [wire.AccessKey.of(row) for row in rows]


def _wrapped(rows: list[ClientRow]) -> wire.AccessKeys:
    return wire.AccessKeys(access_keys=_access_keys(rows))


def _administered(rows: list[ClientRow]) -> list[wire.AdministeredAccessKey]:
    return [wire.AdministeredAccessKey.of(row) for row in rows]


def _wrapped_administered(rows: list[ClientRow]) -> wire.AdministeredAccessKeys:
    return wire.AdministeredAccessKeys(access_keys=_administered(rows))


SERVICE_ACCOUNTS: Final = Family(
    segment="service-accounts",
    parameter="serviceAccountId",
    tag="Service Accounts",
    noun="a service account",
    nouns="service accounts",
    kind=ClientKind.SERVICE_ACCOUNT,
    resource=SERVICE_ACCOUNT,
    ids=Ids(
        list="get_service_accounts",
        create="create_service_account",
        get="get_service_account_by_id",
        delete="delete_service_account_by_id",
        renew="regenerate_service_account_secret",
        update="update_service_account_by_id",
    ),
    one=wire.ServiceAccountDetails,
    present_one=wire.ServiceAccountDetails.with_secrets,
    many=list[wire.ServiceAccount],
    present_many=_service_accounts,
    given=wire.ServiceAccountIn,
    created=wire.CreatedServiceAccount,
    present_created=wire.CreatedServiceAccount.of,
    renewed=wire.NewClientSecret,
    present_renewed=wire.NewClientSecret.of,
)

APPLICATIONS: Final = Family(
    segment="apps",
    parameter="appId",
    tag="Applications",
    noun="an application",
    nouns="applications",
    kind=ClientKind.SERVICE_ACCOUNT,
    resource=APPS,
    ids=Ids(
        list="get_applications",
        create="create_application",
        get="get_application_by_id",
        delete="delete_application_by_id",
        renew="regenerate_application_secret",
        update="update_application_by_id",
    ),
    one=wire.ServiceAccountDetails,
    present_one=wire.ServiceAccountDetails.with_secrets,
    many=list[wire.ServiceAccount],
    present_many=_service_accounts,
    given=wire.ServiceAccountIn,
    created=wire.CreatedApplication,
    present_created=wire.CreatedApplication.of,
    renewed=wire.NewSecret,
    present_renewed=wire.NewSecret.of,
    successor="/api/v1/service-accounts",
)

ACCESS_KEYS: Final = Family(
    segment="access-keys",
    parameter="accessKeyId",
    tag="Access Keys",
    noun="an access key",
    nouns="access keys",
    kind=ClientKind.ACCESS_KEY,
    resource=None,
    ids=Ids(
        list="get_access_keys",
        create="create_access_key1",
        get="get_access_key_by_id1",
        delete="delete_access_key_by_id",
        renew="regenerate_access_key_secret",
    ),
    one=wire.AccessKeyDetails,
    present_one=wire.AccessKeyDetails.with_secrets,
    many=wire.AccessKeys,
    present_many=_wrapped,
    given=wire.CredentialIn,
    created=wire.CreatedAccessKey,
    present_created=wire.CreatedAccessKey.of,
    renewed=wire.NewClientSecret,
    present_renewed=wire.NewClientSecret.of,
    administration=Administration(
        list_id="get_access_keys_administration",
        delete_id="delete_access_key_by_id_administration",
        many=wire.AdministeredAccessKeys,
        present=_wrapped_administered,
    ),
)

USER_APPLICATIONS: Final = Family(
    segment="user-applications",
    parameter="appId",
    tag="User Applications",
    noun="a user application",
    nouns="user applications",
    kind=ClientKind.ACCESS_KEY,
    resource=None,
    ids=Ids(
        list="get_user_applications",
        create="create_user_application",
        get="get_user_application_by_id",
        delete="delete_user_application_by_id",
        renew="regenerate_user_application_secret",
    ),
    one=wire.AccessKeyDetails,
    present_one=wire.AccessKeyDetails.with_secrets,
    many=list[wire.AccessKey],
    present_many=_access_keys,
    given=wire.CredentialIn,
    created=wire.CreatedUserApplication,
    present_created=wire.CreatedUserApplication.of,
    renewed=wire.NewClientSecret,
    present_renewed=wire.NewClientSecret.of,
    successor="/api/v1/access-keys",
    administration=Administration(
        list_id="get_user_applications_administration",
        delete_id="delete_user_application_by_id_administration",
        many=list[wire.AdministeredAccessKey],
        present=_administered,
    ),
)
