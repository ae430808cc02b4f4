"""The commands: where the token comes from, what a plan looks like, and what a person is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runplane.cli.organization.applying import apply_plan
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.planning import Change, Plan, make_plan
from runplane.cli.organization.reading import read_world
from runplane.cli.organization.sections import plain
from runplane.cli.organization.server import Api, token_of
from runplane.cli.organization.yaml_file import Source, dump

DEFAULT_URL = "http://127.0.0.1:8080"
PENDING = 2
"""The exit code of a plan that has changes."""
_SIGNS = {"create": "+", "update": "~", "delete": "-"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Login:
    """How to reach the server, as given on the command line; None leaves it to the environment."""

    url: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_secret_file: Path | None = None

    def connect(self) -> tuple[Api, str]:
        """A connection and its token. Raises OrganizationError when something is missing."""
        url = self.url or os.environ.get("RUNPLANE_URL") or DEFAULT_URL
        client_id = self.client_id or os.environ.get("RUNPLANE_CLIENT_ID")
        token = os.environ.get("RUNPLANE_TOKEN")
        if self.client_id is None and token:
            return Api(url, token.strip()), token.strip()
        if not client_id:
            raise OrganizationError(["Set RUNPLANE_TOKEN, or give --client-id and --client-secret-file."])
        token = token_of(url, client_id, self._secret())
        return Api(url, token), token

    def _secret(self) -> str:
        if self.client_secret_file is not None:
            return _text(self.client_secret_file).strip()
        secret = self.client_secret or os.environ.get("RUNPLANE_CLIENT_SECRET")
        if not secret:
            raise OrganizationError(["Give --client-secret-file, or set RUNPLANE_CLIENT_SECRET."])
        return secret


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OrganizationError([f"{path}: {error.strerror or 'cannot be read'}."]) from None
    except UnicodeDecodeError:
        raise OrganizationError([f"{path}: this is no UTF-8 text."]) from None


def export(login: Login, say: Say, warn: Say) -> None:
    """Print the organization as a file. Raises OrganizationError."""
    api, token = login.connect()
    with api:
        world = read_world(api, token)
    for it in world.left_out:
        warn(f"Left out, because it reaches beyond this organization or its place is out of sight: {it}")
    for name in sorted(world.expired):
        warn(f"Left out, because it has ended and no server would make it again: service account {name}")
    say(dump(plain(world.portable())).rstrip())


def plan(login: Login, file: Path, *, prune: bool, say: Say) -> int:
    """Print what applying would change; returns the exit code. Raises OrganizationError."""
    source = Source(str(file), _text(file))
    api, token = login.connect()
    with api:
        found = make_plan(source, read_world(api, token), prune=prune)
    say(rendered(found))
    return PENDING if found.changes else 0


def apply(login: Login, file: Path, *, prune: bool, agreed: Callable[[str], bool] | None, say: Say) -> None:
    """Print the plan, ask `agreed` (None: do not ask), and make the changes.

    Raises OrganizationError, also when the answer was no or the plan would be another one by now.
    """
    source = Source(str(file), _text(file))
    api, token = login.connect()
    with api:
        world = read_world(api, token)
        found = make_plan(source, world, prune=prune)
        say(rendered(found))
        if not found.changes:
            return
        if agreed is not None:
            if not agreed(f"Apply this to {api.url}?"):
                raise OrganizationError(["Nothing was changed."])
            # A question can stand for an hour, and what was agreed to is the plan that was shown.
            world = read_world(api, token)
            if make_plan(source, world, prune=prune) != found:
                raise OrganizationError(["The organization has changed since; nothing was done. Plan again."])
        apply_plan(found, api, world, say)


def rendered(plan: Plan) -> str:
    """A plan for people: one paragraph per object, one line per attribute."""
    lines = [line for change in plan.changes for line in _paragraph(change)]
    if plan.kept:
        lines += ["Not in the file, and kept without --prune:", *(f"    {it}" for it in plan.kept)]
    if not plan.changes:
        return "\n".join([*lines, "Nothing to change."])
    counts = [f"{plan.count(it)} to {it}" for it in ("create", "update", "delete")]
    return "\n".join([*lines, ", ".join(counts) + "."])


def _paragraph(change: Change) -> list[str]:
    head = f"{_SIGNS[change.action]} {change.label}"
    if change.action == "delete" or not hasattr(change.wanted, "name"):
        return [head]
    named = [it for it in change.differences() if it[0] not in ("name", "cluster")]
    if change.action == "create":
        return [head, *(f"    {name}: {_shown(new)}" for name, _, new in named)]
    return [head, *(f"    {name}: {_shown(old)} -> {_shown(new)}" for name, old, new in named)]


def _shown(value: Any) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)
