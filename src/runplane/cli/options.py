"""The flags that several commands have, so that they are called and explained alike everywhere."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

Server = Annotated[
    str | None,
    typer.Option("--server", "--url", metavar="URL", help="Address of the server; or set RUNPLANE_SERVER."),
]
ContextName = Annotated[
    str | None,
    typer.Option(
        "--context", metavar="NAME", help="A login of `runplane context list`; not the current one."
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", help="Certificates (PEM) to trust beside those of the system."),
]
ClientId = Annotated[
    str | None,
    typer.Option("--client-id", metavar="ID", help="Of a service account or an access key."),
]
ClientSecret = Annotated[
    str | None,
    typer.Option("--client-secret", metavar="SECRET", help="Its secret; or set RUNPLANE_CLIENT_SECRET."),
]
ClientSecretFile = Annotated[
    Path | None,
    typer.Option(
        "--client-secret-file", metavar="FILE", help="File that holds its secret; - is standard input."
    ),
]
Output = Annotated[
    str,
    typer.Option("--output", "-o", metavar="FORMAT", help="table, wide, json, yaml or name."),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="The file to use, not those of KUBECONFIG."),
]
KubeContext = Annotated[
    str | None,
    typer.Option("--kube-context", metavar="NAME", help="A context of that file, not its current one."),
]


def gathered(gather: Callable[..., object], run: Callable[..., None]) -> Callable[..., None]:
    """A command with the flags of `run` and of `gather`; `run` gets what `gather` makes of its own.

    So a set of flags that belongs together is written once. Both are read by their signatures.
    """
    shared = inspect.signature(gather, eval_str=True).parameters
    own = list(inspect.signature(run, eval_str=True).parameters.values())[1:]

    @functools.wraps(run)
    def command(**given: object) -> None:
        made = gather(**{name: given.pop(name) for name in shared})
        run(made, **given)

    # Arguments come before flags, as they are typed.
    everything = [*own, *shared.values()]
    members = sorted(everything, key=lambda it: it.kind is inspect.Parameter.KEYWORD_ONLY)
    vars(command)["__signature__"] = inspect.Signature(members)
    command.__annotations__ = {it.name: it.annotation for it in members}
    return command
