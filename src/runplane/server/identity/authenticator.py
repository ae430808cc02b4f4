"""From bearer token to caller, with caches that a change of the tenant empties.

Two facts are kept apart: that a signature is good, and what its subject is now. The first is remembered until
the token expires or the keys of its realm change; the second only while the tenant's stamp stands
(sql.freshness), so that a deleted user, a disabled service account or a removed rule is refused although
the token has not expired.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeVar

import msgspec

from runplane.server.authz import narrowing
from runplane.server.authz.grants import Grants
from runplane.server.authz.principal import Principal, SubjectKind
from runplane.server.authz.store import load_grants
from runplane.server.core.clock import Clock, instant
from runplane.server.core.errors import Invalid, Unauthenticated
from runplane.server.core.turns import CURRENT, callers_of
from runplane.server.identity.realms import Realm, Realms
from runplane.server.identity.records import ClientKind, ClientRow, UserRow
from runplane.server.identity.store import (
    is_revoked,
    select_client_by_identifier,
    select_session,
    select_user,
)
from runplane.server.identity.trusts.store import stands
from runplane.server.identity.verify import Claims
from runplane.server.sql.freshness import Freshness
from runplane.server.sql.lanes import Lanes
from runplane.server.sql.prepared import Reader

# An entry takes about 1 kB with its caller; a token beyond them is verified again.
_MAX_TOKENS = 5_000
_MAX_SUBJECTS = 20_000
# What a token may do that was got with a temporary password.
PASSWORD_CHANGE_SCOPE = "password-change"  # noqa: S105 - the name of a scope
PASSWORD_CHANGE_ONLY = frozenset({"change_user_password"})

V = TypeVar("V")


@dataclass(slots=True)
class _Entry:
    claims: Claims
    realm: Realm
    stamp: int
    principal: Principal


class Authenticator:
    """Fills `http.pipeline.Authenticator`. `recall` runs on the event loop's thread only."""

    def __init__(self, realms: Realms, lanes: Lanes, freshness: Freshness, clock: Clock) -> None:
        self._realms = realms
        self._lanes = lanes
        self._freshness = freshness
        self._clock = clock
        self._tokens: dict[bytes, _Entry] = {}
        self._grants: dict[tuple[int, str, str, tuple[str, ...]], tuple[int, Grants]] = {}

    def recall(self, token: bytes) -> Principal | None:
        """The caller of a token seen before, if its tenant has not changed since."""
        entry = self._tokens.get(sha256(token).digest())
        if (
            entry is None
            or entry.stamp != self._freshness.stamp(entry.realm.tenant_id)
            or entry.claims.exp <= self._clock.epoch()
            or self._freshness.is_stale()
        ):
            return None
        return entry.principal

    async def authenticate(self, token: bytes) -> Principal:
        """The caller of any token. Raises Unauthenticated with a machine-readable reason."""
        digest = sha256(token).digest()
        known = self._tokens.get(digest)
        now = self._clock.epoch()
        tenant_id = (known.realm if known else await self._realm_of(token)).tenant_id
        # in this order: when a key dies the realm is replaced first, then the stamp moves
        stamp = self._freshness.stamp(tenant_id)
        # what the token says is not proved yet, and names no more than the queue to wait in
        CURRENT.set(callers_of(tenant_id))
        realm = self._realms.by_tenant(tenant_id)
        if known is not None and known.realm is realm:
            claims = known.claims
            realm.verifier.still_valid(claims, now)
        else:
            claims = realm.verifier.verify(token.decode("latin-1"), now)
        principal = await self._read(lambda reader: self._subject(reader, realm, claims, stamp))
        _make_room(self._tokens, _MAX_TOKENS)
        self._tokens[digest] = _Entry(_kept(claims), realm, stamp, principal)
        return principal

    def elsewhere(self, principal: Principal, host: bytes) -> bool:
        """Whether the Host header of a request names another tenant than the caller's."""
        return self._realms.elsewhere(host, principal.realm)

    async def check(self, token: bytes) -> Claims:
        """The claims of a token that would be accepted now; for introspection. Raises Unauthenticated."""
        realm = await self._realm_of(token)
        claims = realm.verifier.verify(token.decode("latin-1"), self._clock.epoch())
        stamp = self._freshness.stamp(realm.tenant_id)
        await self._read(lambda reader: self._subject(reader, realm, claims, stamp))
        return claims

    async def _read(self, job: Callable[[Reader], V]) -> V:
        return await self._lanes.look(job)

    async def _realm_of(self, token: bytes) -> Realm:
        realm = self._realms.of_token(token)
        if realm is None and self._realms.reload_due():
            await self._read(self._realms.load)
            realm = self._realms.of_token(token)
        # A key we never had: let the verifier say what is wrong with the token.
        return realm or self._realms.only()

    def _subject(self, reader: Reader, realm: Realm, claims: Claims, stamp: int) -> Principal:
        if is_revoked(reader, claims.jti):
            raise Unauthenticated("This token was revoked; sign in again.", reason="revoked")
        if claims.sid:
            return self._person(reader, realm, claims, stamp)
        client = select_client_by_identifier(reader, realm.tenant_id, claims.client_id)
        if client is None or client.client_id != claims.client_id:
            raise Unauthenticated("The credential of this token was deleted.", reason="deleted")
        self._check_client(client)
        if client.kind == ClientKind.CLUSTER:
            return self._agent(realm, client, claims)
        if client.kind == ClientKind.SERVICE_ACCOUNT:
            if claims.sub != client.id or claims.epoch != client.epoch:
                raise Unauthenticated("This token was revoked; sign in again.", reason="revoked")
            grants = self._grants_of(
                reader, realm.tenant_id, SubjectKind.SERVICE_ACCOUNT, client.id, (), stamp
            )
            if claims.trust:
                self._check_trust(reader, realm, claims)
            principal = Principal(
                realm.tenant_id,
                realm.name,
                SubjectKind.SERVICE_ACCOUNT,
                client.id,
                client.name,
                credential_id=client.id,
                grants=grants,
                page_size=client.default_page_size,
            )
            return _confined(reader, principal, claims.scope) if claims.scope else principal
        user = self._check_user(reader, realm, claims)
        if user.id != client.owner_id:
            raise Unauthenticated("The credential of this token was deleted.", reason="deleted")
        return self._principal_of(reader, realm, user, claims, stamp, credential_id=client.id)

    def _agent(self, realm: Realm, client: ClientRow, claims: Claims) -> Principal:
        if claims.sub != client.id or claims.epoch != client.epoch:
            raise Unauthenticated("This token was revoked; ask for a new one.", reason="revoked")
        # its client id is the cluster's: that is all it may speak for
        return Principal(
            realm.tenant_id,
            realm.name,
            SubjectKind.CLUSTER,
            client.client_id,
            client.name,
            credential_id=client.id,
        )

    def _person(self, reader: Reader, realm: Realm, claims: Claims, stamp: int) -> Principal:
        user = self._check_user(reader, realm, claims)
        session = select_session(reader, realm.tenant_id, claims.sid)
        if (
            session is None
            or session[0] != user.id
            or session[1] is not None
            or session[2] <= instant(self._clock.epoch())
        ):
            raise Unauthenticated("You were signed out; sign in again.", reason="revoked")
        return self._principal_of(reader, realm, user, claims, stamp)

    def _principal_of(
        self,
        reader: Reader,
        realm: Realm,
        user: UserRow,
        claims: Claims,
        stamp: int,
        credential_id: str | None = None,
    ) -> Principal:
        confined = claims.scope == PASSWORD_CHANGE_SCOPE or user.password_expires_at is not None
        principal = Principal(
            realm.tenant_id,
            realm.name,
            SubjectKind.USER,
            user.id,
            user.email,
            credential_id=credential_id,
            session_id=claims.sid or None,
            groups=claims.groups,
            grants=self._grants_of(
                reader, realm.tenant_id, SubjectKind.USER, user.email_key, claims.groups, stamp
            ),
            only=PASSWORD_CHANGE_ONLY if confined else None,
        )
        return _confined(reader, principal, claims.scope) if claims.scope and not confined else principal

    def _check_trust(self, reader: Reader, realm: Realm, claims: Claims) -> None:
        # with the trust gone, switched off or changed, what was exchanged under it is over too
        if not stands(reader, realm.tenant_id, claims.trust):
            raise Unauthenticated("The trust behind this token was taken back or changed.", reason="revoked")

    def _check_user(self, reader: Reader, realm: Realm, claims: Claims) -> UserRow:
        user = select_user(reader, realm.tenant_id, claims.sub)
        if user is None:
            raise Unauthenticated("The user of this token was deleted.", reason="deleted")
        if not user.enabled:
            raise Unauthenticated("The user of this token is disabled.", reason="disabled")
        if user.epoch != claims.epoch:
            raise Unauthenticated("You were signed out; sign in again.", reason="revoked")
        return user

    def _check_client(self, client: ClientRow) -> None:
        if not client.enabled:
            raise Unauthenticated("The service account of this token is disabled.", reason="disabled")
        if client.expires_at is not None and client.expires_at <= instant(self._clock.epoch()):
            raise Unauthenticated("The credential of this token has expired.", reason="expired")

    def _grants_of(
        self,
        reader: Reader,
        tenant_id: int,
        kind: SubjectKind,
        key: str,
        groups: tuple[str, ...],
        stamp: int,
    ) -> Grants:
        cache_key = (tenant_id, kind.value, key, groups)
        known = self._grants.get(cache_key)
        if known is not None and known[0] == stamp and not self._freshness.is_stale():
            return known[1]
        grants = load_grants(reader, tenant_id, kind, key, groups)
        _make_room(self._grants, _MAX_SUBJECTS)
        self._grants[cache_key] = (stamp, grants)
        return grants


def _confined(reader: Reader, principal: Principal, text: str) -> Principal:
    """The caller with no more than the scope of its token leaves to it."""
    try:
        scope = narrowing.parse_scope(text)
    except Invalid as error:
        # a release that knew another permission gave it
        raise Unauthenticated(
            "This token's scope is not known any more; ask for a new token.", reason="scope"
        ) from error
    places = narrowing.resolve(reader, principal.tenant_id, scope)
    cut = narrowing.narrowed(principal.grants, scope, places)
    return replace(principal, grants=cut, uncut=principal.grants, scope=scope.text)


K = TypeVar("K")
W = TypeVar("W")


def _kept(claims: Claims) -> Claims:
    """What must be known of a verified token: thousands are remembered, so texts they share are shared."""
    return msgspec.structs.replace(
        claims,
        iss="",
        aud=(),
        email="",
        preferred_username="",
        azp="",
        uid="",
        gid="",
        tenant_id="",
        typ=sys.intern(claims.typ),
        sub=sys.intern(claims.sub),
        client_id=sys.intern(claims.client_id),
    )


def _make_room(cache: dict[K, W], limit: int) -> None:
    """Drop the oldest tenth of a full cache: dictionaries keep the order of insertion."""
    if len(cache) >= limit:
        for key in list(cache)[: limit // 10]:
            cache.pop(key, None)
