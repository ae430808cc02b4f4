"""SQL of tenant settings and the logo: what was changed; what was not has its default in the code."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from runplane.server.organization.settings.tables import tenant_logos, tenant_settings
from runplane.server.sql.prepared import Prepared, Reader
from runplane.server.sql.unit import Unit

_ONE = Prepared(
    select(tenant_settings.c.value).where(
        tenant_settings.c.tenant_id == bindparam("tenant_id"),
        tenant_settings.c.family == bindparam("family"),
        tenant_settings.c.key == bindparam("key"),
    )
)
_FAMILY = Prepared(
    select(tenant_settings.c.key, tenant_settings.c.value).where(
        tenant_settings.c.tenant_id == bindparam("tenant_id"),
        tenant_settings.c.family == bindparam("family"),
    )
)
_LOGO = Prepared(select(tenant_logos.c.image).where(tenant_logos.c.tenant_id == bindparam("tenant_id")))


def select_setting(reader: Reader, tenant_id: int, family: str, key: str) -> Any:
    """The value that was set, None where nobody did."""
    text = reader.scalar(_ONE, {"tenant_id": tenant_id, "family": family, "key": key})
    return None if text is None else json.loads(text)


def select_family(reader: Reader, tenant_id: int, family: str) -> dict[str, Any]:
    """Every value of a family that was set, by key."""
    rows = reader.all(_FAMILY, {"tenant_id": tenant_id, "family": family})
    return {key: json.loads(text) for key, text in rows}


def upsert_setting(unit: Unit, tenant_id: int, family: str, key: str, value: Any, updated_by: str) -> None:
    """Set a value, whether or not there is one."""
    values = {"value": json.dumps(value), "updated_by": updated_by, "updated_at": unit.now}
    changed = unit.execute(
        update(tenant_settings)
        .where(
            tenant_settings.c.tenant_id == tenant_id,
            tenant_settings.c.family == family,
            tenant_settings.c.key == key,
        )
        .values(**values)
    )
    if not changed.rowcount:
        row = {"tenant_id": tenant_id, "family": family, "key": key, **values}
        unit.execute(insert(tenant_settings), row)


def select_logo(reader: Reader, tenant_id: int) -> bytes | None:
    """The bytes of a tenant's logo."""
    image = reader.scalar(_LOGO, {"tenant_id": tenant_id})
    return None if image is None else bytes(image)


def delete_logo(unit: Unit, tenant_id: int) -> None:
    """Take a tenant's logo away, if it has one."""
    unit.execute(delete(tenant_logos).where(tenant_logos.c.tenant_id == tenant_id))


def upsert_logo(unit: Unit, tenant_id: int, image: bytes, media_type: str, updated_by: str) -> None:
    """Give a tenant a logo, whether or not it has one."""
    values = {
        "image": image,
        "media_type": media_type,
        "updated_by": updated_by,
        "updated_at": unit.now,
    }
    changed = unit.execute(update(tenant_logos).where(tenant_logos.c.tenant_id == tenant_id).values(**values))
    if not changed.rowcount:
        unit.execute(insert(tenant_logos), {"tenant_id": tenant_id, **values})
