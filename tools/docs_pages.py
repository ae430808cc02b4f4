"""Writes the reference pages of the documentation from the code they describe: `docs/reference/`.

They are made when the site is built and not committed, so none can be stale. `make docs` calls this.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from runplane.cli.program import CLIENT
from runplane.server.authz.catalogue import ENTITIES, ROLES, Entity, Role
from runplane.server.authz.permissions import RESOURCE_TYPES
from runplane.server.commands.config import markdown
from runplane.server.core import errors
from runplane.server.core.contract import Contract, load_contract
from runplane.server.http.operation import Surface
from runplane.server.http.problems import status_of

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
CLAUSES: Final = Path(__file__).resolve().parents[1] / "contract" / "clauses.toml"
STATES: Final = MappingProxyType(
    {"done": "built", "partial": "partly built", "planned": "answers 501", "declined": "will not be built"}
)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table. A `|` in a cell is escaped."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _level(role: Role, entity: Entity) -> str:
    if entity.full() <= role.permissions:
        return "all" if entity.full() != entity.view() else "view"
    held = {it.action.value for it in role.permissions if it.resource in entity.resources + entity.guarded}
    return ", ".join(sorted("view" if it == "read" else it for it in held))


def roles_page() -> str:
    """The predefined roles and what each may do with each kind of object."""
    overview = table(
        ("Id", "Role", "", "What it is for"),
        (
            (it.id, f"[{it.name}](#role-{it.id})", "legacy" if it.legacy else "", it.description)
            for it in ROLES
        ),
    )
    intro = (
        "# Roles\n\n"
        "The predefined roles. *All* is view, create, change and delete. Ids never change, so scripts "
        f"may use them. How roles are given: [guide](../guides/access.md).\n\n{overview}"
    )
    parts = [intro]
    for it in ROLES:
        rows = ((entity.title, _level(it, entity)) for entity in ENTITIES if _level(it, entity))
        parts.append(f"## {it.name} {{ #role-{it.id} }}\n\n{table(('Object', 'May'), rows)}")
    return "\n".join(parts)


def permissions_page() -> str:
    """The resource types and their actions, as refusals and roles spell them."""
    rows = (
        (f"`{it.name}`", it.display_name, it.group.value, ", ".join(action.value for action in it.actions))
        for it in RESOURCE_TYPES
    )
    head = ("Resource type", "Name", "Group", "Actions")
    return (
        "# Permissions\n\n"
        "A permission is a resource type and an action, written `users:create`: in refusals, in "
        f"roles and in `/api/v1/authorization/permissions`.\n\n{table(head, rows)}"
    )


def operations_page(contract: Contract) -> str:
    """The operations of the contract by area, and what the server does with each."""
    areas: dict[str, list[tuple[str, str, str]]] = {}
    for it in contract.operations:
        row = (f"`{it.method} {it.path}`", "deprecated" if it.deprecated else "", STATES[it.state])
        areas.setdefault(it.tag, []).append(row)
    parts = ["# Operations\n\nThe operations of the 2.24 contract, by area.\n"]
    parts += [
        f"## {area}\n\n{table(('Operation', '', 'In this release'), areas[area])}"
        for area in sorted(areas, key=str.lower)
    ]
    if contract.extensions:
        rows = ((f"`{it.method} {it.path}`", STATES[it.state]) for it in contract.extensions)
        parts.append(f"## Beyond the contract\n\n{table(('Operation', 'In this release'), rows)}")
    return "\n".join(parts)


def errors_page() -> str:
    """What each kind of refusal means and its status."""
    refusals: list[errors.DomainError] = [
        errors.Invalid(""),
        errors.Unauthenticated("", reason=""),
        errors.Forbidden(""),
        errors.NotFound(""),
        errors.MethodNotAllowed(()),
        errors.Conflict(""),
        errors.AlreadyExists("", ""),
        errors.InUse(""),
        errors.TooLarge(""),
        errors.UnsupportedMedia(""),
        errors.Throttled(""),
        errors.NotBuilt(""),
        errors.Unavailable(""),
    ]
    rows = (
        (status_of(it, Surface.MODERN), " ".join((type(it).__doc__ or "").split("\n\n")[0].split()))
        for it in refusals
    )
    return (
        "# Errors\n\n"
        "A refusal is `{code, message, details}`: `message` is one sentence for people, `details` is there "
        "where there is more to say. Some carry further members for programs, such as `decision` with a 403 "
        "([guide](../guides/refusals.md)). `/api/v2/token` and the realm's endpoints answer with the objects "
        "of RFC 6749 in their place, `{error, error_description}`; `/api/v1/token` with both words.\n\n"
        f"{table(('Status', 'Meaning'), rows)}\n"
        "A 500 holds an id to look for in the server's log, and nothing else about what happened.\n"
    )


def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    else:
        for name, it in below.items():
            yield from _leaves(it, (*path, name))


def _usage(path: tuple[str, ...], command: Any) -> str:
    context = command.context_class(
        command,
        info_name=" ".join(("runplane", *path)),
        terminal_width=100,
        max_content_width=100,
        help_option_names=["-h", "--help"],
    )
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return text.split("  Exit codes: ")[0].rstrip()


def commands_page() -> str:
    """The commands that talk to a server: what each says with `--help`."""
    found = [leaf for name, it in CLIENT.items() for leaf in _leaves(it.load(name), (name,))]
    parts = [
        (
            "# Commands\n\n"
            "The commands that talk to a server, as `--help` explains them. How they find the server, and "
            "what their exit codes mean: [guide](../guides/cli.md).\n"
        )
    ]
    parts += [f"## {' '.join(path)}\n\n```text\n{_usage(path, it)}\n```\n" for path, it in found]
    return "\n".join(parts)


def clauses_page() -> str:
    """Every clause of the security norms, its source, and whether it is kept."""
    areas: dict[str, list[tuple[str, str, str, str]]] = {}
    for it in tomllib.loads(CLAUSES.read_text("utf-8"))["clauses"]:
        row = (f"`{it['id']}`", it["text"], it["source"], it.get("state", "tested"))
        areas.setdefault(it["area"], []).append(row)
    parts = [
        (
            "# Security clauses\n\nWhat standards and reports ask of a server like this one, in our words. "
            "Behind each that is *tested* stands at least one test, which names it with the marker `clause`; "
            "the others say what is missing. How: [guide](../guides/security.md).\n"
        )
    ]
    head = ("Clause", "What holds", "Source", "State")
    parts += [f"## {area}\n\n{table(head, rows)}" for area, rows in areas.items()]
    return "\n".join(parts)


def pages() -> Mapping[str, Callable[[], str]]:
    """File name to the function that writes it."""
    return {
        "settings.md": markdown,
        "roles.md": roles_page,
        "permissions.md": permissions_page,
        "operations.md": lambda: operations_page(load_contract()),
        "errors.md": errors_page,
        "commands.md": commands_page,
        "security-clauses.md": clauses_page,
    }


def main(folder: Path) -> None:
    """Write every page into `folder`, which is made where it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in pages().items():
        (folder / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    wanted = argparse.ArgumentParser(description="Write the reference pages of the documentation.")
    wanted.add_argument(
        "folder", nargs="?", type=Path, default=FOLDER, help="where to (default: docs/reference)"
    )
    main(wanted.parse_args().folder)
