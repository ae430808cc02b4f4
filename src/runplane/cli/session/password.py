"""`runplane login user`: an e-mail address and a password of a local user."""

from __future__ import annotations

from typing import Final

from runplane.cli.asking import ask
from runplane.cli.failures import NotLoggedIn, WrongUsage
from runplane.cli.server import refusal
from runplane.cli.session.login import Desk
from runplane.cli.session.oauth import OAuthRefused, Tokens

_FLAG: Final = "give --user and --password-file"
PASSWORD_CHANGE: Final = "password-change"  # noqa: S105 - the scope of a token that can do nothing else


def log_in(at: Desk, user: str | None, password: str | None) -> Tokens:
    """Tokens of a person, who is asked for what is None. Raises CliError."""
    user = user or ask("E-mail", instead=_FLAG)
    password = password or ask("Password", hidden=True, instead=_FLAG)
    tokens = _tokens(at, user, password)
    if tokens.scope != PASSWORD_CHANGE:
        return tokens
    chosen = _new_password()
    body = {"currentPassword": password, "newPassword": chosen}
    answer = at.transport.send("POST", "/api/v1/me/password", token=tokens.access_token, body=body)
    if not answer.is_success:
        raise refusal(answer)
    return _tokens(at, user, chosen)


def _tokens(at: Desk, user: str, password: str) -> Tokens:
    try:
        return at.oauth.password(user, password)
    except OAuthRefused as error:
        raise NotLoggedIn(f"{error}") from None


def _new_password() -> str:
    try:
        return ask("New password (the current one is temporary)", hidden=True, twice=True, instead="")
    except WrongUsage:
        sentence = "Your password is temporary; run `runplane login user` in a terminal to choose a new one."
        raise NotLoggedIn(sentence) from None
