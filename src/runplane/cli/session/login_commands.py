"""The flags of `runplane login` and the ways below it.

`runplane login SERVER` is `runplane login browser SERVER`: a first word that is no way of logging in
belongs to the browser's.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.options import CaFile, ContextName, Kubeconfig, Server, gathered
from runplane.cli.program import new_program, say, told, warn
from runplane.cli.session.wish import Wish

_DEFAULT = "browser"

_Address = Annotated[str | None, typer.Argument(metavar="SERVER", help="Address of the server.")]
_Realm = Annotated[
    str | None, typer.Option("--realm", metavar="NAME", help="The tenant's realm, if the server has several.")
]
_NoKubeconfig = Annotated[
    bool, typer.Option("--no-kubeconfig", help="Leave a Kubernetes profile of the older kind alone.")
]
_RunaiFiles = Annotated[
    bool, typer.Option("--runai-files", help="Keep ~/.runai up to date too, for older tools.")
]
_Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="The cluster that --runai-files names.")
]


class _Ways(TyperGroup):
    """The ways of logging in; with none of them named it is the browser."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default way in front of what names none."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


def login() -> typer.Typer:
    """`runplane login`."""
    made = new_program(
        "login",
        "Log in to a server.\n\nWithout a way it is `browser`: `runplane login https://runplane.example.com`.",
        cls=_Ways,
    )
    made.command("browser", epilog=EXIT_CODES)(gathered(_person, browser))
    made.command("user", epilog=EXIT_CODES)(gathered(_person, user))
    made.command("application", epilog=EXIT_CODES)(gathered(_program, application))
    # The same under the name that a person with an access key looks for.
    made.command("access-key", epilog=EXIT_CODES, help=_for("access-key"))(gathered(_program, application))
    made.command("device", epilog=EXIT_CODES)(gathered(_person, device))
    made.command("remote-browser", epilog=EXIT_CODES)(gathered(_person, remote_browser))
    made.command("app", hidden=True)(gathered(_program, application))
    made.command("sso", hidden=True)(gathered(_person, remote_browser))
    return made


def _program(
    address: _Address = None,
    *,
    server: Server = None,
    context: ContextName = None,
    realm: _Realm = None,
    ca_file: CaFile = None,
    runai_files: _RunaiFiles = False,
    cluster: _Cluster = None,
) -> Wish:
    target = Target(server, context, ca_file)
    return Wish(target, address, realm, None, False, runai_files, cluster)


def _person(
    address: _Address = None,
    *,
    server: Server = None,
    context: ContextName = None,
    realm: _Realm = None,
    ca_file: CaFile = None,
    runai_files: _RunaiFiles = False,
    cluster: _Cluster = None,
    kubeconfig: Kubeconfig = None,
    no_kubeconfig: _NoKubeconfig = False,
) -> Wish:
    target = Target(server, context, ca_file)
    return Wish(target, address, realm, kubeconfig, not no_kubeconfig, runai_files, cluster)


def _for(name: str) -> str:
    return inspect.cleandoc(application.__doc__ or "").replace("login application", f"login {name}")


def browser(
    wish: Wish,
    *,
    listen_port: Annotated[
        int, typer.Option(metavar="PORT", help="Port for the browser's answer; 0 takes a free one.")
    ] = 0,
    listen_host: Annotated[str, typer.Option(metavar="NAME", help="127.0.0.1 or localhost.")] = "127.0.0.1",
) -> None:
    """Log in with a browser.

    Without a browser here (over SSH, or without a display) it goes on as `runplane login device`.

    Examples:

      runplane login https://runplane.example.com

      runplane login https://runplane.example.com --context work --listen-port 8000
    """
    with told():
        from runplane.cli.session import ways

        ways.browser(wish, listen_host, listen_port, say, warn)


def remote_browser(
    wish: Wish,
) -> None:
    """Log in with the browser of another machine, pasting the code that it shows.

    Example:

      runplane login remote-browser https://runplane.example.com
    """
    with told():
        from runplane.cli.session import ways

        ways.remote_browser(wish, say, warn)


def device(
    wish: Wish,
) -> None:
    """Log in with a code that you enter in any browser.

    Example:

      runplane login device https://runplane.example.com
    """
    with told():
        from runplane.cli.session import ways

        ways.device(wish, say, warn)


def user(
    wish: Wish,
    *,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="EMAIL", help="E-mail address; asked for if left out."),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            "--password", "-p", metavar="TEXT", help="Better left out: other programs can read it here."
        ),
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File that holds the password; - is standard input."),
    ] = None,
) -> None:
    """Log in with an e-mail address and a password.

    A temporary password is replaced on the way.

    Examples:

      runplane login user https://runplane.example.com

      runplane login user --user ada@example.com --password-file ./password
    """
    with told():
        from runplane.cli.session import ways

        ways.user(wish, user, password, password_file, say, warn)


def application(
    wish: Wish,
    *,
    client_id: Annotated[
        str | None,
        typer.Option("--client-id", "--name", metavar="ID", help="Client id; or set RUNPLANE_CLIENT_ID."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(metavar="SECRET", help="Its secret; better RUNPLANE_CLIENT_SECRET or --secret-file."),
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File that holds the secret; - is standard input.")
    ] = None,
    interactive: Annotated[bool, typer.Option("--interactive", help="Ask for what is not given.")] = False,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the secret, so that the login renews itself.")
    ] = False,
) -> None:
    """Log in as a service account or with an access key.

    Without --save the login ends with its first token.

    Examples:

      runplane login application --client-id nightly-4f1 --secret-file ./secret --save

      RUNPLANE_CLIENT_ID=nightly-4f1 RUNPLANE_CLIENT_SECRET=... runplane login application
    """
    with told():
        from runplane.cli.session import ways

        client = ways.Client(client_id, secret, secret_file, interactive, save)
        ways.application(wish, client, say, warn)
