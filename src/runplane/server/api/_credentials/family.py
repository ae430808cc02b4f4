"""From a family, as data, to its operations. What differs between families is a member of `Family`.

The handlers of all four are these few functions; a room only says under which address they are served.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from runplane.server.api._credentials.wire import (
    AccessKeyQuery,
    CredentialIn,
    RenewQuery,
    ServiceAccountChange,
    ServiceAccountIn,
)
from runplane.server.authz.guard import Allow, can, signed_in
from runplane.server.authz.permissions import (
    ACCESS_KEYS,
    CREATE,
    DELETE,
    READ,
    UPDATE,
    Action,
    ResourceType,
)
from runplane.server.http.call import Call
from runplane.server.http.operation import Audited, Mode, Operation, Operations
from runplane.server.identity.clients import service
from runplane.server.identity.clients.model import Made, parse_overlap
from runplane.server.identity.records import ClientKind, ClientRow, SecretRow
from runplane.server.identity.service import Identity

OWN = signed_in("it is about the caller's own access keys; service accounts, which have none, are refused")

_OVERLAP = "The old secret ends at once, or after `overlap`; tokens got with it stand until they expire."


@dataclass(frozen=True, slots=True)
class Ids:
    """The contract's operationIds of a family; `update` is empty where nothing can be changed."""

    list: str
    create: str
    get: str
    delete: str
    renew: str
    update: str = ""


@dataclass(frozen=True, slots=True)
class Administration:
    """The view of administrators on everybody's access keys."""

    list_id: str
    delete_id: str
    many: Any
    present: Callable[[list[ClientRow]], Any]


@dataclass(frozen=True, slots=True)
class Family:
    """One face of the credentials.

    `given` is the type of what is asked for; `one`, `many`, `created` and `renewed` are reply types, which
    `present_…` make. `resource` None means that
    the family shows the caller's own objects. `successor` is the newer face's path for a deprecated family.
    """

    segment: str
    parameter: str
    tag: str
    noun: str
    nouns: str
    kind: ClientKind
    resource: ResourceType | None
    ids: Ids
    one: Any
    present_one: Callable[[ClientRow, Sequence[SecretRow]], Any]
    many: Any
    present_many: Callable[[list[ClientRow]], Any]
    given: Any
    created: Any
    present_created: Callable[[Made], Any]
    renewed: Any
    present_renewed: Callable[[str], Any]
    successor: str | None = None
    administration: Administration | None = None

    @property
    def path_of_one(self) -> str:
        """The path of a single object, below the family's own."""
        return f"/{{{self.parameter}}}"

    def allow(self, action: Action) -> Allow:
        """Who may do `action` with the family's objects."""
        return OWN if self.resource is None else can(action, self.resource).anywhere()

    def common(self) -> dict[str, Any]:
        """Options that all operations of the family share."""
        return {"deprecated": self.successor is not None, "successor": self.successor}


def operations(family: Family, identity: Identity) -> list[Operation]:
    """The operations under `/api/v1/<segment>`."""
    ops = Operations(f"/api/v1/{family.segment}", tag=family.tag)
    _reads(family, ops, identity)
    _writes(family, ops)
    _renew(family, ops)
    if family.ids.update:
        _update(family, ops, identity)
    return ops.items


def _reads(family: Family, ops: Operations, identity: Identity) -> None:
    def list_all(call: Call[Any]) -> Any:
        return family.present_many(service.list_clients(call.unit, call.principal, family.kind))

    def get(call: Call[Any]) -> Any:
        row = service.get_client(call.reader, call.principal, family.kind, call.path[family.parameter])
        secrets = service.list_live_secrets(call.reader, row, identity.book.now())
        return family.present_one(row, secrets)

    ops.get(
        "",
        id=family.ids.list,
        allow=family.allow(READ),
        reply=family.many,
        summary=f"List {family.nouns}",
        **family.common(),
    )(list_all)
    ops.get(
        family.path_of_one,
        id=family.ids.get,
        allow=family.allow(READ),
        mode=Mode.HOT,
        reply=family.one,
        # written by the program that signs in
        reported=("lastLogin",),
        summary=f"Get {family.noun}",
        **family.common(),
    )(get)


def _writes(family: Family, ops: Operations) -> None:
    def create(call: Call[CredentialIn]) -> Any:
        given = call.body
        page_size = given.default_page_size if isinstance(given, ServiceAccountIn) else None
        made = service.create_client(
            call.unit, call.principal, family.kind, given.name, given.expires_at, page_size
        )
        call.note.target(made.id, made.name)
        return family.present_created(made)

    def delete(call: Call[Any]) -> None:
        row = service.delete_client(call.unit, call.principal, family.kind, call.path[family.parameter])
        call.note.target(row.id, row.name)

    audit = Audited(family.kind.value)
    ops.post(
        "",
        id=family.ids.create,
        allow=family.allow(CREATE),
        status=201,
        body=family.given,
        reply=family.created,
        audit=audit,
        summary=f"Create {family.noun}",
        **family.common(),
    )(create)
    ops.delete(
        family.path_of_one,
        id=family.ids.delete,
        allow=family.allow(DELETE),
        status=204,
        audit=audit,
        summary=f"Delete {family.noun}",
        **family.common(),
    )(delete)


def _renew(family: Family, ops: Operations) -> None:
    def renew(call: Call[Any]) -> Any:
        overlap = parse_overlap(call.query.overlap)
        client_key = call.path[family.parameter]
        row, secret = service.renew_secret(call.unit, call.principal, family.kind, client_key, overlap)
        call.note.target(row.id, row.name, fields="secret", overlap=call.query.overlap or "none")
        return family.present_renewed(secret)

    ops.post(
        f"{family.path_of_one}/secret",
        id=family.ids.renew,
        allow=family.allow(UPDATE),
        query=RenewQuery,
        reply=family.renewed,
        audit=Audited(family.kind.value, "update"),
        summary=f"Make a new secret for {family.noun}",
        description=_OVERLAP,
        **family.common(),
    )(renew)


def _update(family: Family, ops: Operations, identity: Identity) -> None:
    def update(call: Call[ServiceAccountChange]) -> None:
        client_key, change = call.path[family.parameter], call.body
        row = service.update_service_account(
            call.unit,
            call.principal,
            client_key,
            change.enabled,
            change.expires_at,
            identity.rules.token_seconds,
            change.default_page_size,
        )
        given = {
            "enabled": change.enabled,
            "expiresAt": change.expires_at,
            "defaultPageSize": change.default_page_size,
        }
        fields = ",".join(name for name, value in given.items() if value is not UNSET)
        call.note.target(row.id, row.name, fields=fields)

    ops.patch(
        family.path_of_one,
        id=family.ids.update,
        allow=family.allow(UPDATE),
        body=ServiceAccountChange,
        audit=Audited(family.kind.value),
        summary=f"Enable or disable {family.noun}",
        description="Disabling ends the tokens issued so far; enabling again does not revive them.",
        **family.common(),
    )(update)


def administration(family: Family) -> list[Operation]:
    """The operations under `/api/v1/administration/<segment>`; none for a family without that view."""
    view = family.administration
    if view is None:
        return []
    ops = Operations(f"/api/v1/administration/{family.segment}", tag=family.tag)

    def list_all(call: Call[Any]) -> Any:
        wanted: AccessKeyQuery = call.query
        rows = service.list_access_keys_of_everybody(
            call.unit, call.principal, wanted.client_id, wanted.created_by
        )
        return view.present(rows)

    def delete(call: Call[Any]) -> None:
        client_key = call.path[family.parameter]
        row = service.delete_access_key_of_anybody(call.unit, call.principal, client_key)
        call.note.target(row.id, row.name, owner=row.created_by)

    ops.get(
        "",
        id=view.list_id,
        allow=can(READ, ACCESS_KEYS).anywhere(),
        query=AccessKeyQuery,
        reply=view.many,
        summary=f"List everybody's {family.nouns}",
        **family.common(),
    )(list_all)
    ops.delete(
        family.path_of_one,
        id=view.delete_id,
        allow=can(DELETE, ACCESS_KEYS).anywhere(),
        status=204,
        audit=Audited(family.kind.value),
        summary=f"Delete {family.noun} of anybody",
        **family.common(),
    )(delete)
    return ops.items
