"""Making tokens: what an access token says about each kind of subject, and what a token call answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from runplane.server.core.clock import Instant, to_epoch
from runplane.server.identity.credentials import Credential
from runplane.server.identity.realms import Realm
from runplane.server.identity.records import UserRow
from runplane.server.identity.verify import CONFINED_AUDIENCE, Claims

AUDIENCE: Final = ("runai",)
ACCESS_CLASS: Final = "Bearer"
ID_CLASS: Final = "ID"
DEFAULT_PUBLIC_CLIENT: Final = "runai"
# A token got with a temporary password lives this long (seconds): enough to choose a new one.
PASSWORD_CHANGE_SECONDS: Final = 900


def _nobody_counts(_: str) -> None:
    """A request that no caller sent: nothing is counted."""


class TokenRequest(msgspec.Struct, frozen=True):
    """One token call, whatever dialect it arrived in. Absent fields are empty."""

    grant: str
    realm: Realm
    source_ip: str = ""
    http_method: str = "POST"
    url: str = ""
    client_id: str = ""
    client_secret: str = ""
    username: str = ""
    password: str = ""
    refresh_token: str = ""
    # the client authenticated with HTTP Basic, so a refusal carries a challenge (RFC 6749 section 5.2)
    basic: bool = False
    # a machine gets an ID token too: asked for with the scope `openid`, always in the oldest dialect
    openid: bool = False
    # what the token is to be confined to (authz.narrowing), and its lifetime in seconds if one was asked for
    scope: str = ""
    ttl: int | None = None
    # a token of another issuer, to be exchanged for one of ours
    subject_token: str = ""
    # what a sign-in in a browser ended in, and what ties it to the program that began it
    code: str = ""
    redirect_uri: str = ""
    code_verifier: str = ""
    device_code: str = ""
    # counts the call for the client that it has proved to be; raises Throttled
    charge: Callable[[str], None] = _nobody_counts

    def lifetime(self, longest: int) -> int:
        """How many seconds the token shall live: what was asked for, never more than `longest`."""
        return longest if self.ttl is None else min(self.ttl, longest)

    def __repr__(self) -> str:
        # half of the fields are secrets
        return f"TokenRequest({self.grant}, {self.url})"


def asked_for(request: TokenRequest) -> dict[str, str]:
    """What a token call asked for beside a token, for the audit log; empty as a rule."""
    found = {"tokenScope": request.scope} if request.scope else {}
    return found if request.ttl is None else {**found, "ttl": str(request.ttl)}


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token call gives. `expires_in` is in seconds; `warning` is one sentence for a response
    header."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    warning: str | None = None
    # what kind of token it is (RFC 8693 section 2.2.1), told after an exchange only
    issued_type: str | None = None


class IdentityClaims(Claims, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an ID token says beside what an access token does. The verifier of access tokens ignores both."""

    nonce: str = ""
    auth_time: int = 0


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What only a sign-in in a browser tells: the client's nonce, and when the person signed in (seconds)."""

    nonce: str = ""
    auth_time: int = 0


NO_FACTS: Final = IdentityFacts()


def token_id() -> str:
    """A unique `jti`: 128 random bits in hexadecimal."""
    return os.urandom(16).hex()


def access_audience(scope: str) -> tuple[str, ...]:
    """The audience of an access token with that scope, which is empty for one that is not confined."""
    return (CONFINED_AUDIENCE,) if scope else AUDIENCE


def identity_audience(client_id: str) -> tuple[str, ...]:
    """The audience of an ID token: the client it is for, and the API servers of Kubernetes, which take it."""
    return (client_id,) if client_id in AUDIENCE else (client_id, *AUDIENCE)


def client_token(
    realm: Realm, credential: Credential, now: float, lifetime: int, scope: str = "", trust: str = ""
) -> tuple[str, int]:
    """An access token for a machine credential, and its lifetime in seconds.

    A service account is its own subject; an access key speaks for its owner. The token never outlives the
    credential. `trust` is what a token says that was exchanged for another issuer's.
    """
    issued = int(now)
    expires = issued + lifetime
    if credential.client.expires_at is not None:
        expires = min(expires, int(to_epoch(credential.client.expires_at)))
    claims = _client_claims(realm, credential, issued, expires, ACCESS_CLASS, access_audience(scope))
    if scope or trust:
        claims = msgspec.structs.replace(claims, scope=scope, trust=trust)
    return realm.minter.mint(claims), expires - issued


def client_id_token(realm: Realm, credential: Credential, now: float, lifetime: int) -> str:
    """The ID token beside an access token of `client_token`; `lifetime` is what that one returned."""
    issued = int(now)
    audience = identity_audience(credential.client.client_id)
    return realm.minter.mint(_client_claims(realm, credential, issued, issued + lifetime, ID_CLASS, audience))


def _client_claims(
    realm: Realm, credential: Credential, issued: int, expires: int, kind: str, audience: tuple[str, ...]
) -> Claims:
    client, owner = credential.client, credential.owner
    return Claims(
        iss=realm.issuer,
        sub=client.id if owner is None else owner.id,
        aud=audience,
        exp=expires,
        iat=issued,
        nbf=issued,
        jti=token_id(),
        typ=kind,
        tenant_id=str(realm.tenant_id),
        email="" if owner is None else owner.email,
        preferred_username=client.name if owner is None else owner.email,
        groups=() if owner is None or owner.groups is None else owner.groups,
        client_id=client.client_id,
        azp=client.client_id,
        epoch=client.epoch if owner is None else owner.epoch,
        uid="" if owner is None else owner.uid or "",
        gid="" if owner is None else owner.gid or "",
    )


@dataclass(frozen=True, slots=True)
class PersonTokens:
    """The pair a person gets; a confined access token comes without an ID token, which has no scope."""

    access_token: str
    id_token: str | None
    expires_in: int


def person_tokens(
    realm: Realm,
    user: UserRow,
    client_id: str,
    session_id: str,
    now: float,
    lifetime: int,
    scope: str = "",
    facts: IdentityFacts = NO_FACTS,
) -> PersonTokens:
    """Access and ID token of a person's session."""
    issued = int(now)

    def claims(kind: str, audience: tuple[str, ...]) -> Claims:
        return Claims(
            iss=realm.issuer,
            sub=user.id,
            aud=audience,
            exp=issued + lifetime,
            iat=issued,
            nbf=issued,
            jti=token_id(),
            typ=kind,
            tenant_id=str(realm.tenant_id),
            email=user.email,
            preferred_username=user.email,
            groups=user.groups or (),
            client_id=client_id,
            azp=client_id,
            epoch=user.epoch,
            sid=session_id,
            scope=scope if kind == ACCESS_CLASS else "",
            uid=user.uid or "",
            gid=user.gid or "",
        )

    access = realm.minter.mint(claims(ACCESS_CLASS, access_audience(scope)))
    if scope:
        return PersonTokens(access, None, lifetime)
    told = msgspec.structs.asdict(claims(ID_CLASS, identity_audience(client_id)))
    identity = IdentityClaims(**told, nonce=facts.nonce, auth_time=facts.auth_time)
    return PersonTokens(access, realm.minter.mint(identity), lifetime)


def expiry_warning(client_name: str, what: str, expires_at: Instant) -> str:
    """The sentence that announces an expiry ahead."""
    return f"The {what} of {client_name} expires at {expires_at}; make a new one before then."
