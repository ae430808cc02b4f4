"""Authorization requests: read, judged, and carried through the browser (RFC 6749 section 4.1.1).

Nothing is stored until a person agrees. The request travels as a sealed text in the address of the page that
asks the person, so that strangers who open the address a million times fill no table, and any replica can go
on. It can be read and altered by nobody, expires, and gives nothing by itself: only a person with a session
turns it into a code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from runplane.server.core.errors import GrantRefused, Invalid, NotFound
from runplane.server.identity.logins.public_clients import (
    CODE_PAGE,
    PUBLIC_CLIENTS,
    PublicClient,
    is_loopback,
    takes_redirect,
)
from runplane.server.identity.realms import Realm
from runplane.server.identity.scopes import read_scope
from runplane.server.identity.vault import KeyEncryptionKey, VaultError

REQUEST_SECONDS: Final = 1800
"""How long a person may take to sign in and agree."""

_CONTEXT: Final = b"authorization request"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_MAX_TEXT: Final = 1024
_PROMPTS: Final = frozenset({"", "none", "login", "consent", "select_account"})
_MAX_SEALED: Final = 16 * 1024


class AuthorizationRequest(msgspec.Struct, frozen=True):
    """A request whose client and redirect URI hold. Times in seconds."""

    tenant_id: int
    client_id: str
    redirect_uri: str
    challenge: str
    # what the tokens are to be confined to, as it was read; empty for not at all
    scope: str = ""
    state: str = ""
    nonce: str = ""
    login_hint: str = ""
    # the person must have signed in after this instant, since 1970
    signed_in_after: int = 0
    expires_at: int = 0

    def __repr__(self) -> str:
        # `state` and `nonce` are the client's secrets
        return f"AuthorizationRequest({self.client_id}, {self.redirect_uri})"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that ends before anybody was asked: where to send the browser."""

    location: str


def read_request(
    params: Mapping[str, list[str]], realm: Realm, public_url: str, now: float
) -> AuthorizationRequest | Refused:
    """The request that the parameters of an address make, or where its client hears why not.

    Raises Invalid, to be shown and not sent on, when client or redirect URI do not hold (section 4.1.2.1).
    """
    client, redirect_uri = _client_and_redirect(params, public_url)
    repeated = next((name for name, values in params.items() if len(values) > 1), None)
    given = {name: values[0] for name, values in params.items() if values[0] != ""}
    state = given.get("state", "")
    problem = _problem_of(given, repeated)
    try:
        scope = read_scope(given.get("scope", "")).text
    except GrantRefused as error:
        problem, scope = problem or (error.error, error.message), ""
    if problem is not None:
        return Refused(answer_to(redirect_uri, realm, state, error=problem[0], error_description=problem[1]))
    fresh = "login" in given.get("prompt", "").split(" ")
    return AuthorizationRequest(
        tenant_id=realm.tenant_id,
        client_id=client.id,
        redirect_uri=redirect_uri,
        challenge=given["code_challenge"],
        scope=scope,
        state=state,
        nonce=given.get("nonce", ""),
        login_hint=given.get("login_hint", "")[:200],
        signed_in_after=int(now) if fresh else _youngest(given, now),
        expires_at=int(now) + REQUEST_SECONDS,
    )


def answer_to(redirect_uri: str, realm: Realm, state: str, **members: str) -> str:
    """The address that carries an answer back to the client, with its state and our name (RFC 9207)."""
    found = {**members, **({"state": state} if state else {}), "iss": realm.issuer}
    return f"{redirect_uri}?{urlencode(found)}"


def seal(kek: KeyEncryptionKey, request: AuthorizationRequest) -> str:
    """The request as text for an address. Hexadecimal, because an underscore may not occur in a path."""
    return kek.seal(msgspec.msgpack.encode(request), _CONTEXT).hex()


def unseal(kek: KeyEncryptionKey, text: str, now: float) -> AuthorizationRequest:
    """The request that `seal` wrote. Raises NotFound for anything else and for one that has expired."""
    gone = NotFound("This sign-in has expired or never began; start it again where you came from.")
    if len(text) > _MAX_SEALED:
        raise gone
    try:
        plain = kek.open(bytes.fromhex(text), _CONTEXT)
        found = msgspec.msgpack.decode(plain, type=AuthorizationRequest)
    except (ValueError, VaultError, msgspec.DecodeError):
        raise gone from None
    if found.expires_at <= now:
        raise gone
    return found


def shown_host(redirect_uri: str) -> str:
    """Where an answer goes, for the person: the host, "" when it is shown for copying."""
    parts = urlsplit(redirect_uri)
    return "" if parts.path.endswith(CODE_PAGE) else parts.netloc


def stays_here(redirect_uri: str) -> bool:
    """Whether the answer goes to a program on the person's own machine."""
    return bool(shown_host(redirect_uri)) and is_loopback(redirect_uri)


def _client_and_redirect(params: Mapping[str, list[str]], public_url: str) -> tuple[PublicClient, str]:
    client_ids, redirects = params.get("client_id", []), params.get("redirect_uri", [])
    if len(client_ids) != 1 or len(redirects) != 1:
        raise Invalid("Send client_id and redirect_uri, each of them once.")
    client = PUBLIC_CLIENTS.get(client_ids[0])
    if client is None:
        raise Invalid(
            f"There is no client {client_ids[0][:60]!r}; people sign in through one of "
            f"{', '.join(sorted(PUBLIC_CLIENTS))}."
        )
    if not takes_redirect(client, redirects[0], public_url):
        raise Invalid(
            f"The client {client.id} may not send people there: redirect_uri must be a listener on their own "
            f"machine, such as http://127.0.0.1:8000/callback, or {public_url}{CODE_PAGE}."
        )
    return client, redirects[0]


def _problem_of(given: Mapping[str, str], repeated: str | None) -> tuple[str, str] | None:
    """What is wrong with a request that may be answered: an error code and a sentence."""
    challenge, method = given.get("code_challenge", ""), given.get("code_challenge_method")
    problems = (
        (repeated is not None, "invalid_request", f"{(repeated or '')[:60]} may be given once only."),
        ("request" in given, "request_not_supported", "Send the parameters one by one."),
        ("request_uri" in given, "request_uri_not_supported", "Send the parameters one by one."),
        (
            given.get("response_type") != "code",
            "unsupported_response_type",
            "The only response_type is code.",
        ),
        (
            given.get("response_mode", "query") != "query",
            "invalid_request",
            "The only response_mode is query.",
        ),
        (
            any(len(given.get(name, "")) > _MAX_TEXT for name in ("state", "nonce")),
            "invalid_request",
            f"state and nonce have at most {_MAX_TEXT} characters.",
        ),
        (
            method != "S256" or not _CHALLENGE.fullmatch(challenge),
            "invalid_request",
            "Send a code_challenge with code_challenge_method=S256 (RFC 7636).",
        ),
    )
    found = next(((error, sentence) for wrong, error, sentence in problems if wrong), None)
    return found or _problem_of_prompt(given)


def _problem_of_prompt(given: Mapping[str, str]) -> tuple[str, str] | None:
    prompt, age = set(given.get("prompt", "").split(" ")), given.get("max_age", "0")
    if not prompt <= _PROMPTS or ("none" in prompt and len(prompt) > 1):
        return "invalid_request", "prompt is none, login, consent or select_account."
    if not (age.isascii() and age.isdigit()) or len(age) > 9:
        return "invalid_request", "max_age is a number of seconds."
    if "none" in prompt:
        # whoever asks gets tokens that act for the person: that is never decided without asking
        return "interaction_required", "A person has to agree to this sign-in."
    return None


def _youngest(given: Mapping[str, str], now: float) -> int:
    return max(0, int(now) - int(given["max_age"])) if "max_age" in given else 0
