"""Rules of service accounts and access keys: who sees which, what a change does to tokens and secrets.

Organization-owned and personal credentials go through the same functions. The kind says whose they are: a
service account is the tenant's, an access key its owner's, and asking for somebody else's is asking for
nothing. Power over a credential is power over its subject, so the caller must not be outranked (ADR 13).
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from runplane.server.authz.limits import must_cover
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import delete_rules_of
from runplane.server.core.clock import Instant, instant, to_epoch
from runplane.server.core.errors import Forbidden, Invalid, NotFound, Unauthenticated
from runplane.server.core.ids import new_id
from runplane.server.core.secrets import digest, hint, new_secret
from runplane.server.identity.clients import store
from runplane.server.identity.clients.model import (
    MAX_ACCESS_KEYS,
    NOUNS,
    Made,
    check_expiry,
    check_name,
    is_live,
    survivor,
)
from runplane.server.identity.records import ClientKind, ClientRow, SecretRow
from runplane.server.identity.store import select_client, select_secrets, select_user
from runplane.server.sql.prepared import Reader
from runplane.server.sql.unit import Unit


def owner_of(principal: Principal, kind: ClientKind) -> str:
    """Whose credentials of a kind the caller handles: "" is the tenant.

    Raises Forbidden for a service account that asks for access keys, which only people have.
    """
    if kind is ClientKind.SERVICE_ACCOUNT:
        return ""
    if principal.kind is not SubjectKind.USER:
        raise Forbidden(
            "An access key belongs to a user, and you are signed in as a service account.",
            "A service account has a secret of its own and needs no access key.",
        )
    return principal.id


def list_clients(reader: Reader, principal: Principal, kind: ClientKind) -> list[ClientRow]:
    """The tenant's service accounts, or the caller's access keys, oldest first."""
    return store.select_clients(reader, principal.tenant_id, kind, owner_of(principal, kind))


def list_access_keys_of_everybody(
    reader: Reader, principal: Principal, client_id: str, created_by: str
) -> list[ClientRow]:
    """All access keys of the tenant; an empty filter leaves the list whole."""
    kind = ClientKind.ACCESS_KEY
    return store.select_clients_of_everybody(reader, principal.tenant_id, kind, client_id, created_by)


def get_client(reader: Reader, principal: Principal, kind: ClientKind, client_key: str) -> ClientRow:
    """One of the credentials that `list_clients` shows. Raises NotFound."""
    row = select_client(reader, principal.tenant_id, client_key)
    if row is None or row.kind != kind.value or row.owner_id != owner_of(principal, kind):
        raise _unknown(kind, client_key)
    return row


def list_live_secrets(reader: Reader, row: ClientRow, now: Instant) -> list[SecretRow]:
    """The secrets of a credential that open something at `now`, oldest first."""
    return [it for it in select_secrets(reader, row.id) if is_live(it, now)]


def create_client(
    unit: Unit,
    principal: Principal,
    kind: ClientKind,
    name: str,
    expires_at: str | None,
    default_page_size: int | None = None,
) -> Made:
    """Make a credential with its first secret. `default_page_size` is for service accounts.

    Raises Invalid for a bad name, an expiry that is past or a key too many, and AlreadyExists.
    """
    owner_id = owner_of(principal, kind)
    check_name(name)
    expiry = check_expiry(expires_at, unit.now)
    if kind is ClientKind.ACCESS_KEY:
        _check_room(unit, principal)
        expiry = _within_own_expiry(unit, principal, expiry)
    # Random ids and no name: a subject of the caller's choice could be taken for somebody else's.
    made = Made(new_id(), name, new_id(), unit.now, new_secret())
    store.insert_client(
        unit,
        {
            "id": made.id,
            "tenant_id": principal.tenant_id,
            "kind": kind.value,
            "name": name,
            "client_id": made.client_id,
            "owner_id": owner_id,
            "enabled": True,
            "created_by": principal.name,
            "created_at": unit.now,
            "updated_at": unit.now,
            "expires_at": expiry,
            "default_page_size": default_page_size,
        },
    )
    _store_secret(unit, made.id, made.secret)
    unit.changed(principal.tenant_id)
    return made


def update_service_account(
    unit: Unit,
    principal: Principal,
    client_key: str,
    enabled: bool | UnsetType,
    expires_at: str | UnsetType | None,
    token_seconds: int,
    default_page_size: int | UnsetType | None = UNSET,
) -> ClientRow:
    """Switch a service account on or off, move the end of its life, or set how long its lists are.

    Returns it as it was before.

    Disabling ends the tokens issued so far for good: enabling it again does not revive them. An end that
    comes before tokens of `token_seconds` would have run out ends them too. Raises Invalid, NotFound and
    Forbidden.
    """
    if enabled is UNSET and expires_at is UNSET and default_page_size is UNSET:
        raise Invalid("Send enabled as true or false.")
    kind = ClientKind.SERVICE_ACCOUNT
    row = get_client(unit, principal, kind, client_key)
    _must_not_be_outranked(unit, principal, row)
    values: dict[str, Any] = {}
    end_tokens = enabled is False
    if not isinstance(enabled, UnsetType):
        values["enabled"] = enabled
    if not isinstance(default_page_size, UnsetType):
        values["default_page_size"] = default_page_size
    if not isinstance(expires_at, UnsetType):
        expiry = values["expires_at"] = check_expiry(expires_at, unit.now)
        horizon = instant(to_epoch(unit.now) + token_seconds)
        end_tokens = end_tokens or (expiry is not None and expiry < horizon)
    if not store.update_client(unit, principal.tenant_id, row.id, values, end_tokens=end_tokens):
        raise _unknown(kind, client_key)
    unit.changed(principal.tenant_id)
    return row


def renew_secret(
    unit: Unit, principal: Principal, kind: ClientKind, client_key: str, overlap: int
) -> tuple[ClientRow, str]:
    """Give a credential a new secret; returns it and the secret.

    The old one dies at the commit, or `overlap` seconds later. Tokens got with it stand until they expire.
    """
    row = get_client(unit, principal, kind, client_key)
    _must_not_be_outranked(unit, principal, row)
    # Before reading secrets, since it locks the row: of two renewals at once the second must see the first's.
    if not store.update_client(unit, principal.tenant_id, row.id, {}):
        raise _unknown(kind, client_key)
    kept = survivor(select_secrets(unit, row.id), unit.now, overlap)
    store.delete_secrets(unit, row.id, but=kept[0].id if kept else "")
    if kept:
        store.end_secret(unit, kept[0].id, kept[1])
    secret = new_secret()
    _store_secret(unit, row.id, secret)
    unit.changed(principal.tenant_id)
    return row, secret


def delete_client(unit: Unit, principal: Principal, kind: ClientKind, client_key: str) -> ClientRow:
    """Remove one of the credentials that `list_clients` shows, with its access rules; returns what it was."""
    return _delete(unit, principal, get_client(unit, principal, kind, client_key))


def delete_access_key_of_anybody(unit: Unit, principal: Principal, client_key: str) -> ClientRow:
    """Remove an access key, whoever owns it; returns what it was."""
    row = select_client(unit, principal.tenant_id, client_key)
    if row is None or row.kind != ClientKind.ACCESS_KEY:
        raise _unknown(ClientKind.ACCESS_KEY, client_key)
    return _delete(unit, principal, row)


def _delete(unit: Unit, principal: Principal, row: ClientRow) -> ClientRow:
    _must_not_be_outranked(unit, principal, row)
    if not store.delete_client(unit, principal.tenant_id, row.id):
        raise _unknown(ClientKind(row.kind), row.id)
    if row.kind == ClientKind.SERVICE_ACCOUNT:
        delete_rules_of(unit, principal.tenant_id, SubjectKind.SERVICE_ACCOUNT, row.id, principal.name)
    unit.changed(principal.tenant_id)
    return row


def _check_room(unit: Unit, principal: Principal) -> None:
    # The lock makes counting and adding one step for all keys of a person.
    if not store.lock_user(unit, principal.tenant_id, principal.id):
        raise Unauthenticated("The user of this token was deleted.", reason="deleted")
    if store.count_clients(unit, principal.tenant_id, ClientKind.ACCESS_KEY, principal.id) >= MAX_ACCESS_KEYS:
        raise Invalid(
            f"You have {MAX_ACCESS_KEYS} access keys, which is the most a user can have.",
            "Delete one that you no longer need, then try again.",
        )


def _within_own_expiry(unit: Unit, principal: Principal, expiry: Instant | None) -> Instant | None:
    # A key that is to end must not be able to leave a longer-lived one behind.
    caller = select_client(unit, principal.tenant_id, principal.credential_id or "")
    if caller is None or caller.expires_at is None:
        return expiry
    if expiry is not None and expiry > caller.expires_at:
        raise Invalid(
            f"The access key you are using ends at {caller.expires_at}; a new one may not outlive it."
        )
    return expiry or caller.expires_at


def _must_not_be_outranked(unit: Unit, principal: Principal, row: ClientRow) -> None:
    if row.kind == ClientKind.SERVICE_ACCOUNT:
        must_cover(unit, principal, SubjectKind.SERVICE_ACCOUNT, row.id)
    elif row.owner_id != principal.id:
        owner = select_user(unit, principal.tenant_id, row.owner_id)
        if owner is not None:
            must_cover(unit, principal, SubjectKind.USER, owner.email_key, owner.groups or ())


def _store_secret(unit: Unit, client_key: str, secret: str) -> None:
    store.insert_secret(
        unit,
        {
            "id": new_id(),
            "client_key": client_key,
            "digest": digest(secret),
            "hint": hint(secret),
            "created_at": unit.now,
        },
    )


def _unknown(kind: ClientKind, client_key: str) -> NotFound:
    return NotFound(f"There is no {NOUNS[kind]} {client_key[:60]!r}.")
