"""A token that works, for whoever needs one: the stored one, or a new one in its place.

Renewing happens under a lock and looks again after waiting for it. A refresh token works once, and its second
use ends the session: of two commands started together one renews, and the other finds the result.
"""

from __future__ import annotations

import time

from runplane.cli.failures import CliError, NotLoggedIn
from runplane.cli.session import credentials as secrets
from runplane.cli.session import runai_files
from runplane.cli.session.contexts import Context, Home
from runplane.cli.session.credentials import Credentials


def token_of(home: Home, context: Context, *, rejected: str = "") -> Credentials:
    """Credentials whose access token is fresh and is not the `rejected` one.

    Raises NotLoggedIn when a person has to log in again, and Unreachable.
    """
    found = secrets.load(home, context.name)
    if found is not None and _good(found, rejected):
        return found
    with home.lock(f"{context.name}.renewal"):
        found = secrets.load(home, context.name)
        if found is not None and _good(found, rejected):
            return found
        if found is None or not found.renewable:
            raise NotLoggedIn(f"The login {context.name} has expired; run {_command(context)}.")
        renewed = _renew(context, found)
        secrets.store(home, context.name, renewed)
    if context.entry.runai_files:
        runai_files.write_token(renewed.access_token)
    return renewed


def obtained(tokens_lifetime: float, **members: str) -> Credentials:
    """Credentials that were got just now; `tokens_lifetime` is in seconds."""
    now = time.time()
    return Credentials(obtained_at=now, expires_at=now + tokens_lifetime, **members)


def _good(found: Credentials, rejected: str) -> bool:
    return found.fresh() and found.access_token != rejected


def _renew(context: Context, found: Credentials) -> Credentials:
    from runplane.cli.session.oauth import PUBLIC_CLIENT, OAuth, OAuthRefused, discover
    from runplane.cli.transport import Transport

    with Transport(context.server.url, context.server.ca_file) as transport:
        realm = discover(transport, context.server.realm)
        oauth = OAuth(transport, realm, found.client_id or PUBLIC_CLIENT)
        try:
            secret = found.client_secret
            made = oauth.client_secret(secret) if secret else oauth.refresh(found.refresh_token)
        except OAuthRefused as error:
            raise NotLoggedIn(f"{error} Run {_command(context)}.") from None
    return obtained(
        made.lifetime,
        access_token=made.access_token,
        refresh_token=made.refresh_token or found.refresh_token,
        id_token=made.id_token or found.id_token,
        client_id=found.client_id,
        client_secret=found.client_secret,
    )


def _command(context: Context) -> str:
    ways = {"browser": "", "user": " user", "device": " device", "application": " application"}
    way = ways.get(context.entry.login)
    if way is None:
        raise CliError(f"The context {context.name} was made in a way unknown here: {context.entry.login}.")
    return f"`runplane login{way} --server {context.server.url} --context {context.name}`"
