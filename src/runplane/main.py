"""The `runplane` command.

Commands import what they need when they run: the server's modules take several times as long to load as this
file, and `runplane --help` should not wait for them. Flags are handed on as text, so that a wrong one is
refused in the same words as a wrong variable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runplane.ending import on_host, organized, say, stop, told, warn

_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage, 78 a setting is wrong (one line says which)."

_PLAN_CODES = "Exit codes: 0 nothing to change, 1 failed, 2 changes are pending (or wrong usage)."

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings; instead of RUNPLANE_CONFIG."),
]

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Address of the server; or set RUNPLANE_URL.")
]
ClientId = Annotated[
    str | None,
    typer.Option("--client-id", metavar="ID", help="A service account, where RUNPLANE_TOKEN is not used."),
]
ClientSecret = Annotated[
    str | None,
    typer.Option("--client-secret", metavar="SECRET", help="Its secret; or set RUNPLANE_CLIENT_SECRET."),
]
ClientSecretFile = Annotated[
    Path | None, typer.Option("--client-secret-file", metavar="FILE", help="File that holds its secret.")
]
DataFolder = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Folder of the server's database and keys.")
]
OrganizationFile = Annotated[Path, typer.Argument(metavar="FILE", help="The organization file.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what the sections of the file do not list.")]


def main() -> None:
    """Run the command line; ends the process with one of the documented exit codes."""
    program = typer.Typer(
        name="runplane",
        help="A self-hosted control plane for AI compute that speaks the Run:ai REST API.",
        epilog=_CODES,
        no_args_is_help=True,
        add_completion=False,
        # Plain text: loading rich would double the time that --help takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    config = typer.Typer(help="Look at the settings.", no_args_is_help=True)
    program.command(epilog=_CODES)(serve)
    program.command(epilog=_CODES)(where)
    config.command(epilog=_CODES)(explain)
    program.add_typer(config, name="config")
    admin = typer.Typer(help="What only the host may do; the way back in.", no_args_is_help=True)
    admin.command("reset-password", epilog=_CODES)(reset_password)
    program.add_typer(admin, name="admin")
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
    program.command("deprecated-calls")(deprecated_calls)
    program.command(epilog=_CODES)(export)
    program.command(epilog=_PLAN_CODES)(plan)
    program.command(epilog=_CODES)(apply)
    program.command()(version)
    program()


def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[
        str | None, typer.Option(metavar="PORT", help="Port to listen on; 0 takes a free one.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Folder for the database and keys.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Start the server and keep it running until Ctrl+C or SIGTERM.

    An empty data folder is filled first: a tenant, its keys and one administrator, whose password is printed
    once unless RUNPLANE_ADMIN_PASSWORD (or RUNPLANE_ADMIN_PASSWORD_FILE) gives it.

    Examples:

      runplane serve

      RUNPLANE_ADMIN_EMAIL=me@example.com runplane serve --port 9000
    """
    with told():
        from runplane.server.settings import load_settings

        loaded = load_settings({"host": host, "port": port, "data_dir": data_dir}, config_path=config)
        from runplane.server.commands.serve import serve as run

        run(loaded, say)


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


def export(
    url: Url = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    client_secret_file: ClientSecretFile = None,
) -> None:
    """Print departments, projects, quotas, custom roles, service accounts and access rules as one file.

    Names instead of ids, and no secrets, so that the file can be applied to another server. The token comes
    from RUNPLANE_TOKEN or from a service account.

    Example:

      runplane export > organization.yaml
    """
    with organized():
        from runplane.cli.organization import command

        login = command.Login(url, client_id, client_secret, client_secret_file)
        command.export(login, say, warn)


def plan(
    file: OrganizationFile,
    prune: Prune = False,
    url: Url = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    client_secret_file: ClientSecretFile = None,
) -> None:
    """Print what applying an organization file would change, and change nothing.

    Example:

      runplane plan organization.yaml
    """
    with organized():
        from runplane.cli.organization import command

        login = command.Login(url, client_id, client_secret, client_secret_file)
        code = command.plan(login, file, prune=prune, say=say)
    raise typer.Exit(code)


def apply(
    file: OrganizationFile,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    prune: Prune = False,
    url: Url = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    client_secret_file: ClientSecretFile = None,
) -> None:
    """Make the server have what an organization file says, after showing the plan and asking.

    Applying twice changes nothing the second time.

    Examples:

      runplane apply organization.yaml

      runplane apply organization.yaml --prune --yes
    """

    with organized():
        from runplane.cli.organization import command

        login = command.Login(url, client_id, client_secret, client_secret_file)
        command.apply(login, file, prune=prune, agreed=None if yes else typer.confirm, say=say)


def deprecated_calls(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    url: Url = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    client_secret_file: ClientSecretFile = None,
) -> None:
    """List who still calls deprecated operations, and what each should call instead.

    The latest calls first. The token comes from RUNPLANE_TOKEN or from a service account.

    Example:

      runplane deprecated-calls --json
    """
    with organized():
        from runplane.cli import deprecated_calls as command
        from runplane.cli.organization.command import Login

        login = Login(url, client_id, client_secret, client_secret_file)
        command.show(login, say, as_json=as_json)


def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    say(installed("runplane"))
