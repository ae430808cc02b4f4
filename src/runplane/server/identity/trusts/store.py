"""SQL of trusts and of the tokens exchanged under them. Every statement names the tenant."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from runplane.server.core.clock import to_epoch
from runplane.server.core.errors import AlreadyExists
from runplane.server.core.listing import Page
from runplane.server.identity.trusts.model import TRUSTS, Condition, TrustRow
from runplane.server.identity.trusts.tables import exchanged_tokens, trusts
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row
from runplane.server.sql.unit import Unit

_COLUMNS = tuple(trusts.c[name] for name in TrustRow.__slots__)
_OF_TENANT = (trusts.c.tenant_id == bindparam("tenant_id"),)
_ONE = Prepared(select(*_COLUMNS).where(trusts.c.id == bindparam("id"), *_OF_TENANT))
_OF_ISSUER = Prepared(
    select(*_COLUMNS)
    .where(*_OF_TENANT, trusts.c.issuer == bindparam("issuer"), trusts.c.enabled)
    .order_by(trusts.c.id)
)
_STANDS = Prepared(
    select(trusts.c.id).where(
        trusts.c.id == bindparam("id"),
        *_OF_TENANT,
        trusts.c.version == bindparam("version"),
        trusts.c.enabled,
    )
)
_LIST: Final = ListQuery(
    TRUSTS,
    select(*_COLUMNS),
    {
        "name": trusts.c.name,
        "issuer": trusts.c.issuer,
        "serviceAccountId": trusts.c.service_account_id,
        "enabled": trusts.c.enabled,
        "createdAt": trusts.c.created_at,
        "updatedAt": trusts.c.updated_at,
    },
    trusts.c.id,
)
_conditions: Final = msgspec.json.Decoder(tuple[Condition, ...])


def _row(row: Row) -> TrustRow:
    values = dict(zip(TrustRow.__slots__, row, strict=True))
    values["conditions"] = _conditions.decode(values["conditions"])
    values["jwks"] = None if values["jwks"] is None else msgspec.json.decode(values["jwks"])
    for name in ("single_use", "enabled"):
        values[name] = bool(values[name])
    return TrustRow(**values)


def _stored(values: dict[str, Any]) -> dict[str, Any]:
    jwks = values["jwks"]
    return {
        **values,
        "conditions": msgspec.json.encode(values["conditions"]).decode(),
        "jwks": None if jwks is None else msgspec.json.encode(jwks).decode(),
    }


def select_trusts(reader: Reader, tenant_id: int, page: Page) -> list[TrustRow]:
    """A page of the tenant's trusts, and one row more than asked for (`core.listing.cut`)."""
    query, params = _LIST.page(page, where=_OF_TENANT, shape_key="tenant", peek=True)
    return [_row(row) for row in reader.all(query, {**params, "tenant_id": tenant_id})]


def count_trusts(reader: Reader, tenant_id: int, page: Page) -> int:
    """How many trusts all pages together have."""
    query, params = _LIST.count(page, where=_OF_TENANT, shape_key="tenant")
    return reader.scalar(query, {**params, "tenant_id": tenant_id})


def select_trust(reader: Reader, tenant_id: int, trust_id: str) -> TrustRow | None:
    """A trust by id."""
    row = reader.one(_ONE, {"id": trust_id, "tenant_id": tenant_id})
    return None if row is None else _row(row)


def select_trusts_of_issuer(reader: Reader, tenant_id: int, issuer: str) -> list[TrustRow]:
    """The enabled trusts in an issuer, oldest first."""
    return [_row(row) for row in reader.all(_OF_ISSUER, {"issuer": issuer, "tenant_id": tenant_id})]


def stands(reader: Reader, tenant_id: int, mark: str) -> bool:
    """Whether a trust is enabled and still as it was when a token got this `TrustRow.mark`."""
    trust_id, _, version = mark.partition(".")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        return False
    return reader.one(_STANDS, {"id": trust_id, "tenant_id": tenant_id, "version": int(version)}) is not None


def insert_trust(unit: Unit, values: dict[str, Any]) -> None:
    """Store a trust. Raises AlreadyExists when the tenant has one of this name."""
    try:
        unit.execute(insert(trusts), _stored(values))
    except IntegrityError as error:
        raise AlreadyExists("Trust", values["name"]) from error


def update_trust(unit: Unit, tenant_id: int, trust_id: str, values: dict[str, Any]) -> bool:
    """Give a trust another content, which ends what was exchanged under it; says whether it still exists.

    Raises as `insert_trust`.
    """
    mine = update(trusts).where(trusts.c.id == trust_id, trusts.c.tenant_id == tenant_id)
    changed = {**_stored(values), "version": trusts.c.version + 1, "updated_at": unit.now}
    try:
        return unit.execute(mine.values(**changed)).rowcount == 1
    except IntegrityError as error:
        raise AlreadyExists("Trust", values["name"]) from error


def delete_trust(unit: Unit, tenant_id: int, trust_id: str) -> bool:
    """Remove a trust; says whether it was there."""
    query = delete(trusts).where(trusts.c.id == trust_id, trusts.c.tenant_id == tenant_id)
    return unit.execute(query).rowcount == 1


def spend(unit: Unit, tenant_id: int, digest: bytes, expires_at: int) -> bool:
    """Note that a token was exchanged, until it ends (seconds since 1970); False if it was before.

    Those that ended longer ago than clocks may differ are forgotten.
    """
    over = exchanged_tokens.c.expires_at < int(to_epoch(unit.now)) - 3600
    unit.execute(delete(exchanged_tokens).where(over))
    try:
        with unit.connection.begin_nested():
            unit.execute(
                insert(exchanged_tokens),
                {"digest": digest, "tenant_id": tenant_id, "expires_at": expires_at},
            )
    except IntegrityError:
        return False
    return True
