"""The flags of `runplane cluster`."""

from __future__ import annotations

from typing import Annotated

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.options import CaFile, ContextName, Server
from runplane.cli.program import new_program, say, told, warn

_Format = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="flags of kube-apiserver, or a file for it.")
]
_Claim = Annotated[
    str,
    typer.Option("--username-claim", metavar="CLAIM", help="email, or sub: the id, which machines have too."),
]
_Version = Annotated[
    str, typer.Option("--api-version", metavar="VERSION", help="Of the file: v1, or v1beta1 before 1.34.")
]


def cluster() -> typer.Typer:
    """`runplane cluster`."""
    made = new_program("cluster", "Set clusters up.")
    made.command("auth-config", epilog=EXIT_CODES)(auth_config)
    return made


def auth_config(
    form: _Format = "flags",
    username_claim: _Claim = "email",
    api_version: _Version = "v1",
    server: Server = None,
    context: ContextName = None,
    ca_file: CaFile = None,
) -> None:
    """Print how to make a cluster's API server take the tokens of this installation.

    The server's public metadata is read; nobody has to be logged in. With --ca-file the certificates go into
    the file, and the flags name it: copy it to the API server's host.

    Examples:

      runplane cluster auth-config --server https://plane.example.com

      runplane cluster auth-config --format file --ca-file ca.crt > authentication.yaml
    """
    with told():
        from runplane.cli.cluster.authentication import written

        target = Target(server, context, ca_file)
        text, warnings = written(target, form, username_claim, api_version)
        for sentence in warnings:
            warn(sentence)
        say(text)
