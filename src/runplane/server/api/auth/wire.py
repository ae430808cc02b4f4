"""What the realm's endpoints say, in the snake case of the OAuth and OpenID Connect specifications."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity


class TokenQuestionIn(msgspec.Struct, kw_only=True):
    """A token to examine or to revoke. The hint is accepted and not needed: tokens tell their kind."""

    token: str
    token_type_hint: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class IntrospectionOut(msgspec.Struct, kw_only=True):
    """What a token says (RFC 7662 section 2.2); one that is not accepted gives `active: false` only."""

    active: bool
    token_type: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    username: str | UnsetType = UNSET
    sub: str | UnsetType = UNSET
    aud: list[str] | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    iat: int | UnsetType = UNSET
    nbf: int | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    sid: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


INACTIVE = IntrospectionOut(active=False)


class JwksOut(msgspec.Struct):
    """The public keys that verify tokens of the realm (RFC 7517 section 5)."""

    keys: list[dict[str, str]]


class DiscoveryOut(msgspec.Struct, kw_only=True):
    """The realm's metadata (RFC 8414, OpenID Connect Discovery 1.0): only what can be called."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    grant_types_supported: list[str]
    # Required by both specifications, empty while there is no page to sign in at.
    response_types_supported: list[str]
    subject_types_supported: list[str]
    scopes_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    claims_supported: list[str]


_CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "typ", "tenant_id", "email", "preferred_username",
    "groups", "client_id", "azp", "uid", "gid",
)  # fmt: skip
_WITH_SECRET = ("client_secret_basic", "client_secret_post")


def discovery(identity: Identity, realm: Realm) -> DiscoveryOut:
    """The metadata of a realm. Addresses follow from its issuer, never from what a request says of itself."""
    base = f"{realm.issuer}/protocol/openid-connect"
    grants = ["client_credentials", "refresh_token"]
    if identity.rules.password_grant:
        grants.append("password")
    return DiscoveryOut(
        issuer=realm.issuer,
        token_endpoint=f"{base}/token",
        jwks_uri=f"{base}/certs",
        introspection_endpoint=f"{base}/token/introspect",
        revocation_endpoint=f"{base}/revoke",
        grant_types_supported=grants,
        response_types_supported=[],
        subject_types_supported=["public"],
        scopes_supported=["openid"],
        id_token_signing_alg_values_supported=list(realm.algorithms),
        token_endpoint_auth_methods_supported=[*_WITH_SECRET, "none"],
        introspection_endpoint_auth_methods_supported=list(_WITH_SECRET),
        revocation_endpoint_auth_methods_supported=[*_WITH_SECRET, "none"],
        claims_supported=list(_CLAIMS),
    )


def inactive_or(claims: dict[str, Any] | None) -> IntrospectionOut:
    """The answer about a token: its claims, or nothing but that it is not accepted."""
    return INACTIVE if claims is None else IntrospectionOut(active=True, **claims)
