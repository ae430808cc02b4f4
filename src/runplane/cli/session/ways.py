"""The ways of logging in, from their flags to a stored login."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from runplane.cli.asking import ask
from runplane.cli.connect import secret_from
from runplane.cli.failures import NotLoggedIn, WrongUsage
from runplane.cli.session import browser as browsers
from runplane.cli.session import device as devices
from runplane.cli.session import password as passwords
from runplane.cli.session.login import Desk, Say, desk, keep
from runplane.cli.session.oauth import OAuth, OAuthRefused
from runplane.cli.session.wish import Wish


@dataclass(frozen=True, slots=True)
class Client:
    """The flags of a login without a person."""

    client_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    secret_file: Path | None = None
    interactive: bool = False
    save: bool = False


def browser(wish: Wish, host: str, port: int, say: Say, warn: Say) -> None:
    """Log in with a browser of this machine, or with a code where there is none. Raises CliError."""
    with desk(wish, warn) as at:
        flow = at.profile.flow if at.profile else ""
        if flow == "cli":
            _user(at, None, None, say)
        elif flow == "remote-browser":
            _elsewhere(at, say, warn)
        elif browsers.has_browser() or not at.realm.device:
            keep(at, browsers.log_in(at, warn, host=host, port=port), "browser", say)
        else:
            keep(at, devices.log_in(at, warn), "device", say)


def remote_browser(wish: Wish, say: Say, warn: Say) -> None:
    """Log in with a browser of another machine that shows a code. Raises CliError."""
    with desk(wish, warn) as at:
        _elsewhere(at, say, warn)


def device(wish: Wish, say: Say, warn: Say) -> None:
    """Log in with a code that is shown here. Raises CliError."""
    with desk(wish, warn) as at:
        keep(at, devices.log_in(at, warn), "device", say)


def user(wish: Wish, email: str | None, password: str | None, file: Path | None, say: Say, warn: Say) -> None:
    """Log in with a password. Raises CliError."""
    if password is not None and file is not None:
        raise WrongUsage("Give one of --password and --password-file.")
    with desk(wish, warn) as at:
        _user(at, email, secret_from(file) if file is not None else password, say)


def application(wish: Wish, client: Client, say: Say, warn: Say) -> None:
    """Log in as a service account or with an access key. Raises CliError."""
    if client.secret is not None and client.secret_file is not None:
        raise WrongUsage("Give one of --secret and --secret-file.")
    client_id = client.client_id or os.environ.get("RUNPLANE_CLIENT_ID") or ""
    secret = secret_from(client.secret_file) if client.secret_file is not None else client.secret
    secret = secret or os.environ.get("RUNPLANE_CLIENT_SECRET") or ""
    if not client_id or not secret:
        instead = "give --client-id and --secret-file"
        if not client.interactive:
            raise WrongUsage(f"{instead.capitalize()}, or --interactive to be asked.")
        client_id = client_id or ask("Client id", instead=instead)
        secret = secret or ask("Secret", hidden=True, instead=instead)
    with desk(wish, warn) as at:
        try:
            tokens = OAuth(at.transport, at.realm, client_id).client_secret(secret)
        except OAuthRefused as error:
            raise NotLoggedIn(str(error)) from None
        kept = secret if client.save else ""
        keep(at, tokens, "application", say, client_id=client_id, secret=kept)
    if not client.save:
        warn("The secret was not kept, so this login ends with its token; give --save to renew it.")


def _user(at: Desk, email: str | None, password: str | None, say: Say) -> None:
    keep(at, passwords.log_in(at, email, password), "user", say)


def _elsewhere(at: Desk, say: Say, warn: Say) -> None:
    keep(at, browsers.log_in_elsewhere(at, warn), "browser", say)
