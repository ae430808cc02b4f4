"""A realm of a server as an OAuth client sees it: its addresses, and the token calls.

The addresses come from the realm's metadata. They are called at the address the person typed: a server behind
a tunnel or under a second name publishes another one, and whoever typed an address means it.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from runplane.cli.failures import CliError, NotLoggedIn, Unreachable
from runplane.cli.transport import Transport, members

PUBLIC_CLIENT: Final = "runplane-cli"
DEFAULT_REALM: Final = "runai"
_SCOPE: Final = "openid"


class OAuthRefused(NotLoggedIn):
    """The server refused a token call; `error` is its word (RFC 6749 5.2, RFC 8628 3.5)."""

    def __init__(self, error: str, sentence: str) -> None:
        super().__init__(sentence)
        self.error = error


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token call gives; `lifetime` is in seconds."""

    access_token: str
    lifetime: float
    refresh_token: str = ""
    id_token: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return "Tokens(...)"


@dataclass(frozen=True, slots=True)
class Realm:
    """The realm's metadata. An endpoint that the server does not have is empty."""

    name: str
    issuer: str
    token: str
    authorization: str = ""
    device: str = ""
    revocation: str = ""
    introspection: str = ""
    says_issuer: bool = False
    algorithms: tuple[str, ...] = ()


def realm_of(transport: Transport) -> str:
    """The realm that logins at this address belong to, as its sign-in page would say."""
    answer = transport.send("GET", "/api/v1/session/options")
    found = members(answer).get("realm") if answer.is_success else None
    return found if isinstance(found, str) and found else DEFAULT_REALM


def discover(transport: Transport, name: str) -> Realm:
    """The metadata of a realm. Raises CliError for a server that has none."""
    base = f"/auth/realms/{quote(name, safe='')}"
    answer = transport.send("GET", f"{base}/.well-known/openid-configuration")
    found = members(answer)
    issuer, token = found.get("issuer"), found.get("token_endpoint")
    if not answer.is_success or not isinstance(issuer, str) or not isinstance(token, str):
        raise CliError(f"{transport.url} is no runplane server, or has no realm {name}.")

    def at(member: str) -> str:
        given = found.get(member)
        if not isinstance(given, str):
            return ""
        # Only the part behind the issuer is kept: see the note at the top.
        return transport.url + base + given.removeprefix(issuer) if given.startswith(issuer) else given

    return Realm(
        name=name,
        issuer=issuer,
        token=at("token_endpoint"),
        authorization=at("authorization_endpoint"),
        device=at("device_authorization_endpoint"),
        revocation=at("revocation_endpoint"),
        introspection=at("introspection_endpoint"),
        says_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        algorithms=_texts(found.get("id_token_signing_alg_values_supported")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


@dataclass(frozen=True, slots=True)
class OAuth:
    """Token calls of one client at one realm."""

    transport: Transport
    realm: Realm
    client_id: str = PUBLIC_CLIENT

    def password(self, username: str, password: str) -> Tokens:
        """Tokens of a person. Raises OAuthRefused."""
        form = {"grant_type": "password", "username": username, "password": password}
        return self._tokens({**form, "scope": _SCOPE})

    def client_secret(self, secret: str) -> Tokens:
        """A token of a service account or an access key. Raises OAuthRefused."""
        return self._tokens({"grant_type": "client_credentials", "client_secret": secret})

    def refresh(self, token: str) -> Tokens:
        """The next tokens of a session; `token` is spent by it. Raises OAuthRefused."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": token})

    def code(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """The tokens that a browser login ends with. Raises OAuthRefused."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._tokens({**form, "code_verifier": verifier})

    def device_code(self, code: str) -> Tokens:
        """The tokens of a device login, once it was allowed. Raises OAuthRefused, also to say: not yet."""
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        return self._tokens({"grant_type": grant, "device_code": code})

    def start_device(self) -> dict[str, Any]:
        """Begin a device login: what RFC 8628 section 3.2 lists. Raises OAuthRefused."""
        return self.post(self.realm.device, {"scope": _SCOPE})

    def revoke(self, token: str, secret: str = "") -> None:
        """End a token, and its session with a refresh token. Raises OAuthRefused."""
        self.post(self.realm.revocation, {"token": token} | ({"client_secret": secret} if secret else {}))

    def post(self, address: str, form: dict[str, str]) -> dict[str, Any]:
        """What a call of the realm answers. Raises OAuthRefused and Unreachable."""
        answer = self.transport.send("POST", address, form={"client_id": self.client_id, **form})
        found = members(answer)
        if answer.is_success:
            return found
        error = str(found.get("error") or "")
        said = (
            found.get("error_description") or found.get("message") or f"the answer was {answer.status_code}"
        )
        if answer.status_code == 429 or (answer.status_code >= 500 and not error):
            raise Unreachable(f"{self.transport.url} cannot do it now: {said}")
        raise OAuthRefused(error, str(said))

    def _tokens(self, form: dict[str, str]) -> Tokens:
        found = self.post(self.realm.token, form)
        token, lifetime = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not isinstance(lifetime, int | float):
            raise CliError(f"{self.transport.url} gave no token; it is no runplane server.")
        texts = {key: found.get(key) or "" for key in ("refresh_token", "id_token", "scope")}
        return Tokens(token, float(lifetime), **{key: str(it) for key, it in texts.items()})


def claims(token: str) -> dict[str, Any]:
    """What a token says, unverified: it came straight from the server that made it. Raises CliError."""
    try:
        payload = token.split(".")[1]
        found: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError):
        raise CliError("The token is not one of a runplane server.") from None
    if not isinstance(found, dict):
        raise CliError("The token is not one of a runplane server.")
    return found  # pyright: ignore[reportUnknownVariableType] - each claim is checked where it is used
