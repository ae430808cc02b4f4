"""The command groups of the resources, made from the table `kinds`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.program import new_program
from runplane.cli.resources import flags
from runplane.cli.resources.model import Action, Given, Kind

_ABOUT: Final = MappingProxyType(
    {
        "list": "List {nouns}.\n\n{paging} A field that does not exist is refused with those that do.",
        "get": "Show {article}.\n\n-o json and -o yaml show all of it.",
        "create": "Make {article}.{secret}\n\nFlags go before the members of a file.",
        "update": "Change {article}.\n\nWhat is not named stays. Flags go before the members of a file.",
        "delete": "Delete {nouns}, after asking.",
    }
)


def group(name: str) -> typer.Typer:
    """`runplane <name>`: the verbs of a resource."""
    from runplane.cli.resources.kinds import KINDS

    kind = KINDS[name]
    made = new_program(kind.name, kind.about)
    for verb in kind.verbs:
        parameters = getattr(flags, f"for_{verb}")(kind)
        _add(made, kind, verb, about(kind, verb), parameters, partial(_RUNS[verb], kind))
    for action in kind.actions:
        text = _with_examples(kind, action.name, action.help)
        _add(made, kind, action.name, text, flags.for_action(kind, action), partial(_act, kind, action))
    return made


def about(kind: Kind, verb: str) -> str:
    """The help of a verb."""
    text = _ABOUT[verb].format(
        nouns=kind.nouns,
        article=kind.article,
        secret=" Its secret is shown once." if kind.secrets else "",
        paging="All pages are read." if kind.limit is None else f"The newest {kind.limit} without --all.",
    )
    return _with_examples(kind, verb, text)


def _with_examples(kind: Kind, verb: str, text: str) -> str:
    lines = kind.examples[verb]
    # After this mark lines stay as they are: an example that is wrapped cannot be copied.
    block = "\n".join(["\b", *(f"  {it}" for it in lines)])
    return f"{text}\n\n{'Examples' if len(lines) > 1 else 'Example'}:\n\n{block}"


def _add(
    program: typer.Typer,
    kind: Kind,
    verb: str,
    text: str,
    parameters: Any,
    run: Callable[[Given, Target], None],
) -> None:
    program.command(verb, epilog=EXIT_CODES)(flags.command(f"{verb}_{kind.name}", text, parameters, run))


def _list(kind: Kind, given: Given, target: Target) -> None:
    from runplane.cli.resources.reading import list_objects

    list_objects(kind, given, target)


def _get(kind: Kind, given: Given, target: Target) -> None:
    from runplane.cli.resources.reading import get_object

    get_object(kind, given, target)


def _create(kind: Kind, given: Given, target: Target) -> None:
    from runplane.cli.resources.writing import create_object

    create_object(kind, given, target)


def _update(kind: Kind, given: Given, target: Target) -> None:
    from runplane.cli.resources.writing import update_object

    update_object(kind, given, target)


def _delete(kind: Kind, given: Given, target: Target) -> None:
    from runplane.cli.resources.writing import delete_objects

    delete_objects(kind, given, target)


def _act(kind: Kind, action: Action, given: Given, target: Target) -> None:
    from runplane.cli.resources.writing import act_on

    act_on(kind, action, given, target)


_RUNS: Final = MappingProxyType(
    {"list": _list, "get": _get, "create": _create, "update": _update, "delete": _delete}
)

project = partial(group, "project")
department = partial(group, "department")
node_pool = partial(group, "node-pool")
user = partial(group, "user")
service_account = partial(group, "service-account")
access_key = partial(group, "access-key")
access_rule = partial(group, "access-rule")
role = partial(group, "role")
setting = partial(group, "setting")
audit = partial(group, "audit")


def cluster() -> typer.Typer:
    """`runplane cluster`, which also has what a Kubernetes API server needs."""
    from runplane.cli.cluster.commands import auth_config

    made = group("cluster")
    made.command("auth-config", epilog=EXIT_CODES)(auth_config)
    return made
