"""SQL of service accounts and access keys. Every statement names the tenant; one table holds both kinds.

`owner_id` is the person an access key belongs to and empty for a service account, so one condition serves
both: what is asked for with the wrong owner does not exist.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.clock import Instant
from runplane.server.core.errors import AlreadyExists
from runplane.server.identity.clients.model import NOUNS
from runplane.server.identity.records import ClientKind, ClientRow
from runplane.server.identity.store import CLIENT_COLUMNS, client_of
from runplane.server.identity.tables import client_secrets, clients, users
from runplane.server.sql.dialects import Lowered
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_OF_KIND = (clients.c.tenant_id == bindparam("tenant_id"), clients.c.kind == bindparam("kind"))
_BY_AGE = (clients.c.created_at, clients.c.id)

_LIST = Prepared(
    select(*CLIENT_COLUMNS).where(*_OF_KIND, clients.c.owner_id == bindparam("owner_id")).order_by(*_BY_AGE)
)
# An empty filter is none: neither a client id nor an author is ever empty.
_LIST_ALL = Prepared(
    select(*CLIENT_COLUMNS)
    .where(
        *_OF_KIND,
        or_(bindparam("client_id") == "", clients.c.client_id == bindparam("client_id")),
        or_(bindparam("created_by") == "", Lowered(clients.c.created_by) == bindparam("created_by")),
    )
    .order_by(*_BY_AGE)
)
_COUNT = Prepared(
    select(func.count()).select_from(clients).where(*_OF_KIND, clients.c.owner_id == bindparam("owner_id"))
)
_LOCK_USER = select(users.c.id).with_for_update()


def select_clients(reader: Reader, tenant_id: int, kind: ClientKind, owner_id: str) -> list[ClientRow]:
    """Every credential of a kind and owner, oldest first."""
    params = {"tenant_id": tenant_id, "kind": kind.value, "owner_id": owner_id}
    return [client_of(row) for row in reader.all(_LIST, params)]


def select_clients_of_everybody(
    reader: Reader, tenant_id: int, kind: ClientKind, client_id: str, created_by: str
) -> list[ClientRow]:
    """Every credential of a kind, oldest first, with this client id and author where they are not empty.

    `created_by` is compared whatever its case, as e-mail addresses are.
    """
    params = {
        "tenant_id": tenant_id,
        "kind": kind.value,
        "client_id": client_id,
        "created_by": created_by.lower(),
    }
    return [client_of(row) for row in reader.all(_LIST_ALL, params)]


def count_clients(reader: Reader, tenant_id: int, kind: ClientKind, owner_id: str) -> int:
    """How many credentials of a kind an owner has."""
    return reader.scalar(_COUNT, {"tenant_id": tenant_id, "kind": kind.value, "owner_id": owner_id})


def lock_user(unit: Unit, tenant_id: int, user_id: str) -> bool:
    """Let one transaction at a time add to what a person owns; False when there is no such person."""
    query = _LOCK_USER.where(users.c.id == user_id, users.c.tenant_id == tenant_id)
    return unit.execute(query).first() is not None


def insert_client(unit: Unit, values: dict[str, Any]) -> None:
    """Store a credential. Raises AlreadyExists when its owner has one of this kind and name."""
    try:
        unit.execute(insert(clients), values)
    except IntegrityError as error:
        raise AlreadyExists(NOUNS[ClientKind(values["kind"])].capitalize(), values["name"]) from error


def update_client(
    unit: Unit, tenant_id: int, client_key: str, values: dict[str, Any], *, end_tokens: bool = False
) -> bool:
    """Change a credential and lock it until the commit; says whether it still exists.

    `end_tokens` raises the epoch, so that tokens issued before are refused.
    """
    changed: dict[str, Any] = {**values, "updated_at": unit.now}
    if end_tokens:
        changed["epoch"] = clients.c.epoch + 1
    query = update(clients).where(clients.c.id == client_key, clients.c.tenant_id == tenant_id)
    return unit.execute(query.values(**changed)).rowcount == 1


def delete_client(unit: Unit, tenant_id: int, client_key: str) -> bool:
    """Remove a credential and its secrets; says whether it was there."""
    query = delete(clients).where(clients.c.id == client_key, clients.c.tenant_id == tenant_id)
    return unit.execute(query).rowcount == 1


def insert_secret(unit: Unit, values: dict[str, Any]) -> None:
    """Store the digest and hint of a secret."""
    unit.execute(insert(client_secrets), values)


def delete_secrets(unit: Unit, client_key: str, but: str) -> None:
    """Remove the secrets of a client except the one with the id `but`; empty removes every one."""
    unit.execute(
        delete(client_secrets).where(client_secrets.c.client_key == client_key, client_secrets.c.id != but)
    )


def end_secret(unit: Unit, secret_id: str, at: Instant) -> None:
    """Give a secret an end."""
    unit.execute(update(client_secrets).where(client_secrets.c.id == secret_id).values(expires_at=at))
