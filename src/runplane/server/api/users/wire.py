"""People on the wire. `username` is the e-mail address, `groups` null when no identity provider sent any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta

from runplane.server.http.operation import Wire


class UserIn(Wire):
    """A local user to make.

    `resetPassword` changes nothing: an initial password always has to be changed. `notify` sends nothing
    while the server has no e-mail channel.
    """

    # The room checks the address itself: its sentence is better than "does not match the pattern".
    email: Annotated[str, Meta(examples=["ada@example.com"])]
    reset_password: bool | None = None
    notify: bool | None = None


class UsersQuery(Wire):
    """`filter` is the contract's older word for `filterBy=isLocal==…`."""

    filter: (
        Annotated[str, Meta(examples=["runai.is_local:true"], extra_json_schema={"deprecated": True})] | None
    ) = None


class UserOut(Wire):
    """A person."""

    id: str
    username: str
    created_by: str
    created_at: str | None
    updated_at: str | None
    last_login: str | None
    is_local: bool | None
    groups: list[str] | None


class UserCreatedOut(Wire):
    """A new person with the password for the first sign-in. It is shown this once."""

    id: str
    username: str
    temp_password: str


class PasswordResetOut(Wire):
    """The password for the next sign-in. It is shown this once."""

    temp_password: str


def present(row: Sequence[Any]) -> UserOut:
    """A row of `store.select_view` as a reply."""
    id_, email, created_by, created_at, updated_at, last_login, is_local, groups = row
    return UserOut(
        id=id_,
        username=email,
        created_by=created_by,
        created_at=created_at,
        updated_at=updated_at,
        last_login=last_login,
        is_local=bool(is_local),
        groups=json.loads(groups) if groups is not None else None,
    )
