"""The flags of `runplane auth` and `runplane kubeconfig`, and what the two do."""

from __future__ import annotations

from typing import Annotated

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.options import CaFile, ContextName, Kubeconfig, KubeContext, Server
from runplane.cli.program import new_program, say, told, warn


def auth() -> typer.Typer:
    """`runplane auth`."""
    made = new_program("auth", "Give tokens to other programs.")
    made.command("get-token", epilog=EXIT_CODES)(get_token)
    return made


def kubeconfig() -> typer.Typer:
    """`runplane kubeconfig`."""
    made = new_program("kubeconfig", "Connect Kubernetes profiles with a login.")
    made.command("set", epilog=EXIT_CODES)(set_profile)
    return made


def get_token(
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT",
            help="plain or exec-credential; what kubectl asks for by itself.",
        ),
    ] = None,
    context: ContextName = None,
    server: Server = None,
    ca_file: CaFile = None,
) -> None:
    """Print an access token that works now.

    A token near its end is renewed first. Started by kubectl as a credential plugin, it prints an
    ExecCredential of the version that kubectl asks for.

    Examples:

      curl -H "Authorization: Bearer $(runplane auth get-token)" https://runplane.example.com/api/v1/clusters

      runplane auth get-token -o exec-credential --context work
    """
    with told():
        from runplane.cli.kube.plugin import credential

        say(credential(Target(server, context, ca_file), output))


def set_profile(
    context: ContextName = None,
    server: Server = None,
    username: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The user's name in the file; runplane-CONTEXT unless given."),
    ] = None,
    static_token: Annotated[
        bool, typer.Option("--static-token", help="Write a token into the file; it ends within hours.")
    ] = False,
    auth_provider: Annotated[
        bool,
        typer.Option("--auth-provider", help="Write the older oidc entry; then run `runplane login`."),
    ] = False,
    kubeconfig: Kubeconfig = None,
    kube_context: KubeContext = None,
) -> None:
    """Let a Kubernetes profile use a login of runplane.

    The current context of the kubeconfig gets a user that asks this command line for tokens, so that none is
    stored in the file and none expires. Comments and order of the file stay.

    Examples:

      runplane kubeconfig set

      runplane kubeconfig set --context work --kube-context gpu-cluster

      runplane kubeconfig set --static-token --kubeconfig ./ci.kubeconfig
    """
    with told():
        from runplane.cli.kube.setting import Form, set_up

        form = Form(username, static_token, auth_provider, kubeconfig, kube_context)
        set_up(Target(server, context), form, say, warn)
