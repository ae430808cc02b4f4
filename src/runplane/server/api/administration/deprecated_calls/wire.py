"""Rows of the ledger on the wire."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from runplane.server.http.operation import Wire
from runplane.server.sql.prepared import Row


class DeprecatedCallOut(Wire):
    """One caller that still uses one deprecated route with one program."""

    id: str
    subject: Annotated[str, Meta(description="E-mail address, or name or client id of a service account.")]
    subject_type: str
    subject_id: str
    user_agent: Annotated[str, Meta(examples=["OpenAPI-Generator/1.0.0/python"])]
    method: str
    path: Annotated[str, Meta(examples=["/api/v1/apps/{appId}"])]
    operation_id: str
    successor: Annotated[str, Meta(description="What to call instead.")] | None
    first_seen: str
    last_seen: str
    calls: Annotated[int, Meta(description="How many calls since firstSeen.")]


class DeprecatedCallsOut(Wire):
    """A page of the ledger. `next` is the offset of the following page, left out on the last one."""

    deprecated_calls: list[DeprecatedCallOut]
    next: int | UnsetType = UNSET


def present(row: Row) -> DeprecatedCallOut:
    """A row of `store.select_calls` as a reply."""
    (
        id_, subject, subject_type, subject_id, user_agent, method, path, operation_id, successor, first_seen,
        last_seen, calls,
    ) = row  # fmt: skip
    return DeprecatedCallOut(
        id=id_,
        subject=subject,
        subject_type=subject_type,
        subject_id=subject_id,
        user_agent=user_agent,
        method=method,
        path=path,
        operation_id=operation_id,
        successor=successor,
        first_seen=first_seen,
        last_seen=last_seen,
        calls=calls,
    )
