"""From the flags and the environment to a server and a token: one order of precedence for every command.

What stands on the command line goes before the environment, and that before the stored login. RUNPLANE_TOKEN
goes to the server that is named beside it, else to that of the current login, else to this machine.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runplane.cli.failures import CliError, NotLoggedIn, WrongUsage
from runplane.cli.files import read_text
from runplane.cli.session.contexts import Context, Home, checked_url

if TYPE_CHECKING:
    from runplane.cli.server import Api
    from runplane.cli.transport import Transport

DEFAULT_URL: Final = "http://127.0.0.1:8080"
CLIENT_VARIABLE: Final = "RUNPLANE_CLIENT_ID"
TOKEN_VARIABLE: Final = "RUNPLANE_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Target:
    """The flags that say where to go and as whom; None leaves it to the environment."""

    server: str | None = None
    context: str | None = None
    ca_file: Path | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_secret_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A stored login as a source of tokens."""

    home: Home
    context: Context

    def current(self) -> str:
        from runplane.cli.session.renewal import token_of

        return token_of(self.home, self.context).access_token

    def next(self, rejected: str) -> str | None:
        from runplane.cli.session.renewal import token_of

        try:
            return token_of(self.home, self.context, rejected=rejected).access_token
        except NotLoggedIn:
            return None


def connect(target: Target) -> Api:
    """A connection to the server that a command is about. Raises CliError."""
    from runplane.cli.server import Api, FixedToken
    from runplane.cli.transport import Transport

    home = Home.of_environment()
    client_id = target.client_id or _given(CLIENT_VARIABLE)
    token = _given(TOKEN_VARIABLE)
    if not is_given(target):
        context = chosen(home, target)
        url, ca_file = context.server.url, target.ca_file or context.server.ca_file
        return Api(Transport(url, ca_file), _Kept(home, context))
    url, ca_file = _address(home, target)
    if target.client_id is None and token:
        given = FixedToken(_sendable(token))
        return Api(Transport(url, ca_file), given)
    secret = _secret(target)
    with Transport(url, ca_file) as transport:
        made = _token_of_client(transport, str(client_id), secret)
    return Api(Transport(url, ca_file), FixedToken(made))


def is_given(target: Target) -> bool:
    """Whether the token comes from flags or the environment, and not from a stored login."""
    if target.client_id is not None:
        return True
    return target.context is None and any(map(_given, (TOKEN_VARIABLE, CLIENT_VARIABLE)))


def reach(target: Target) -> Transport:
    """A connection to the server that a command is about, as nobody. Raises CliError."""
    from runplane.cli.transport import Transport

    home = Home.of_environment()
    if target.context is not None:
        context = chosen(home, target)
        return Transport(context.server.url, target.ca_file or context.server.ca_file)
    return Transport(*_address(home, target))


def chosen(home: Home, target: Target) -> Context:
    """The stored login that the flags and the environment mean. Raises NotLoggedIn and WrongUsage."""
    name = target.context or _given("RUNPLANE_CONTEXT")
    server = given_server(target)
    if name:
        context = home.context(name)
        if server and target.server and context.server.url != server:
            raise WrongUsage(f"The context {name} is a login at {context.server.url}, not at {server}.")
        return context
    config = home.config()
    if server is None:
        if config.current is None:
            raise NotLoggedIn(f"You are not logged in. Run `runplane login`, or set {TOKEN_VARIABLE}.")
        return home.context(config.current)
    there = [
        home.context(it)
        for it, entry in config.contexts.items()
        if entry.server in config.servers and config.servers[entry.server].url == server
    ]
    if not there:
        raise NotLoggedIn(f"You are not logged in at {server}. Run `runplane login {server}`.")
    current = [it for it in there if it.name == config.current]
    if len(there) > 1 and not current:
        names = ", ".join(it.name for it in there)
        raise WrongUsage(f"There are several logins at {server}; choose one with --context: {names}.")
    return (current or there)[0]


def given_server(target: Target) -> str | None:
    """The address that a flag or the environment names; None where neither does. Raises WrongUsage."""
    given = target.server or _given("RUNPLANE_SERVER") or _given("RUNPLANE_URL")
    return checked_url(given) if given else None


def known_ca_file(home: Home, url: str) -> str | None:
    """The file of certificates that was given for a server at its login."""
    return next((it.ca_file for it in home.config().servers.values() if it.url == url), None)


def secret_from(path: Path) -> str:
    """The secret that a file holds, `-` standing for standard input. Raises CliError."""
    if str(path) == "-":
        import sys

        return sys.stdin.readline().strip()
    found = read_text(path).strip()
    if not found:
        raise CliError(f"{path} is empty.")
    return found


def _address(home: Home, target: Target) -> tuple[str, str | Path | None]:
    url = given_server(target)
    if url is None:
        current = home.config().current
        url = home.context(current).server.url if current else DEFAULT_URL
    return url, target.ca_file or _given("RUNPLANE_CA_FILE") or known_ca_file(home, url)


def _token_of_client(transport: Transport, client_id: str, secret: str) -> str:
    from runplane.cli.session.oauth import OAuth, OAuthRefused, discover, realm_of

    oauth = OAuth(transport, discover(transport, realm_of(transport)), client_id)
    try:
        return oauth.client_secret(secret).access_token
    except OAuthRefused as error:
        raise NotLoggedIn(f"No token for the client {client_id}: {error}") from None


def _secret(target: Target) -> str:
    if target.client_secret_file is not None:
        return secret_from(target.client_secret_file)
    secret = target.client_secret or _given("RUNPLANE_CLIENT_SECRET")
    if not secret:
        raise NotLoggedIn("Give --client-secret-file, or set RUNPLANE_CLIENT_SECRET.")
    return secret


def _sendable(token: str) -> str:
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise WrongUsage(f"{TOKEN_VARIABLE} does not hold a token.")
    return token


def _given(variable: str) -> str | None:
    return os.environ.get(variable) or None
