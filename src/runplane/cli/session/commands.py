"""The flags of `runplane logout`, `whoami` and `context`."""

from __future__ import annotations

from typing import Annotated

import typer

from runplane.cli.connect import Target
from runplane.cli.failures import EXIT_CODES
from runplane.cli.options import CaFile, ContextName, Kubeconfig, Output, Server
from runplane.cli.program import new_program, say, single, told, warn

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A context of `runplane context list`.")]


def logout() -> typer.Typer:
    """`runplane logout`."""

    def logout(context: ContextName = None, server: Server = None, kubeconfig: Kubeconfig = None) -> None:
        """Log out, here and on the server.

        The session ends on the server, and with it every token that came from it; the secrets of the context
        are deleted here. The context stays and can be logged in to again.

        Examples:

          runplane logout

          runplane logout --context work
        """
        with told():
            from runplane.cli.session.leaving import log_out

            log_out(Target(server, context), kubeconfig, say, warn)

    return single("logout", logout)


def whoami() -> typer.Typer:
    """`runplane whoami`."""

    def whoami(
        output: Output = "table", context: ContextName = None, server: Server = None, ca_file: CaFile = None
    ) -> None:
        """Show who you are logged in as.

        The server is asked, so that the answer is true now.

        Examples:

          runplane whoami

          runplane whoami -o json --context work
        """
        with told():
            from runplane.cli.session.identity import shown

            say(shown(Target(server, context, ca_file), output))

    return single("whoami", whoami)


def context() -> typer.Typer:
    """`runplane context`."""
    made = new_program("context", "Choose between logins.")
    made.command("list", epilog=EXIT_CODES)(list_contexts)
    made.command("use", epilog=EXIT_CODES)(use_context)
    made.command("delete", epilog=EXIT_CODES)(delete_context)
    return made


def list_contexts(output: Output = "table") -> None:
    """List the logins, the current one marked.

    Examples:

      runplane context list

      runplane context list -o name
    """
    with told():
        from runplane.cli.session.listing import listed

        say(listed(output))


def use_context(name: _Name) -> None:
    """Make a login the current one.

    Example:

      runplane context use work
    """
    with told():
        from runplane.cli.session.contexts import Home

        Home.of_environment().use(name)
        say(f"The current context is {name}.")


def delete_context(name: _Name) -> None:
    """Log out of a context and forget it.

    Example:

      runplane context delete work
    """
    with told():
        from runplane.cli.session.leaving import delete

        delete(name, say, warn)
