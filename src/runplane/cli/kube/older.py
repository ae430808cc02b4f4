"""Kubernetes profiles of the older kind: a user with an `oidc` entry, whose tokens are in the file itself.

`runplane login` puts the ID token and the refresh token there, as the older command line did, and touches
nothing else but the name of the way of logging in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runplane.cli.failures import CliError
from runplane.cli.kube.profiles import Profile, Profiles, set_user
from runplane.cli.kube.users import OLDER_FLOWS, OLDER_TOKENS, older_config
from runplane.cli.session.contexts import Home
from runplane.cli.session.oauth import DEFAULT_REALM, PUBLIC_CLIENT
from runplane.cli.yaml_edit import put, remove, text


@dataclass(frozen=True, slots=True)
class OlderProfile:
    """The current profile, if its user has such an entry."""

    profile: Profile
    issuer: str
    client_id: str
    flow: str
    scopes: tuple[str, ...]
    refresh_token: str

    @property
    def context(self) -> str:
        """The profile's name."""
        return self.profile.context

    @property
    def server(self) -> str:
        """The address of the server that the entry logs in to."""
        return self.issuer.partition("/auth/realms/")[0]

    @property
    def realm(self) -> str:
        """The realm in the issuer's address."""
        return self.issuer.partition("/auth/realms/")[2] or DEFAULT_REALM

    def require_no_certificate(self) -> None:
        """Raises CliError for a user with a client certificate."""
        self.profile.require_no_certificate()

    def attach(self, home: Home, id_token: str, refresh_token: str, way: str) -> None:
        """Store the tokens of a login. Raises CliError."""
        if not id_token or not refresh_token:
            raise CliError("The server gave no ID token, and the Kubernetes profile needs one.")

        def change(user: Any) -> None:
            config = user["auth-provider"]["config"]
            put(config, "id-token", text(id_token))
            put(config, "refresh-token", text(refresh_token))
            put(config, "auth-flow", OLDER_FLOWS.get(way, "browser"))

        set_user(home, self.profile, self.profile.user, self.profile.user_file, change)

    def detach(self, home: Home) -> None:
        """Delete the tokens. Raises CliError."""

        def change(user: Any) -> None:
            remove(user["auth-provider"]["config"], *OLDER_TOKENS)

        set_user(home, self.profile, self.profile.user, self.profile.user_file, change)


def current(explicit: Path | None = None) -> OlderProfile | None:
    """The current profile, if it is of the older kind. Raises CliError for a file that was named.

    A kubeconfig that is broken or says nothing must not keep anybody from logging in.
    """
    try:
        profile = Profiles(explicit).profile()
    except CliError:
        if explicit is not None:
            raise
        return None
    config = older_config(profile.members)
    issuer = str(config.get("idp-issuer-url") or "") if config is not None else ""
    if config is None or "/auth/realms/" not in issuer:
        return None
    return OlderProfile(
        profile,
        issuer,
        str(config.get("client-id") or PUBLIC_CLIENT),
        str(config.get("auth-flow") or ""),
        tuple(str(config.get("additional-scope") or "").split()),
        str(config.get("refresh-token") or ""),
    )
