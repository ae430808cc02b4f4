"""/v1/k8s/apps: service accounts with flat roles, addressed by client id.

An application is what a service account was called; `revoked` is the opposite of its `enabled`. The secret is
shown when it is made and never again.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from runplane.server.api.legacy_k8s.flat_roles import (
    Flat,
    FlatIn,
    flat_of,
    get_flat,
    read_flat,
    replace_flat,
    select_rules_of,
)
from runplane.server.authz.guard import can
from runplane.server.authz.limits import must_cover
from runplane.server.authz.permissions import APPS, CREATE, DELETE, READ, UPDATE
from runplane.server.authz.principal import SubjectKind
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Operation, Operations, Reply, Wire
from runplane.server.identity.clients import service
from runplane.server.identity.records import ClientKind, ClientRow
from runplane.server.identity.service import Identity
from runplane.server.identity.store import select_client, select_client_by_identifier

_KIND = ClientKind.SERVICE_ACCOUNT
_SUBJECT = SubjectKind.SERVICE_ACCOUNT
_OLD: dict[str, Any] = {"deprecated": True, "extension": True, "successor": "/api/v1/service-accounts"}
_OLD_RULES: dict[str, Any] = {**_OLD, "successor": "/api/v1/authorization/access-rules"}


class LegacyAppIn(FlatIn, kw_only=True):
    """An application to make."""

    name: str


class LegacyAppChange(FlatIn):
    """The roles an application is to have, and whether its secret and tokens are taken back."""

    name: str | None = None
    revoked: bool | None = None


class LegacyAppOut(Wire):
    """An application, with roles in words."""

    user_id: str
    client_id: str
    name: str
    entity_type: str
    tenant_id: int
    roles: list[str]
    permit_all_clusters: bool
    permitted_clusters: list[str]
    revoked: bool
    created_by: str
    created_at: str
    last_login: str | None


class LegacyAppSecretOut(LegacyAppOut):
    """An application with its new secret. It is shown this once."""

    secret: str


def operations(identity: Identity) -> list[Operation]:
    """Reading applications and managing them, the old way."""
    ops = Operations("/v1/k8s/apps", tag="Applications")
    _add_reads(ops)
    _add_creation(ops)
    _add_changes(ops, identity)
    return ops.items


def _members(row: ClientRow, flat: Flat) -> dict[str, Any]:
    return {
        "user_id": row.id,
        "client_id": row.client_id,
        "name": row.name,
        "entity_type": "app",
        "tenant_id": row.tenant_id,
        "roles": list(flat.roles),
        "permit_all_clusters": flat.everywhere,
        "permitted_clusters": list(flat.clusters),
        "revoked": not row.enabled,
        "created_by": row.created_by,
        "created_at": row.created_at,
        "last_login": row.last_login,
    }


def _find(call: Call[Any], identifier: str) -> ClientRow:
    """An application by client id, name or id. Raises NotFound."""
    tenant_id = call.principal.tenant_id
    row = select_client_by_identifier(call.unit, tenant_id, identifier)
    row = row or select_client(call.unit, tenant_id, identifier.lower())
    if row is None or row.kind != _KIND.value:
        raise NotFound("There is no application with this client id.")
    return row


def _shown(call: Call[Any], identifier: str) -> dict[str, Any]:
    row = _find(call, identifier)
    return _members(row, get_flat(call.unit, call.principal, _SUBJECT, row.id))


def _add_reads(ops: Operations) -> None:
    @ops.get("", id="legacy_get_apps", allow=can(READ, APPS).anywhere(), reply=list[LegacyAppOut], **_OLD)
    def legacy_get_apps(call: Call[Any]) -> list[LegacyAppOut]:
        """List applications with their roles"""
        rows = service.list_clients(call.unit, call.principal, _KIND)
        rules = select_rules_of(call.unit, call.principal, _SUBJECT, [it.id for it in rows])
        return [LegacyAppOut(**_members(it, flat_of(rules[it.id]))) for it in rows]

    @ops.get("/{clientId}", id="legacy_get_app", allow=can(READ, APPS).anywhere(), reply=LegacyAppOut, **_OLD)
    def legacy_get_app(call: Call[Any]) -> LegacyAppOut:
        """Get an application with its roles"""
        return LegacyAppOut(**_shown(call, call.path["clientId"]))


def _add_creation(ops: Operations) -> None:
    @ops.post(
        "",
        id="legacy_create_app",
        allow=can(CREATE, APPS).anywhere(),
        body=LegacyAppIn,
        reply=LegacyAppSecretOut,
        audit=Audited(_KIND.value),
        **_OLD,
    )
    def legacy_create_app(call: Call[LegacyAppIn]) -> LegacyAppSecretOut:
        """Create an application with roles"""
        wanted = read_flat(call.body)
        made = service.create_client(call.unit, call.principal, _KIND, call.body.name, None)
        flat = replace_flat(call.unit, call.principal, _SUBJECT, made.client_id, made.id, wanted)
        call.note.target(made.id, made.name, roles=",".join(wanted.roles))
        return LegacyAppSecretOut(**_members(_find(call, made.client_id), flat), secret=made.secret)

    @ops.post(
        "/{clientId}/secret",
        id="legacy_renew_app_secret",
        allow=can(UPDATE, APPS).anywhere(),
        reply=LegacyAppSecretOut,
        audit=Audited(_KIND.value, "update"),
        **_OLD,
    )
    def legacy_renew_app_secret(call: Call[Any]) -> LegacyAppSecretOut:
        """Make a new secret for an application

        The old one ends at once; tokens got with it stand until they expire.
        """
        found = _find(call, call.path["clientId"])
        row, secret = service.renew_secret(call.unit, call.principal, _KIND, found.id, 0)
        call.note.target(row.id, row.name, fields="secret")
        return LegacyAppSecretOut(**_shown(call, row.client_id), secret=secret)


def _add_changes(ops: Operations, identity: Identity) -> None:
    @ops.put(
        "/{clientId}",
        id="legacy_update_app",
        allow=can(UPDATE, APPS).anywhere(),
        body=LegacyAppChange,
        reply=LegacyAppOut,
        audit=Audited(_KIND.value),
        **_OLD_RULES,
    )
    def legacy_update_app(call: Call[LegacyAppChange]) -> LegacyAppOut:
        """Replace the roles of an application

        Access rules of departments and projects, which flat roles cannot express, stay. `revoked` ends the
        tokens issued so far.
        """
        unit, who, given = call.unit, call.principal, call.body
        row = _find(call, call.path["clientId"])
        must_cover(unit, who, _SUBJECT, row.id)
        if given.name is not None and given.name != row.name:
            raise Invalid("The name of an application cannot be changed; make a new application instead.")
        wanted = read_flat(given)
        flat = replace_flat(unit, who, _SUBJECT, row.client_id, row.id, wanted)
        fields = "roles"
        if given.revoked is not None and given.revoked is row.enabled:
            seconds = identity.rules.token_seconds
            service.update_service_account(unit, who, row.id, not given.revoked, UNSET, seconds)
            fields = "roles,enabled"
        call.note.target(row.id, row.name, fields=fields, roles=",".join(wanted.roles))
        return LegacyAppOut(**_members(_find(call, row.client_id), flat))

    @ops.delete(
        "/{clientId}",
        id="legacy_delete_app",
        allow=can(DELETE, APPS).anywhere(),
        audit=Audited(_KIND.value),
        **_OLD,
    )
    def legacy_delete_app(call: Call[Any]) -> Reply:
        """Delete an application"""
        found = _find(call, call.path["clientId"])
        row = service.delete_client(call.unit, call.principal, _KIND, found.id)
        call.note.target(row.id, row.name)
        return Reply(b"The application was deleted.", media_type=b"text/plain; charset=utf-8")
