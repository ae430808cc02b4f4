"""The dialects of the token call: parsers that end in one TokenRequest, and the two shapes of answer.

JSON keys arrive in every spelling (`AppId`, `appId`, `clientID`, `client_id`), so they are folded before
they are read. The form dialect is RFC 6749 to the letter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, unquote_plus

import msgspec
from msgspec import UNSET, UnsetType

from runplane.server.core.errors import GrantRefused, Invalid
from runplane.server.http import codec
from runplane.server.http.call import Call
from runplane.server.http.operation import Reply, Wire
from runplane.server.http.problems import NO_STORE
from runplane.server.http.request import require_json
from runplane.server.identity.realms import Realm
from runplane.server.identity.tokens import Issued, TokenRequest
from runplane.server.identity.trusts.wire import TOKEN_EXCHANGE, check_exchange

_JSON_FIELDS = frozenset(
    {
        "granttype", "appid", "appsecret", "clientid", "clientsecret", "username", "password",
        "refreshtoken", "code", "redirecturi", "codeverifier", "externaltoken", "email", "id", "name",
        "secret",
        "scope", "ttl", "expiresin", "subjecttoken",
    }
)  # fmt: skip
_SECRETS = frozenset(
    {
        "appsecret", "clientsecret", "password", "refreshtoken", "code", "codeverifier", "devicecode",
        "externaltoken", "secret", "subjecttoken", "token",
    }
)  # fmt: skip
_FORM = b"application/x-www-form-urlencoded"
_MAX_FIELD = 4096
# a token of another issuer may list the groups of its subject
_MAX_TOKEN = 16 * 1024
_TOKENS = frozenset({"externaltoken", "subjecttoken"})
_LIFETIMES = frozenset({"ttl", "expiresin"})
_MAX_DIGITS = 9


class TokenIn(msgspec.Struct, kw_only=True):
    """A token request in JSON, as the contract spells it; keys are read in any case."""

    grant_type: str | None = msgspec.field(name="grantType", default=None)
    client_id: str | None = msgspec.field(name="clientID", default=None)
    client_secret: str | None = msgspec.field(name="clientSecret", default=None)
    app_id: str | None = msgspec.field(name="appID", default=None)
    app_secret: str | None = msgspec.field(name="appSecret", default=None)
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = msgspec.field(name="refreshToken", default=None)
    code: str | None = None
    redirect_uri: str | None = msgspec.field(name="redirectUri", default=None)
    code_verifier: str | None = msgspec.field(name="codeVerifier", default=None)
    external_token: str | None = msgspec.field(name="externalToken", default=None)
    # what the token may do out of all that its subject holds, as in "project:42 workloads:read"
    scope: str | None = None
    # seconds; it only shortens the token's life
    ttl: int | None = None


class TokenOut(Wire):
    """Tokens; people get a refresh token and an ID token too. `expiresIn` is in seconds."""

    access_token: str
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    id_token: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET


class FormTokenIn(msgspec.Struct, kw_only=True):
    """A token request of OAuth 2.0. A client may authenticate with HTTP Basic instead of a secret here."""

    grant_type: str
    client_id: str | None = None
    client_secret: str | None = None
    username: str | None = None
    password: str | None = None
    refresh_token: str | None = None
    scope: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    code_verifier: str | None = None
    device_code: str | None = None
    # seconds; it only shortens the token's life
    ttl: int | None = None
    # of RFC 8693: the token of another issuer, and that it is a JWT
    subject_token: str | None = None
    subject_token_type: str | None = None


class FormTokenOut(msgspec.Struct, kw_only=True):
    """Tokens in the words of RFC 6749 section 5.1. `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    id_token: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    issued_token_type: str | UnsetType = UNSET


def folded_json(call: Call[Any]) -> dict[str, str]:
    """The text members of a JSON body under folded keys; null counts as absent. Raises Invalid."""
    for name in call.params:
        if _fold(name) in _SECRETS:
            raise Invalid(f"Send {name} in the body, never in the address.")
    if call.raw_body:
        require_json(call.request)
    parsed = _flat_object(call.raw_body) if call.raw_body else {}
    found: dict[str, str] = {}
    for key, given in parsed.items():
        folded = _fold(key)
        if folded not in _JSON_FIELDS or given is None:
            continue
        value = str(given) if folded in _LIFETIMES and type(given) is int else given
        if not isinstance(value, str):
            raise Invalid(f"{key} must be text.")
        if folded in found:
            raise Invalid(f"{key} is given twice, in two spellings.")
        if len(value) > (_MAX_TOKEN if folded in _TOKENS else _MAX_FIELD):
            raise Invalid(f"{key} is too long.")
        found[folded] = value
    return found


def _fold(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "")


def _flat_object(body: bytes) -> dict[str, Any]:
    # The fast decoder keeps the last of two equal keys. In a flat object without escapes every quote belongs
    # to a key or a text value, so counting them proves that none was dropped.
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = None
    if type(parsed) is dict and b"\\" not in body:
        members = cast("dict[str, Any]", parsed)
        texts = sum(1 for value in members.values() if type(value) is str)
        flat = texts + sum(1 for value in members.values() if value is None) == len(members)
        if flat and body.count(b'"') == 2 * (len(members) + texts):
            return members
    strict = codec.strict_json(body)
    if isinstance(strict, str):
        strict = codec.strict_json(strict.encode("utf-8", "surrogatepass"))
    if not isinstance(strict, dict):
        raise Invalid("The body must be a JSON object.")
    return cast("dict[str, Any]", strict)


def from_json(call: Call[Any], realm: Realm) -> TokenRequest:
    """A token request of the JSON dialect, in any of its three historic shapes."""
    members = folded_json(call)
    grant = members.get("granttype", "").strip().lower() or _implied_grant(members)
    return request_of_json(call, members, realm, grant)


def request_of_json(call: Call[Any], members: Mapping[str, str], realm: Realm, grant: str) -> TokenRequest:
    """The request for `grant` that folded members make."""
    return TokenRequest(
        grant=grant,
        realm=realm,
        source_ip=call.request.source_ip,
        http_method=call.request.method,
        url=call.request.path,
        charge=call.charge,
        # app_token and client_credentials take the same pairs under either name
        client_id=members.get("clientid") or members.get("appid", ""),
        client_secret=members.get("clientsecret") or members.get("appsecret", ""),
        username=members.get("username") or members.get("email", ""),
        password=members.get("password", ""),
        refresh_token=members.get("refreshtoken", ""),
        code=members.get("code", ""),
        redirect_uri=members.get("redirecturi", ""),
        code_verifier=members.get("codeverifier", ""),
        scope=members.get("scope", ""),
        ttl=_lifetime(members.get("ttl"), members.get("expiresin")),
        subject_token=members.get("externaltoken") or members.get("subjecttoken", ""),
    )


def _lifetime(ttl: str | None, expires_in: str | None) -> int | None:
    """The seconds a token is to live at most, by either name; None where nothing was asked for."""
    if ttl is not None and expires_in is not None and ttl != expires_in:
        raise GrantRefused("invalid_request", "ttl and expires_in mean the same; send one of them.")
    text = expires_in if ttl is None else ttl
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and int(text) > 0):
        raise GrantRefused("invalid_request", "ttl is a whole number of seconds, 1 or more.")
    return int(text)


def _implied_grant(members: Mapping[str, str]) -> str:
    if "appid" in members or "appsecret" in members:
        return "app_token"
    if "clientsecret" in members:
        return "client_credentials"
    raise GrantRefused(
        "invalid_request", "Send grantType: client_credentials, app_token, password or refresh_token."
    )


def read_form(call: Call[Any]) -> dict[str, str]:
    """The parameters of a form body; empty ones count as absent. Raises GrantRefused for a repeated one."""
    kind = call.request.headers.get(b"content-type", b"").split(b";", 1)[0].strip().lower()
    if kind != _FORM:
        raise GrantRefused(
            "invalid_request",
            "Send the parameters as a form, with Content-Type: application/x-www-form-urlencoded.",
        )
    for name in call.params:
        if _fold(name) in _SECRETS:
            raise GrantRefused("invalid_request", f"Send {name} in the body, never in the address.")
    try:
        pairs = parse_qsl(
            call.raw_body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
        )
    except ValueError as error:
        raise GrantRefused("invalid_request", "The body is not a valid form.") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise GrantRefused("invalid_request", f"{name[:60]!r} may be given once only.")
        longest = _MAX_TOKEN if _fold(name) in _TOKENS else _MAX_FIELD
        if len(value) > longest or "\0" in value:
            raise GrantRefused("invalid_request", f"{name[:60]!r} is not acceptable text.")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def client_of(call: Call[Any], form: Mapping[str, str]) -> tuple[str, str, bool]:
    """Client id, secret and whether they came by HTTP Basic. Raises GrantRefused for two methods at once."""
    header = call.request.header(b"authorization")
    if header[:6].lower() != "basic ":
        return form.get("client_id", ""), form.get("client_secret", ""), False
    if "client_secret" in form:
        raise GrantRefused("invalid_request", "Authenticate the client in one way: Basic or the body.")
    try:
        text = base64.b64decode(header[6:].strip(), validate=True).decode("utf-8")
        name, separator, secret = text.partition(":")
        if not separator:
            raise ValueError("no colon")
        # RFC 6749 section 2.3.1: both halves are form-encoded
        client_id, client_secret = unquote_plus(name), unquote_plus(secret)
        codec.check_text(client_id)
    except (binascii.Error, ValueError, Invalid) as error:
        raise GrantRefused(
            "invalid_client", "The Basic credentials are malformed.", challenge=True
        ) from error
    if form.get("client_id", client_id) != client_id:
        raise GrantRefused("invalid_request", "client_id differs from the Basic credentials.")
    return client_id, client_secret, True


def request_of_client(call: Call[Any], form: Mapping[str, str], realm: Realm) -> TokenRequest:
    """Who sent a form, from where, with which credentials: also for the endpoints beside the token call."""
    client_id, client_secret, basic = client_of(call, form)
    return TokenRequest(
        grant=form.get("grant_type", ""),
        realm=realm,
        source_ip=call.request.source_ip,
        http_method=call.request.method,
        url=call.request.path,
        charge=call.charge,
        client_id=client_id,
        client_secret=client_secret,
        username=form.get("username", ""),
        password=form.get("password", ""),
        refresh_token=form.get("refresh_token", ""),
        code=form.get("code", ""),
        redirect_uri=form.get("redirect_uri", ""),
        code_verifier=form.get("code_verifier", ""),
        device_code=form.get("device_code", ""),
        basic=basic,
        openid="scope" in form and "openid" in form["scope"].split(" "),
        scope=form.get("scope", ""),
        ttl=_lifetime(form.get("ttl"), form.get("expires_in")),
        subject_token=form.get("subject_token", ""),
    )


def from_form(call: Call[Any], realm: Realm) -> TokenRequest:
    """A token request of the OAuth 2.0 form dialect."""
    form = read_form(call)
    request = request_of_client(call, form, realm)
    if not request.grant:
        raise GrantRefused("invalid_request", "Send grant_type, for example client_credentials.")
    if request.grant == TOKEN_EXCHANGE:
        check_exchange(form, realm)
    return request


def as_json(issued: Issued) -> Reply:
    """The answer of the JSON dialect."""
    body = TokenOut(
        access_token=issued.access_token,
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token or UNSET,
        id_token=issued.id_token or UNSET,
        scope=issued.scope or UNSET,
    )
    return token_reply(body, issued)


def as_oauth(issued: Issued) -> Reply:
    """The answer of RFC 6749 section 5.1."""
    body = FormTokenOut(
        access_token=issued.access_token,
        token_type="Bearer",  # noqa: S106 - a type of token
        expires_in=issued.expires_in,
        refresh_token=issued.refresh_token or UNSET,
        id_token=issued.id_token or UNSET,
        scope=issued.scope or UNSET,
        issued_token_type=issued.issued_type or UNSET,
    )
    return token_reply(body, issued)


def token_reply(body: msgspec.Struct, issued: Issued) -> Reply:
    """A token answer: never stored by anybody on the way, with the expiry warning where one is due."""
    headers: tuple[tuple[bytes, bytes], ...] = NO_STORE
    if issued.warning is not None:
        headers = (*NO_STORE, (b"warning", f'299 runplane "{issued.warning}"'.encode("ascii", "replace")))
    return Reply(body, headers=headers)
