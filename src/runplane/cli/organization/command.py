"""The commands: what a plan looks like, and what a person is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runplane.cli.connect import Target, connect
from runplane.cli.files import read_text
from runplane.cli.organization.applying import apply_plan
from runplane.cli.organization.failures import OrganizationError
from runplane.cli.organization.planning import Change, Plan, make_plan
from runplane.cli.organization.reading import read_world
from runplane.cli.organization.sections import plain
from runplane.cli.organization.yaml_file import Source, dump

PENDING = 2
"""The exit code of a plan that has changes."""
_SIGNS = {"create": "+", "update": "~", "delete": "-"}

Say = Callable[[str], None]


def export(target: Target, say: Say, warn: Say) -> None:
    """Print the organization as a file. Raises CliError."""
    with connect(target) as api:
        world = read_world(api, api.token())
    for it in world.left_out:
        warn(f"Left out, because it reaches beyond this organization or its place is out of sight: {it}")
    for name in sorted(world.expired):
        warn(f"Left out, because it has ended and no server would make it again: service account {name}")
    say(dump(plain(world.portable())).rstrip())


def plan(target: Target, file: Path, *, prune: bool, say: Say) -> int:
    """Print what applying would change; returns the exit code. Raises CliError."""
    source = Source(str(file), read_text(file))
    with connect(target) as api:
        found = make_plan(source, read_world(api, api.token()), prune=prune)
    say(rendered(found))
    return PENDING if found.changes else 0


def apply(target: Target, file: Path, *, prune: bool, agreed: Callable[[str], bool] | None, say: Say) -> None:
    """Print the plan, ask `agreed` (None: do not ask), and make the changes.

    Raises CliError, also when the answer was no or the plan would be another one by now.
    """
    source = Source(str(file), read_text(file))
    with connect(target) as api:
        world = read_world(api, api.token())
        found = make_plan(source, world, prune=prune)
        say(rendered(found))
        if not found.changes:
            return
        if agreed is not None:
            if not agreed(f"Apply this to {api.url}?"):
                raise OrganizationError(["Nothing was changed."])
            # A question can stand for an hour, and what was agreed to is the plan that was shown.
            world = read_world(api, api.token())
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
