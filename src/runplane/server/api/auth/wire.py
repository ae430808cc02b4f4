"""What the realm's endpoints say, in the snake case of the OAuth and OpenID Connect specifications."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.identity.grants.device_code import DEVICE_CODE
from runplane.server.identity.realms import Realm
from runplane.server.identity.service import Identity
from runplane.server.identity.trusts.wire import TOKEN_EXCHANGE


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


class DeviceIn(msgspec.Struct, kw_only=True):
    """Which program wants to sign somebody in on a machine without a browser."""

    client_id: str
    scope: str | None = None


class DeviceCodesOut(msgspec.Struct, kw_only=True):
    """The two codes of RFC 8628 section 3.2. Times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class UserInfoOut(msgspec.Struct, kw_only=True):
    """Whom a token speaks for. Only people have an e-mail address and groups."""

    sub: str
    preferred_username: str
    tenant_id: str
    email: str | UnsetType = UNSET
    groups: list[str] | UnsetType = UNSET


INACTIVE = IntrospectionOut(active=False)


class JwksOut(msgspec.Struct):
    """The public keys that verify tokens of the realm (RFC 7517 section 5)."""

    keys: list[dict[str, str]]


class DiscoveryOut(msgspec.Struct, kw_only=True):
    """The realm's metadata (RFC 8414, OpenID Connect Discovery 1.0): only what can be called."""

    issuer: str
    authorization_endpoint: str
    device_authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    end_session_endpoint: str
    jwks_uri: str
    introspection_endpoint: str
    revocation_endpoint: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    code_challenge_methods_supported: list[str]
    # RFC 9207: the authorization response says who it is from
    authorization_response_iss_parameter_supported: bool
    # The next two would be taken for granted otherwise, or not (Discovery section 3).
    request_uri_parameter_supported: bool
    request_parameter_supported: bool
    prompt_values_supported: list[str]
    subject_types_supported: list[str]
    scopes_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    claims_supported: list[str]


_CLAIMS = (
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "typ", "tenant_id", "email", "preferred_username",
    "groups", "client_id", "azp", "uid", "gid", "sid", "nonce", "auth_time",
)  # fmt: skip
_WITH_SECRET = ("client_secret_basic", "client_secret_post")


def discovery(identity: Identity, realm: Realm) -> DiscoveryOut:
    """The metadata of a realm. Addresses follow from its issuer, never from what a request says of itself."""
    base = f"{realm.issuer}/protocol/openid-connect"
    grants = ["authorization_code", "client_credentials", "refresh_token", DEVICE_CODE, TOKEN_EXCHANGE]
    if identity.rules.password_grant:
        grants.append("password")
    return DiscoveryOut(
        issuer=realm.issuer,
        authorization_endpoint=f"{base}/auth",
        device_authorization_endpoint=f"{base}/auth/device",
        token_endpoint=f"{base}/token",
        userinfo_endpoint=f"{base}/userinfo",
        end_session_endpoint=f"{base}/logout",
        jwks_uri=f"{base}/certs",
        introspection_endpoint=f"{base}/token/introspect",
        revocation_endpoint=f"{base}/revoke",
        grant_types_supported=grants,
        response_types_supported=["code"],
        response_modes_supported=["query"],
        code_challenge_methods_supported=["S256"],
        authorization_response_iss_parameter_supported=True,
        request_uri_parameter_supported=False,
        request_parameter_supported=False,
        prompt_values_supported=["none", "login", "consent", "select_account"],
        subject_types_supported=["public"],
        scopes_supported=["openid", "email", "profile", "groups", "offline_access"],
        id_token_signing_alg_values_supported=list(realm.algorithms),
        token_endpoint_auth_methods_supported=[*_WITH_SECRET, "none"],
        introspection_endpoint_auth_methods_supported=list(_WITH_SECRET),
        revocation_endpoint_auth_methods_supported=[*_WITH_SECRET, "none"],
        claims_supported=list(_CLAIMS),
    )


def inactive_or(claims: dict[str, Any] | None) -> IntrospectionOut:
    """The answer about a token: its claims, or nothing but that it is not accepted."""
    return INACTIVE if claims is None else IntrospectionOut(active=True, **claims)
