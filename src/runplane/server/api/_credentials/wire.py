"""Requests and replies of the four families. Secrets occur in the replies `Created…` and `New…Secret` only.

Members that the contract does not have are marked `x-runplane-extension`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire
from runplane.server.identity.clients.model import MAX_NAME, MAX_PAGE_SIZE, NAME_PATTERN, Made
from runplane.server.identity.records import ClientRow, SecretRow

_TIME: dict[str, Any] = {"format": "date-time"}
_EXTENSION: dict[str, Any] = {"x-runplane-extension": True}

# The service checks names: its sentence says more than a pattern that did not match.
Name = Annotated[
    str, Meta(extra_json_schema={"pattern": NAME_PATTERN, "minLength": 2, "maxLength": MAX_NAME})
]
Time = Annotated[str | None, Meta(extra_json_schema=_TIME)]
ExpiresAt = Annotated[
    str | None,
    Meta(description="When the credential ends; null is never.", extra_json_schema={**_TIME, **_EXTENSION}),
]
PageSize = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_PAGE_SIZE,
        description="How many entries the account's calls get from a list where they name no limit; a list "
        "that gives fewer at most gives those. null leaves it to each list.",
        extra_json_schema=_EXTENSION,
    ),
]
Overlap = Annotated[
    str,
    Meta(
        description="How long the old secret stays valid, such as 30m or 7d; 30 days at most. Without it the "
        "old secret ends at once.",
        extra_json_schema={"pattern": "^[0-9]{1,7}[smhd]$", **_EXTENSION},
    ),
]


class CredentialIn(Wire):
    """A credential to make."""

    name: Name
    expires_at: ExpiresAt = None


class ServiceAccountIn(CredentialIn):
    """A service account, or application, to make."""

    default_page_size: PageSize | None = None


class ServiceAccountChange(Wire):
    """What to change. `enabled` may be left out where another member is given."""

    enabled: bool | UnsetType = UNSET
    expires_at: ExpiresAt | UnsetType = UNSET
    default_page_size: PageSize | UnsetType | None = UNSET


class RenewQuery(Wire):
    """Parameters of a secret's renewal."""

    overlap: Overlap = ""


class AccessKeyQuery(Wire):
    """Which access keys to list; an address counts whatever its case."""

    client_id: str = ""
    created_by: str = ""


class LiveSecret(Wire):
    """A secret that works now, without the secret: `hint` is its last four characters."""

    hint: str
    created_at: Time
    expires_at: Time
    last_used_at: Time


Secrets = Annotated[list[LiveSecret], Meta(extra_json_schema=_EXTENSION)]


class ServiceAccount(Wire):
    """A service account, or application."""

    id: str
    name: str
    client_id: str
    enabled: bool
    created_by: str
    created_at: Time
    updated_at: Time
    last_login: Time
    tenant_id: str
    expires_at: ExpiresAt

    @classmethod
    def of(cls, row: ClientRow) -> ServiceAccount:
        """The form of lists."""
        return ServiceAccount(**_service_account(row))


class ServiceAccountDetails(ServiceAccount):
    """A service account, or application, with its live secrets, oldest first."""

    default_page_size: PageSize | None
    secrets: Secrets

    @classmethod
    def with_secrets(cls, row: ClientRow, secrets: Sequence[SecretRow]) -> ServiceAccountDetails:
        """The form of a single object."""
        return ServiceAccountDetails(
            **_service_account(row),
            default_page_size=row.default_page_size,
            secrets=_live_secrets(secrets),
        )


class AccessKey(Wire):
    """An access key, or user application."""

    id: str
    name: str
    client_id: str
    created_at: Time
    last_login: Time
    expires_at: ExpiresAt

    @classmethod
    def of(cls, row: ClientRow) -> AccessKey:
        """The form of lists."""
        return AccessKey(**_access_key(row))


class AccessKeyDetails(AccessKey):
    """An access key, or user application, with its live secrets, oldest first."""

    secrets: Secrets

    @classmethod
    def with_secrets(cls, row: ClientRow, secrets: Sequence[SecretRow]) -> AccessKeyDetails:
        """The form of a single object."""
        return AccessKeyDetails(**_access_key(row), secrets=_live_secrets(secrets))


class AdministeredAccessKey(AccessKey):
    """An access key, or user application, as an administrator sees it: with its owner."""

    created_by: str

    @classmethod
    def of(cls, row: ClientRow) -> AdministeredAccessKey:
        """The form of lists."""
        return AdministeredAccessKey(**_access_key(row), created_by=row.created_by)


class AccessKeys(Wire):
    """The caller's access keys, oldest first."""

    access_keys: list[AccessKey]


class AdministeredAccessKeys(Wire):
    """The access keys of the tenant, oldest first."""

    access_keys: list[AdministeredAccessKey]


class CreatedApplication(Wire):
    """A new application. The secret is shown here and never again."""

    id: str
    name: str
    client_id: str
    secret: str

    @classmethod
    def of(cls, made: Made) -> CreatedApplication:
        """The only answer that holds this secret."""
        return CreatedApplication(id=made.id, name=made.name, client_id=made.client_id, secret=made.secret)


class CreatedServiceAccount(Wire):
    """A new service account. The secret is shown here and never again."""

    id: str
    name: str
    client_id: str
    client_secret: str

    @classmethod
    def of(cls, made: Made) -> CreatedServiceAccount:
        """The only answer that holds this secret."""
        return CreatedServiceAccount(
            id=made.id, name=made.name, client_id=made.client_id, client_secret=made.secret
        )


class CreatedUserApplication(CreatedApplication):
    """A new user application. The secret is shown here and never again."""

    created_at: Time

    @classmethod
    def of(cls, made: Made) -> CreatedUserApplication:
        """The only answer that holds this secret."""
        return CreatedUserApplication(
            id=made.id,
            name=made.name,
            client_id=made.client_id,
            secret=made.secret,
            created_at=made.created_at,
        )


class CreatedAccessKey(CreatedServiceAccount):
    """A new access key. The secret is shown here and never again."""

    created_at: Time

    @classmethod
    def of(cls, made: Made) -> CreatedAccessKey:
        """The only answer that holds this secret."""
        return CreatedAccessKey(
            id=made.id,
            name=made.name,
            client_id=made.client_id,
            client_secret=made.secret,
            created_at=made.created_at,
        )


class NewSecret(Wire):
    """The new secret of an application, shown once."""

    secret: str

    @classmethod
    def of(cls, secret: str) -> NewSecret:
        """The only answer that holds this secret."""
        return NewSecret(secret=secret)


class NewClientSecret(Wire):
    """The new secret, shown once."""

    client_secret: str

    @classmethod
    def of(cls, secret: str) -> NewClientSecret:
        """The only answer that holds this secret."""
        return NewClientSecret(client_secret=secret)


def _service_account(row: ClientRow) -> dict[str, Any]:
    return {
        **_access_key(row),
        "enabled": row.enabled,
        "created_by": row.created_by,
        "updated_at": row.updated_at,
        "tenant_id": str(row.tenant_id),
    }


def _access_key(row: ClientRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "client_id": row.client_id,
        "created_at": row.created_at,
        "last_login": row.last_login,
        "expires_at": row.expires_at,
    }


def _live_secrets(secrets: Sequence[SecretRow]) -> list[LiveSecret]:
    return [
        LiveSecret(
            hint=it.hint, created_at=it.created_at, expires_at=it.expires_at, last_used_at=it.last_used_at
        )
        for it in secrets
    ]
