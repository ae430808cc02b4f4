"""`runplane login`: the sign-in page in a browser, and the result on a port of this machine (RFC 8252).

The code that comes back is worth nothing without the verifier, which never leaves this process (PKCE), and is
taken only with the state that was sent and from the server that was asked (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

from runplane.cli.asking import ask
from runplane.cli.failures import CliError, NotLoggedIn
from runplane.cli.session.listener import Listener
from runplane.cli.session.login import Desk, Say
from runplane.cli.session.oauth import Tokens, claims

WAIT_SECONDS: Final = 300.0
PASTE_PATH: Final = "/oauth-code"


def _random() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What ties the answer of a browser to the question of this process."""

    verifier: str = field(default_factory=_random, repr=False)
    state: str = field(default_factory=_random, repr=False)
    nonce: str = field(default_factory=_random, repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's hash, which may travel openly (RFC 7636 section 4.2)."""
        hashed = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def has_browser(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> bool:
    """Whether a browser that opens now would open in front of the person."""
    environ = os.environ if environ is None else environ
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return False
    return platform in ("darwin", "win32") or bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def log_in(at: Desk, warn: Say, *, host: str, port: int, wait: float = WAIT_SECONDS) -> Tokens:
    """Tokens of whoever signs in on the page. Raises CliError."""
    proofs = Proofs()
    with Listener(host, port, lambda given: _is(given, proofs.state)) as listener:
        page = address(at, proofs, listener.redirect_uri)
        warn(f"Your browser opens a page of {at.transport.url}. If it does not, open this address:\n{page}")
        _open(page)
        answer = listener.wait(wait)
        if answer is None:
            raise NotLoggedIn("Nobody signed in on the page in time; run `runplane login` again.")
        return finish(at, proofs, answer, listener.redirect_uri)


def log_in_elsewhere(at: Desk, warn: Say) -> Tokens:
    """Tokens by a code that the page shows in a browser of another machine. Raises CliError."""
    proofs = Proofs()
    redirect_uri = at.realm.issuer.partition("/auth/realms/")[0] + PASTE_PATH
    page = address(at, proofs, redirect_uri)
    warn(f"Open this address in any browser, sign in, and paste the code that it shows:\n{page}")
    code = ask("Code", instead="use `runplane login device`").strip()
    return _checked(at, proofs, at.oauth.code(code, redirect_uri, proofs.verifier))


def address(at: Desk, proofs: Proofs, redirect_uri: str) -> str:
    """The address of the sign-in page for one login. Raises CliError."""
    if not at.realm.authorization:
        raise CliError(f"{at.transport.url} has no login by browser; use `runplane login user`.")
    scopes = ["openid", *(at.profile.scopes if at.profile else ())]
    query = {
        "response_type": "code",
        "client_id": at.oauth.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": proofs.state,
        "nonce": proofs.nonce,
        "code_challenge": proofs.challenge,
        "code_challenge_method": "S256",
    }
    return f"{at.realm.authorization}?{urlencode(query)}"


def finish(at: Desk, proofs: Proofs, answer: Mapping[str, str], redirect_uri: str) -> Tokens:
    """Tokens for what the browser brought back, whose state is right. Raises NotLoggedIn."""
    issuer = answer.get("iss")
    if issuer != at.realm.issuer and (issuer is not None or at.realm.says_issuer):
        raise NotLoggedIn("The answer came from another server than the one that was asked; log in again.")
    if "code" not in answer:
        said = answer.get("error_description") or answer.get("error") or "no code came back"
        raise NotLoggedIn(f"The login was not completed: {said}")
    return _checked(at, proofs, at.oauth.code(answer["code"], redirect_uri, proofs.verifier))


def _checked(at: Desk, proofs: Proofs, tokens: Tokens) -> Tokens:
    # OpenID Connect Core 3.1.3.7; the signature is the connection's, over which the token came.
    found = claims(tokens.id_token) if tokens.id_token else {}
    audience: Any = found.get("aud")
    # one text or a list of them
    named = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
    nonce = str(found.get("nonce", ""))
    if found.get("iss") != at.realm.issuer or at.oauth.client_id not in named or not _is(nonce, proofs.nonce):
        raise NotLoggedIn("The answer belongs to another login; run `runplane login` again.")
    return tokens


def _is(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _open(page: str) -> None:
    import webbrowser

    # Some browsers run until they are closed; and whether one opened shows by an answer only.
    threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
