"""`runplane completion`, and the names that a shell completes.

A name costs one request that asks for few objects. It may take two seconds, tells nobody of a failure, and
is never a reason to ask for a password.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Annotated, Final

import typer

from runplane.cli.failures import CliError, WrongUsage
from runplane.cli.program import say, single, told
from runplane.cli.resources.model import Kind
from runplane.cli.resources.shells import VARIABLE

SHELLS: Final = ("bash", "zsh", "fish")
_MOST: Final = 100
_PATIENCE: Final = 2.0


def completion() -> typer.Typer:
    """`runplane completion`."""

    def completion(
        shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
    ) -> None:
        """Print a script that lets your shell complete commands, flags and names.

        Load it where your shell starts: in ~/.bashrc or ~/.zshrc, or for fish in its folder of completions.

        Examples:

          source <(runplane completion bash)

          runplane completion fish > ~/.config/fish/completions/runplane.fish
        """
        with told():
            say(script(shell))

    return single("completion", completion)


def script(shell: str) -> str:
    """What a shell has to run. Raises WrongUsage."""
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise WrongUsage(f"The shell is one of {', '.join(SHELLS)}.")
    return get_completion_script(prog_name="runplane", complete_var=VARIABLE, shell=shell).strip()


def names_of(kind: Kind) -> Callable[[typer.Context, str], list[str]]:
    """A function that completes a name of this kind."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        found: list[str] = []
        asking = Thread(target=_ask, args=(kind, dict(ctx.params), incomplete, found), daemon=True)
        asking.start()
        asking.join(_PATIENCE)
        return [it for it in list(found) if it.startswith(incomplete)]

    return complete


def _ask(kind: Kind, given: dict[str, object], incomplete: str, found: list[str]) -> None:
    from runplane.cli.connect import Target, connect
    from runplane.cli.resources.paging import Query, objects

    server, context = given.get("server"), given.get("context")
    target = Target(str(server) if server else None, str(context) if context else None)
    # the operators that every list of names knows
    search = incomplete if kind.paged and incomplete and kind.key != kind.id else None
    try:
        with connect(target) as api:
            listed = objects(api, kind, Query(search=search, limit=_MOST))
    except (CliError, KeyError, TypeError):
        return
    found += [str(it[kind.key]) for it in listed]
