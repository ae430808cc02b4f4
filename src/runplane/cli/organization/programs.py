"""The flags of `runplane export`, `plan` and `apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.options import (
    CaFile,
    ClientId,
    ClientSecret,
    ClientSecretFile,
    ContextName,
    Server,
    gathered,
)
from runplane.cli.program import say, single, told, warn

_PLAN_CODES = f"{EXIT_CODES} A plan with changes ends with 2 as well."

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The organization file.")]
_Prune = Annotated[bool, typer.Option("--prune", help="Delete what the sections of the file do not list.")]


def _target(
    *,
    server: Server = None,
    context: ContextName = None,
    ca_file: CaFile = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    client_secret_file: ClientSecretFile = None,
) -> Target:
    return Target(server, context, ca_file, client_id, client_secret, client_secret_file)


def export() -> typer.Typer:
    """`runplane export`."""

    def export(target: Target) -> None:
        """Print the organization as one file.

        It holds departments, projects, quotas, custom roles, service accounts and access rules, under names
        instead of ids and without secrets, so that it can be applied to another server. The token is that of
        the current login, of RUNPLANE_TOKEN or of a service account.

        Example:

          runplane export > organization.yaml
        """
        with told():
            from runplane.cli.organization import command

            command.export(target, say, warn)

    return single("export", gathered(_target, export))


def plan() -> typer.Typer:
    """`runplane plan`."""

    def plan(
        target: Target,
        file: _File,
        *,
        prune: _Prune = False,
    ) -> None:
        """Print what applying an organization file would change.

        Nothing is changed. The exit code is 2 when there are changes.

        Example:

          runplane plan organization.yaml
        """
        with told():
            from runplane.cli.organization import command

            code = command.plan(target, file, prune=prune, say=say)
        raise typer.Exit(code)

    return single("plan", gathered(_target, plan), _PLAN_CODES)


def apply() -> typer.Typer:
    """`runplane apply`."""

    def apply(
        target: Target,
        file: _File,
        *,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
        prune: _Prune = False,
    ) -> None:
        """Make the server have what an organization file says.

        It shows the plan and asks first. Applying twice changes nothing the second time.

        Examples:

          runplane apply organization.yaml

          runplane apply organization.yaml --prune --yes
        """
        with told():
            from runplane.cli.asking import agree
            from runplane.cli.organization import command

            command.apply(target, file, prune=prune, agreed=None if yes else agree, say=say)

    return single("apply", gathered(_target, apply))
