"""From the data of a resource to the flags of its commands.

Typer reads flags from a function's signature. Here the signature is made, so that a flag stands in one place
for all resources that have it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from runplane.cli.connect import Target
from runplane.cli.options import CaFile, ContextName, Output, Server
from runplane.cli.program import told
from runplane.cli.resources.model import Action, Field, Given, Kind

_KIND: Final = inspect.Parameter.KEYWORD_ONLY


def parameter(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """A flag or an argument; `default` is `...` for one that has to be given."""
    missing = inspect.Parameter.empty if default is ... else default
    return inspect.Parameter(name, _KIND, default=missing, annotation=annotation)


def option(name: str, metavar: str, text: str, kind: Any = str, *declared: str) -> inspect.Parameter:
    """A flag that may be left out; a list may be repeated."""
    flag = declared or (f"--{name.replace('_', '-')}",)
    made: Any = (
        typer.Option(*flag, help=text) if kind is bool else typer.Option(*flag, metavar=metavar, help=text)
    )
    wanted: Any = list[str] if kind is list else kind
    return parameter(name, Annotated[wanted | None, made])


def switch(name: str, text: str, *declared: str) -> inspect.Parameter:
    """A flag without a value."""
    return parameter(name, Annotated[bool, typer.Option(*declared, help=text)], default=False)


TARGET: Final = (
    parameter("server", Server),
    parameter("context", ContextName),
    parameter("ca_file", CaFile),
)
OUTPUT: Final = parameter("output", Output, "table")
_DRY_RUN: Final = switch("dry_run", "Show what would be sent, and change nothing.", "--dry-run")
_YES: Final = switch("yes", "Do not ask.", "--yes", "-y")
_FILE: Final = option(
    "file", "FILE", "Members of the object, as JSON or YAML; - is standard input.", Path, "--file", "-f"
)
_IN_CLUSTER: Final = option("cluster", "NAME", "Only what is in this cluster.")


def named(kind: Kind, *, many: bool = False) -> inspect.Parameter:
    """The argument that names an object, completed by asking the server."""
    from runplane.cli.resources.completion import names_of

    text = f"{'One or more: the' if many else 'Its'} {'id' if kind.key in ('id', kind.id) else 'name or id'}."
    made: Any = typer.Argument(
        metavar="NAME..." if many else "NAME", help=text, autocompletion=names_of(kind)
    )
    return parameter("names" if many else "which", Annotated[list[str] if many else str, made], ...)


def for_list(kind: Kind) -> list[inspect.Parameter]:
    """The flags of `list`."""
    found = [_IN_CLUSTER] if kind.in_cluster else []
    if kind.spans:
        found += [
            option("since", "TIME", "From here on: an instant, or so long ago, as 90m, 24h or 7d (24h)."),
            option("until", "TIME", "Up to here: an instant, or so long ago (now)."),
        ]
    if kind.paged:
        found.append(option("filter", "TERM", "Only what fits, as name=@team; may be repeated.", list))
    if kind.search != "none":
        found.append(option("search", "TEXT", "Only what has this text in its name."))
    found.append(option("sort", "FIELD", "Order by a field; -FIELD is from the last to the first."))
    found.append(option("limit", "NUMBER", _limit_help(kind), int))
    if kind.limit is not None:
        found.append(switch("all", "All there are.", "--all"))
    return [*found, OUTPUT, *TARGET]


def _limit_help(kind: Kind) -> str:
    return "Not more than these." if kind.limit is None else f"Not more than these ({kind.limit})."


def for_get(kind: Kind) -> list[inspect.Parameter]:
    """The argument and flags of `get`."""
    return [named(kind), *([_IN_CLUSTER] if kind.in_cluster else []), OUTPUT, *TARGET]


def for_create(kind: Kind) -> list[inspect.Parameter]:
    """The argument and flags of `create`."""
    made: Any = typer.Argument(
        metavar="NAME", help="Its name." if kind.key != "username" else "Its e-mail address."
    )
    argument = [parameter("which", Annotated[str, made], ...)] if kind.key != "id" else []
    return [*argument, *_fields(kind, "create"), _FILE, _DRY_RUN, OUTPUT, *TARGET]


def for_update(kind: Kind) -> list[inspect.Parameter]:
    """The argument and flags of `update`."""
    where = [_IN_CLUSTER] if kind.in_cluster else []
    return [named(kind), *where, *_fields(kind, "update"), _FILE, _DRY_RUN, OUTPUT, *TARGET]


def for_delete(kind: Kind) -> list[inspect.Parameter]:
    """The arguments and flags of `delete`."""
    found = [_IN_CLUSTER] if kind.in_cluster else []
    if kind.forcible:
        found.append(switch("force", "Do not wait for its agent.", "--force"))
    return [named(kind, many=True), *found, _YES, _DRY_RUN, *TARGET]


def for_action(kind: Kind, action: Action) -> list[inspect.Parameter]:
    """The argument and flags of a verb beyond the five."""
    flags = [option(name, metavar, text) for name, metavar, text in action.flags]
    return [named(kind), *flags, _DRY_RUN, OUTPUT, *TARGET]


def _fields(kind: Kind, verb: str) -> list[inspect.Parameter]:
    return [_field(it) for it in kind.fields if verb in it.on]


def _field(field: Field) -> inspect.Parameter:
    return option(field.parameter, field.metavar, field.help, field.type, field.flag)


def command(
    name: str, about: str, parameters: Sequence[inspect.Parameter], run: Callable[[Given, Target], None]
) -> Callable[..., None]:
    """A function that Typer takes for one with these parameters; `run` gets their values."""

    def made(**given: Any) -> None:
        with told():
            run(given, Target(given["server"], given["context"], given["ca_file"]))

    made.__name__ = name.replace("-", "_")
    made.__doc__ = about
    vars(made)["__signature__"] = inspect.Signature(parameters)
    made.__annotations__ = {it.name: it.annotation for it in parameters}
    return made
