"""The scope a token call asks for: read, checked against the subject, and put into its one spelling.

Nothing here is needed for a decision: a token's scope only ever takes away (authz.narrowing). The checks are
for the caller, who hears of a place that does not exist now, and not from a job that may do nothing later.
"""

from __future__ import annotations

from collections.abc import Sequence

from runplane.server.authz import narrowing
from runplane.server.authz.narrowing import TokenScope
from runplane.server.authz.principal import SubjectKind
from runplane.server.authz.store import load_grants
from runplane.server.core.errors import GrantRefused, Invalid
from runplane.server.identity.credentials import Credential
from runplane.server.identity.records import ClientKind, UserRow
from runplane.server.identity.service import Identity
from runplane.server.identity.tokens import TokenRequest
from runplane.server.sql.prepared import Reader

INVALID_SCOPE = "invalid_scope"


def read_scope(text: str) -> TokenScope:
    """The scope that a text names. Raises GrantRefused for what is none."""
    try:
        return narrowing.parse_scope(text)
    except Invalid as error:
        raise GrantRefused(INVALID_SCOPE, error.message) from error


async def scope_of_client(identity: Identity, request: TokenRequest, credential: Credential) -> str:
    """The scope for a machine's token, empty for none. Raises GrantRefused."""
    asked = read_scope(request.scope)
    if not asked:
        return ""
    client, owner = credential.client, credential.owner
    if client.kind == ClientKind.CLUSTER:
        raise GrantRefused(INVALID_SCOPE, "The agent of a cluster gets no token with a scope; leave it out.")
    if owner is not None:
        return await scope_of_person(identity, request, owner)
    tenant_id = request.realm.tenant_id
    await identity.book.read(
        lambda reader: check(reader, tenant_id, SubjectKind.SERVICE_ACCOUNT, client.id, (), asked)
    )
    return asked.text


async def scope_of_person(identity: Identity, request: TokenRequest, user: UserRow) -> str:
    """The scope for a person's token, empty for none. Raises GrantRefused."""
    asked = read_scope(request.scope)
    if asked:
        await identity.book.read(lambda reader: check_person(reader, user, asked))
    return asked.text


def check_person(reader: Reader, user: UserRow, asked: TokenScope) -> None:
    """Raise GrantRefused for a scope with a place that a person cannot know of."""
    check(reader, user.tenant_id, SubjectKind.USER, user.email_key, user.groups or (), asked)


def check(
    reader: Reader, tenant_id: int, kind: SubjectKind, key: str, groups: Sequence[str], asked: TokenScope
) -> None:
    """Raise GrantRefused for a scope with a place that a subject cannot know of.

    `key` is the subject as access rules store it (authz.store.load_grants).
    """
    if not asked.places:
        return
    grants = load_grants(reader, tenant_id, kind, key, groups)
    try:
        narrowing.check_places(reader, tenant_id, grants, asked)
    except Invalid as error:
        raise GrantRefused(INVALID_SCOPE, error.message) from error


def shrunk_scope(reader: Reader, tenant_id: int, given: str, asked: TokenScope) -> str:
    """The scope for the next token of a session confined to `given`. Raises GrantRefused for a wider one."""
    if not asked:
        return given
    try:
        return narrowing.shrunk(reader, tenant_id, narrowing.parse_scope(given), asked).text
    except Invalid as error:
        raise GrantRefused(INVALID_SCOPE, error.message) from error
