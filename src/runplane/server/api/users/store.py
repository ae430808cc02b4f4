"""Reading people as the API shows them: eight columns, never a password.

The contract's names for sorting and filtering differ from its names in the body (`creationTime` is
`createdAt`); it sorts by `type` and filters by `isLocal`, which tell the same.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, case, select

from runplane.server.api.users.model import USERS
from runplane.server.core.listing import Page
from runplane.server.identity.tables import users
from runplane.server.sql.filters import ListQuery
from runplane.server.sql.prepared import Prepared, Reader, Row

_SHOWN = ("id", "email", "created_by", "created_at", "updated_at", "last_login", "is_local", "groups")
_COLUMNS = tuple(users.c[name] for name in _SHOWN)
_ONE = Prepared(
    select(*_COLUMNS).where(users.c.id == bindparam("id"), users.c.tenant_id == bindparam("tenant_id"))
)
_LIST: Final = ListQuery(
    USERS,
    select(*_COLUMNS),
    {
        "username": users.c.email,
        "createdBy": users.c.created_by,
        "lastLogin": users.c.last_login,
        "creationTime": users.c.created_at,
        "lastUpdated": users.c.updated_at,
        "isLocal": users.c.is_local,
        "type": case((users.c.is_local, "local"), else_="sso"),
    },
    key=users.c.id,
    tenant=users.c.tenant_id,
)


def select_view(reader: Reader, tenant_id: int, user_id: str) -> Row | None:
    """One person's columns in the order of `wire.present`."""
    return reader.one(_ONE, {"id": user_id, "tenant_id": tenant_id})


def select_views(reader: Reader, tenant_id: int, page: Page) -> list[Row]:
    """A page of people and, if there is one, the first of the next page."""
    query, params = _LIST.page(page, peek=True)
    return reader.all(query, {**params, "tenant_id": tenant_id})


def count_views(reader: Reader, tenant_id: int, page: Page) -> int:
    """How many people there are on all pages."""
    query, params = _LIST.count(page)
    return reader.scalar(query, {**params, "tenant_id": tenant_id})
