"""Listing people, and the temporary passwords that new and reset ones get.

The slow hash runs before the transaction; what was checked before it is checked again inside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runplane.server.api.users.model import USERS
from runplane.server.api.users.store import count_views, select_view, select_views
from runplane.server.authz.principal import Principal
from runplane.server.core.errors import Invalid, NotFound
from runplane.server.core.listing import Condition, Operator, Page, cut
from runplane.server.identity import people
from runplane.server.identity.passwords import new_temporary_password
from runplane.server.identity.service import Identity
from runplane.server.sql.prepared import Reader, Row
from runplane.server.sql.unit import Unit

Read = Callable[[Callable[[Unit], Any]], Awaitable[Any]]

_OLD_FILTER = {"runai.is_local:true": True, "runai.is_local:false": False}


@dataclass(frozen=True, slots=True)
class Temporary:
    """A temporary password and its hash."""

    text: str = field(repr=False)
    hash: str = field(repr=False)


def get_user(reader: Reader, tenant_id: int, user_id: str) -> Row:
    """The columns of one person. Raises NotFound."""
    row = select_view(reader, tenant_id, user_id)
    if row is None:
        raise NotFound("There is no user with this id.")
    return row


def list_users(
    reader: Reader, tenant_id: int, page: Page, old_filter: str | None
) -> tuple[Sequence[Row], int | None]:
    """A page of people and the offset of the next one. Raises Invalid for an `old_filter` we do not know."""
    if old_filter is not None:
        if old_filter not in _OLD_FILTER:
            raise Invalid(
                "filter takes runai.is_local:true or runai.is_local:false only; use filterBy instead."
            )
        wanted = Condition(USERS.fields["isLocal"], Operator.EQUAL, _OLD_FILTER[old_filter])
        page = replace(page, conditions=(*page.conditions, wanted))
    return cut(page, select_views(reader, tenant_id, page))


def count_users(reader: Reader, tenant_id: int, page: Page) -> int:
    """How many people the conditions of `page` leave."""
    return count_views(reader, tenant_id, page)


async def prepare_new(identity: Identity, read: Read, caller: Principal, email: str) -> Temporary:
    """A temporary password for a new person. Raises what `people.check_new` raises."""
    await read(lambda unit: people.check_new(unit, caller, email))
    return await _temporary(identity)


async def prepare_reset(identity: Identity, read: Read, caller: Principal, user_id: str) -> Temporary:
    """A temporary password for a person who has one. Raises what `people.find_local` raises."""
    await read(lambda unit: people.find_local(unit, caller, user_id))
    return await _temporary(identity)


async def _temporary(identity: Identity) -> Temporary:
    text = new_temporary_password()
    return Temporary(text, await identity.slowly(identity.hasher.hash, text))
