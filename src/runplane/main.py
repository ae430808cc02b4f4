"""The `runplane` command.

Commands import what they need when they run: the server's modules take several times as long to load as this
file, and `runplane --help` should not wait for them. Flags are handed on as text, so that a wrong one is
refused in the same words as a wrong variable.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runplane.cli.program import LazyGroup, say, stop
from runplane.cli.resources.shells import prepare_completion
from runplane.ending import on_host, told
from runplane.hosting import add_host_commands
from runplane.watching import add_short_commands

if TYPE_CHECKING:
    from runplane.server.settings import Loaded

_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage, 78 a setting is wrong (one line says which)."
_ALL_CODES = f"{_CODES} Commands that ask a server have 3 to 7 too; their help says what these mean."

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings; instead of RUNPLANE_CONFIG."),
]

DataFolder = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Folder of the server's database and keys.")
]


def main() -> None:
    """Run the command line; ends the process with one of the documented exit codes."""
    program = typer.Typer(
        name="runplane",
        help="A self-hosted control plane for AI compute that speaks the Run:ai REST API.",
        epilog=_ALL_CODES,
        cls=LazyGroup,
        no_args_is_help=True,
        add_completion=False,
        # Plain text: loading rich would double the time that --help takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_everything)
    config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
    program.command(epilog=_CODES)(serve)
    program.command(epilog=_CODES)(healthcheck)
    program.command(epilog=_CODES)(where)
    config.command(epilog=_CODES)(explain)
    program.add_typer(config, name="config")
    admin = typer.Typer(help="What only the host may do; the way back in.", no_args_is_help=True)
    admin.command("reset-password", epilog=_CODES)(reset_password)
    add_host_commands(admin)
    program.add_typer(admin, name="admin")
    add_short_commands(program)
    tenant = typer.Typer(help="Make tenants.", no_args_is_help=True)
    tenant.callback()(lambda: None)
    tenant.command("create", epilog=_CODES)(create_tenant)
    tenant.command("operator", epilog=_CODES)(make_operator)
    program.add_typer(tenant, name="tenant")
    agent = typer.Typer(help="Speak for a cluster.", no_args_is_help=True)
    # With a callback a program of one command keeps that command's name.
    agent.callback()(lambda: None)
    agent.command(epilog=_CODES)(simulate)
    program.add_typer(agent, name="agent")
    program.command()(version)
    prepare_completion()
    program()


def _show_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


def _everything(
    _: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version."),
    ] = False,
) -> None:
    """What applies to the program as a whole; the texts are the program's own."""


def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[
        str | None, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Server processes that share the port; 1 by default.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder for the database and keys.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Start the server and keep it running until Ctrl+C or SIGTERM.

    An empty data folder is filled first: a tenant, its keys and one administrator, whose password is printed
    once unless RUNPLANE_ADMIN_PASSWORD (or RUNPLANE_ADMIN_PASSWORD_FILE) gives it.

    SIGHUP reads the settings again and replaces the server's processes one by one; no request fails.

    Examples:

      runplane serve

      RUNPLANE_ADMIN_EMAIL=me@example.com runplane serve --port 9000
    """
    with told():
        from runplane.server.settings import load_settings

        flags = {"host": host, "port": port, "workers": workers, "data_dir": data_dir}

        def load() -> Loaded:
            return load_settings(flags, config_path=config)

        loaded = load()
        from runplane.server.commands.lean import load_structlog

        load_structlog()
        from runplane.server.commands.serve import serve as run

        code = run(loaded, load, say)
    raise typer.Exit(code)


def healthcheck(
    alive: Annotated[
        bool, typer.Option("--alive", help="Ask only whether it runs, not whether it can answer requests.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Ask the server on this host whether it is ready; ends with 0 if it is. For containers.

    Example:

      runplane healthcheck
    """
    with told():
        from runplane.server.commands.healthcheck import healthcheck as run
        from runplane.server.settings import load_settings

        run(load_settings(config_path=config), say, alive=alive)


def where(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="A path or a whole address.")],
) -> None:
    """Print which line of code answers a request: file:line, operation, path.

    Example:

      runplane where GET /api/v1/users/42
    """
    with told():
        from runplane.server.commands.where import locate

        say(locate(method, path))


def explain(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the documentation page instead.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """List every setting with its value, where the value comes from, and what it means.

    Secrets are not shown.

    Examples:

      runplane config explain

      RUNPLANE_PORT=9000 runplane config explain --config runplane.toml
    """
    with told():
        from runplane.server.commands import config as command

        if markdown:
            say(command.markdown().rstrip("\n"))
            return
        from rich.console import Console

        from runplane.server.settings import load_settings

        command.explain(load_settings(config_path=config), Console(highlight=False))


def reset_password(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address of a local user.")],
    data_dir: DataFolder = None,
    config: ConfigFile = None,
) -> None:
    """Give a local user a temporary password and print it.

    Run it on the server's host with the server's settings; the server may keep running. The user's tokens end
    within a second, and the temporary password must be changed at the first sign-in.

    Example:

      runplane admin reset-password admin@runplane.local --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.admin import reset_password as run

        run(loaded, email, say)


def create_tenant(
    name: Annotated[
        str, typer.Argument(help="Its name: the first part of its host name, as in acme.example.com.")
    ],
    admin_email: Annotated[
        str, typer.Option(metavar="EMAIL", help="The e-mail address of its first administrator.")
    ],
    data_dir: DataFolder = None,
    config: ConfigFile = None,
) -> None:
    """Make a tenant with one System administrator, whose password it prints.

    Run it on the server's host with the server's settings; the server may keep running.

    Example:

      runplane tenant create acme --admin-email ada@acme.example --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.admin import create_tenant as run

        run(loaded, name, admin_email, say)


def make_operator(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address of a user.")],
    data_dir: DataFolder = None,
    config: ConfigFile = None,
) -> None:
    """Make a user of the first tenant System administrator of all tenants together.

    Such a user lists and makes tenants over the API, and still sees nothing of what is in the others.
    Run it on the server's host with the server's settings; the server may keep running.

    Example:

      runplane tenant operator admin@runplane.local --data-dir ./data
    """
    with on_host(data_dir, config) as loaded:
        from runplane.server.commands.admin import make_operator as run

        run(loaded, email, say)


def simulate(
    cluster: Annotated[str, typer.Option(metavar="UUID", help="The cluster to speak for.")],
    url: Annotated[str, typer.Option(metavar="URL", help="Address of the server.")] = "http://127.0.0.1:8080",
    client_secret: Annotated[
        str | None,
        typer.Option(metavar="SECRET", help="The cluster's secret; or set RUNPLANE_AGENT_SECRET."),
    ] = None,
    nodes: Annotated[int, typer.Option(metavar="NUMBER", help="How many nodes to pretend.")] = 2,
    gpus_per_node: Annotated[int, typer.Option(metavar="NUMBER", help="GPUs of each node.")] = 8,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of every node; may be repeated.")
    ] = None,
    allocation: Annotated[
        list[str] | None,
        typer.Option(metavar="PROJECT[/POOL]=GPUS", help="GPUs that a project is to have; may be repeated."),
    ] = None,
) -> None:
    """Pretend a cluster, for demonstrations and tests, until Ctrl+C or until the cluster is deleted.

    Everything it reports is marked as simulated. The secret is in the cluster's install information.

    Example:

      runplane agent simulate --cluster UUID --client-secret SECRET --nodes 4 --gpus-per-node 8
    """
    from runplane.agent.command import WrongUsage
    from runplane.agent.command import simulate as run
    from runplane.agent.simulate import AgentRefused, Unreachable

    try:
        run(
            say,
            cluster=cluster,
            client_secret=client_secret,
            url=url,
            nodes=nodes,
            gpus_per_node=gpus_per_node,
            labels=label or (),
            allocations=allocation or (),
        )
    except WrongUsage as error:
        stop(str(error), 2)
    except (AgentRefused, Unreachable) as error:
        stop(str(error), 1)
    except KeyboardInterrupt:
        say("Stopped.")


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    say(installed("runplane"))
