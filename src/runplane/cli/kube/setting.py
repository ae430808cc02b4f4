"""`runplane kubeconfig set`: which profile is changed, into which form, and which are left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runplane.cli.connect import Target, chosen
from runplane.cli.failures import WrongUsage
from runplane.cli.kube import users
from runplane.cli.kube.profiles import CERTIFICATES, Profile, Profiles, set_user
from runplane.cli.session.contexts import Context, Home
from runplane.cli.session.renewal import token_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Form:
    """The flags: the user's name, its form, and the profile."""

    username: str | None = None
    static_token: bool = False
    auth_provider: bool = False
    kubeconfig: Path | None = None
    kube_context: str | None = None


def set_up(target: Target, form: Form, say: Say, warn: Say) -> None:
    """Change the profile and say what it does now. Raises CliError; then no file is changed."""
    if form.static_token and form.auth_provider:
        raise WrongUsage("Give one of --static-token and --auth-provider.")
    home = Home.of_environment()
    context = chosen(home, target)
    profiles = Profiles(form.kubeconfig)
    profile = profiles.profile(form.kube_context)
    if profile.from_openshift:
        say(f"The Kubernetes profile {profile.context} has a token of `oc login`; it is used as it is.")
        return
    profile.require_no_certificate()
    user = form.username or f"runplane-{context.name}"
    user_file, members = profiles.holder(user)
    if any(members.get(it) for it in CERTIFICATES):
        raise WrongUsage(f"The user {user} has a client certificate; choose another name with --username.")
    change, told = _form(home, context, form, profile, warn)
    set_user(home, profile, user, user_file, change)
    say(told)


def _form(
    home: Home, context: Context, form: Form, profile: Profile, warn: Say
) -> tuple[Callable[[Any], None], str]:
    """The change of the user's members, and the sentence about it."""
    if form.static_token:
        found = token_of(home, context)
        ends = datetime.fromtimestamp(found.expires_at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
        warn(f"The token in the file ends at {ends}; run the command again then.")
        told = f"The Kubernetes profile {profile.context} sends a token of {context.name}."
        return lambda user: users.use_token(user, found.access_token), told
    if form.auth_provider:
        issuer = _issuer(context)
        told = f"The Kubernetes profile {profile.context} is of the older kind now; run `runplane login`."
        return lambda user: users.use_older(user, context, issuer, users.OLDER_CLIENT), told
    told = f"The Kubernetes profile {profile.context} asks runplane for tokens of {context.name}."
    return lambda user: users.use_plugin(user, context.name), told


def _issuer(context: Context) -> str:
    from runplane.cli.session.oauth import discover
    from runplane.cli.transport import Transport

    with Transport(context.server.url, context.server.ca_file) as transport:
        return discover(transport, context.server.realm).issuer
