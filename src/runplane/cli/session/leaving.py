"""Logging out: the session ends on the server first, then what is stored here goes.

Deleting here happens in any case. Where the server could not be told, the command says so and fails, because
the session is still alive there.
"""

from __future__ import annotations

from pathlib import Path

from runplane.cli.connect import Target, chosen
from runplane.cli.failures import CliError
from runplane.cli.kube import older
from runplane.cli.session import credentials as secrets
from runplane.cli.session import runai_files
from runplane.cli.session.contexts import Context, Home
from runplane.cli.session.credentials import Credentials
from runplane.cli.session.login import Say
from runplane.cli.session.oauth import PUBLIC_CLIENT, OAuth, discover
from runplane.cli.transport import Transport


def log_out(target: Target, kubeconfig: Path | None, say: Say, warn: Say) -> None:
    """Log out of one context. Raises CliError."""
    home = Home.of_environment()
    context = chosen(home, target)
    failed = _leave(home, context, kubeconfig, say)
    if failed is not None:
        warn(f"The tokens of {context.name} were deleted here, but the session goes on at the server.")
        raise failed


def delete(name: str, say: Say, warn: Say) -> None:
    """Log out of a context and forget it. Raises CliError only where nothing could be forgotten."""
    home = Home.of_environment()
    failed = _leave(home, home.context(name), None, None)
    if failed is not None:
        warn(f"The session goes on at the server until it expires: {failed}")
    home.delete(name)
    say(f"The context {name} is forgotten.")


def _leave(home: Home, context: Context, kubeconfig: Path | None, say: Say | None) -> CliError | None:
    """What kept the server from being told, if anything did."""
    with home.lock(f"{context.name}.renewal"):
        found = secrets.load(home, context.name)
        profile = _attached(context, kubeconfig)
        if found is None and profile is None:
            if say is not None:
                say(f"You were not logged in to {context.name}.")
            return None
        failed = _tell_server(context, found, profile)
        secrets.forget(home, context.name)
    if profile is not None:
        profile.detach(home)
    if context.entry.runai_files:
        runai_files.remove_token()
    if failed is None and say is not None:
        say(f"Logged out of {context.name}.")
    return failed


def _attached(context: Context, kubeconfig: Path | None) -> older.OlderProfile | None:
    profile = older.current(kubeconfig)
    if profile is None or not profile.refresh_token or profile.realm != context.server.realm:
        return None
    return profile if profile.server == context.server.url else None


def _tell_server(
    context: Context, found: Credentials | None, profile: older.OlderProfile | None
) -> CliError | None:
    try:
        with Transport(context.server.url, context.server.ca_file) as transport:
            realm = discover(transport, context.server.realm)
            if profile is not None:
                OAuth(transport, realm, profile.client_id).revoke(profile.refresh_token)
            if found is not None:
                oauth = OAuth(transport, realm, found.client_id or PUBLIC_CLIENT)
                token = found.refresh_token or found.access_token
                _revoke(oauth, token, found)
    except CliError as error:
        return error
    return None


def _revoke(oauth: OAuth, token: str, found: Credentials) -> None:
    # A machine's token can be revoked with its secret only; without it the token ends by itself.
    if found.refresh_token or found.client_secret or found.client_id == PUBLIC_CLIENT:
        oauth.revoke(token, found.client_secret)
