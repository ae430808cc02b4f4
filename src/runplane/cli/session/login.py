"""What all ways of logging in share: finding the realm before, and keeping the result after.

A Kubernetes profile of the older kind gets the refresh token for itself. Two programs must not hold one: it
works once, and its second use ends the session.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runplane.cli.connect import given_server, known_ca_file
from runplane.cli.failures import CliError, WrongUsage
from runplane.cli.kube import older
from runplane.cli.server import Api, FixedToken
from runplane.cli.session import credentials as secrets
from runplane.cli.session import runai_files
from runplane.cli.session.contexts import (
    ContextEntry,
    Home,
    ServerEntry,
    checked_name,
    checked_url,
    is_loopback,
    server_name,
)
from runplane.cli.session.oauth import PUBLIC_CLIENT, OAuth, Realm, Tokens, claims, discover, realm_of
from runplane.cli.session.renewal import obtained
from runplane.cli.session.wish import Wish
from runplane.cli.transport import Transport

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one login takes place."""

    wish: Wish
    home: Home
    transport: Transport
    realm: Realm
    name: str
    profile: older.OlderProfile | None

    @property
    def oauth(self) -> OAuth:
        """The token calls of a person at this realm."""
        return OAuth(self.transport, self.realm, self.profile.client_id if self.profile else PUBLIC_CLIENT)


@contextmanager
def desk(wish: Wish, warn: Say) -> Generator[Desk]:
    """Find the server, the realm and the Kubernetes profile that a login is about. Raises CliError."""
    home = Home.of_environment()
    profile = older.current(wish.kubeconfig) if wish.touch_kubeconfig else None
    url, ca_file = _place(home, wish, profile)
    if url.startswith("http:") and not is_loopback(url):
        warn(f"Warning: {url} is not encrypted; what you type can be overheard on the way.")
    with Transport(url, ca_file) as transport:
        realm_name = wish.realm or (profile.realm if profile and not _named(wish) else realm_of(transport))
        realm = discover(transport, realm_name)
        if profile is not None and profile.issuer != realm.issuer:
            profile = None
        if profile is not None:
            profile.require_no_certificate()
        name = checked_name(wish.target.context or server_name(url))
        yield Desk(wish, home, transport, realm, name, profile)


def keep(at: Desk, tokens: Tokens, way: str, say: Say, *, client_id: str = "", secret: str = "") -> None:
    """Store a login, make it the current one and say so. `secret` is kept with it. Raises CliError."""
    found = claims(tokens.access_token)
    subject = str(found.get("email") or found.get("preferred_username") or found.get("sub") or "")
    profile = None if client_id else at.profile
    made = obtained(
        tokens.lifetime,
        access_token=tokens.access_token,
        refresh_token="" if profile else tokens.refresh_token,
        id_token=tokens.id_token,
        client_id=client_id or at.oauth.client_id,
        client_secret=secret,
    )
    if profile is not None:
        profile.attach(at.home, tokens.id_token, tokens.refresh_token, way)
    # Under the lock of renewals: one that began before would store the login that this one replaces.
    with at.home.lock(f"{at.name}.renewal"):
        before = secrets.load(at.home, at.name)
        secrets.store(at.home, at.name, made)
    at.home.store(
        at.name,
        ContextEntry(server_name(at.transport.url), way, subject, at.wish.runai_files),
        ServerEntry(at.transport.url, at.realm.name, _text(_ca_file(at.home, at.wish, at.transport.url))),
    )
    if at.wish.runai_files:
        runai_files.write(at.transport.url, _cluster(at, tokens), tokens.access_token)
    if before is not None and before.refresh_token:
        # The login that this one replaces: nobody holds it any more, so it should not live on.
        with suppress(CliError):
            OAuth(at.transport, at.realm, before.client_id or PUBLIC_CLIENT).revoke(before.refresh_token)
    say(f"Logged in to {at.transport.url} as {subject} (context {at.name}).")
    if profile is not None:
        say(f"The Kubernetes profile {profile.context} has its tokens.")


def _named(wish: Wish) -> str | None:
    return wish.address or given_server(wish.target)


def _place(home: Home, wish: Wish, profile: older.OlderProfile | None) -> tuple[str, str | Path | None]:
    if wish.address and wish.target.server:
        raise WrongUsage("Give the server once: as the argument or with --server.")
    given = _named(wish)
    if given is not None:
        url = checked_url(given)
    elif wish.target.context and wish.target.context in home.config().contexts:
        url = home.context(wish.target.context).server.url
    elif profile is not None:
        url = profile.server
    else:
        current = home.config().current
        if current is None:
            raise WrongUsage("Say which server: `runplane login https://runplane.example.com`.")
        url = home.context(current).server.url
    return url, _ca_file(home, wish, url)


def _ca_file(home: Home, wish: Wish, url: str) -> str | Path | None:
    given = wish.target.ca_file
    # absolute, because commands run in other folders; and without `..`, to be readable
    return os.path.abspath(given) if given else known_ca_file(home, url)  # noqa: PTH100


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(path)


def _cluster(at: Desk, tokens: Tokens) -> str:
    """The id of the cluster that the older tools are to use; empty where that is not clear."""
    api = Api(at.transport, FixedToken(tokens.access_token))
    found = {str(it["name"]): str(it["uuid"]) for it in api.get("/api/v1/clusters", verbosity="metadata")}
    wanted = at.wish.cluster
    if wanted is not None:
        if wanted not in {*found, *found.values()}:
            raise WrongUsage(f"There is no cluster {wanted}; there are: {', '.join(found) or 'none'}.")
        return found.get(wanted, wanted)
    return next(iter(found.values())) if len(found) == 1 else ""
