"""kubeconfig files as kubectl reads them: several files, and the first one that has an entry decides.

An entry is edited in the file that holds it. Entries are looked up again inside the edit, under the lock, so
that what is written belongs to what the file holds then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from runplane.cli.failures import CliError, NotThere
from runplane.cli.session.contexts import Home
from runplane.cli.yaml_edit import append, edit, put, read, text

OPENSHIFT_TOKEN: Final = "sha256~"  # noqa: S105 - how such tokens begin
CERTIFICATES: Final = ("client-certificate", "client-certificate-data", "client-key", "client-key-data")
# Ways to authenticate beside certificates; one user has one of them.
WAYS: Final = ("token", "tokenFile", "exec", "auth-provider", "username", "password")


@dataclass(frozen=True, slots=True)
class Profile:
    """A context of the files: where it stands, its cluster and its user with all members."""

    context: str
    file: Path
    cluster: str
    user: str
    user_file: Path | None
    members: dict[str, Any] = field(repr=False)

    def require_no_certificate(self) -> None:
        """Raises CliError for a user with a client certificate, which would go before any token."""
        if any(self.members.get(it) for it in CERTIFICATES):
            raise CliError(
                f"The user {self.user} of the Kubernetes profile {self.context} has a client certificate, "
                f"and a token would not be used. Make another profile and choose it with --kube-context: "
                f"`kubectl config set-context NAME --cluster={self.cluster} --user=runplane`."
            )

    @property
    def from_openshift(self) -> bool:
        """Whether `oc login` put a token there, which is good as it is."""
        return str(self.members.get("token") or "").startswith(OPENSHIFT_TOKEN)


class Profiles:
    """The files that KUBECONFIG or a flag names."""

    def __init__(self, explicit: Path | None = None) -> None:
        """Raises CliError for a file that cannot be read."""
        self.files = _files(explicit)
        self._read = {path: read(path) for path in self.files}

    def profile(self, name: str | None = None) -> Profile:
        """A context by its name, or the current one. Raises NotThere."""
        wanted = name or self._current()
        if not wanted:
            shown = ", ".join(map(str, self.files))
            if not any(path.exists() for path in self.files):
                raise NotThere(
                    f"There is no kubeconfig at {shown}; name yours with --kubeconfig or in KUBECONFIG."
                )
            raise NotThere(
                f"No Kubernetes profile is chosen in {shown}; run `kubectl config use-context NAME`."
            )
        for path, document in self._read.items():
            entry = _entry(document.get("contexts"), wanted)
            if entry is not None:
                return self._profile(wanted, path, _members(entry, "context"))
        raise NotThere(f"There is no Kubernetes profile {wanted}; `kubectl config get-contexts` shows them.")

    def holder(self, user: str) -> tuple[Path | None, dict[str, Any]]:
        """The file that has a user, and the user's members; None and nothing where none has."""
        for path, document in self._read.items():
            entry = _entry(document.get("users"), user)
            if entry is not None:
                return path, _members(entry, "user")
        return None, {}

    def _current(self) -> str:
        return next(
            (str(it["current-context"]) for it in self._read.values() if it.get("current-context")), ""
        )

    def _profile(self, name: str, path: Path, context: dict[str, Any]) -> Profile:
        user = str(context.get("user") or "")
        user_file, members = self.holder(user)
        return Profile(name, path, str(context.get("cluster") or ""), user, user_file, members)


def set_user(
    home: Home, profile: Profile, user: str, user_file: Path | None, change: Callable[[Any], None]
) -> None:
    """Apply `change` to the members of `user` and let the profile name that user. Raises CliError.

    A new user is written to the file of the profile. Where the two stand in different files the user comes
    first: a process that is killed between them leaves a profile that works as before.
    """
    place = user_file or profile.file

    def change_user(document: Any) -> None:
        entry = _entry(document.get("users"), user)
        if entry is None:
            if not document.get("users"):
                put(document, "users", [])
            append(document["users"], {"name": text(user), "user": {}})
            entry = document["users"][-1]
        if not isinstance(entry.get("user"), dict):
            put(entry, "user", {})
        change(entry["user"])

    def change_context(document: Any) -> None:
        entry = _entry(document.get("contexts"), profile.context)
        if entry is None:
            raise CliError(f"The Kubernetes profile {profile.context} has gone from {profile.file}.")
        if str(entry["context"].get("user") or "") != user:
            put(entry["context"], "user", text(user))

    def change_both(document: Any) -> None:
        change_user(document)
        change_context(document)

    with home.lock("kubeconfig"):
        if place == profile.file:
            edit(place, change_both)
        else:
            edit(place, change_user)
            edit(profile.file, change_context)


def _files(explicit: Path | None) -> tuple[Path, ...]:
    if explicit is not None:
        return (explicit.expanduser(),)
    named = [Path(it) for it in os.environ.get("KUBECONFIG", "").split(os.pathsep) if it]
    return tuple(dict.fromkeys(named)) or (Path.home() / ".kube" / "config",)


def _entry(entries: Any, name: str) -> Any:
    if not isinstance(entries, list):
        return None
    for it in cast("list[Any]", entries):
        if isinstance(it, dict) and cast("dict[str, Any]", it).get("name") == name:
            return cast("Any", it)
    return None


def _members(entry: dict[str, Any], name: str) -> dict[str, Any]:
    found = entry.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
