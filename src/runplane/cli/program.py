"""The command tree: what there is, told without loading it.

`runplane --help` and every command start by building the tree, so a group is a line in a table until it is
asked for. A test holds each line against what the group says of itself.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from runplane.cli.failures import EXIT_CODES, CliError


@dataclass(frozen=True, slots=True)
class Lazy:
    """A command or group: the function `name` of `module` makes its program."""

    module: str
    name: str
    help: str

    def load(self, called: str) -> Any:
        """The command itself."""
        program: Callable[[], typer.Typer] = getattr(import_module(self.module), self.name)
        command: Any = get_command(program())
        command.name = called
        return command


_SESSION: Final = "runplane.cli.session.commands"
_KUBE: Final = "runplane.cli.kube.commands"
_ORGANIZATION: Final = "runplane.cli.organization.programs"
_RESOURCES: Final = "runplane.cli.resources.programs"
_JUDGING: Final = "runplane.cli.resources.judging"

CLIENT: Final[Mapping[str, Lazy]] = MappingProxyType(
    {
        "login": Lazy("runplane.cli.session.login_commands", "login", "Log in to a server."),
        "logout": Lazy(_SESSION, "logout", "Log out, here and on the server."),
        "whoami": Lazy(_SESSION, "whoami", "Show who you are logged in as."),
        "context": Lazy(_SESSION, "context", "Choose between logins."),
        "auth": Lazy(_KUBE, "auth", "Give tokens to other programs."),
        "kubeconfig": Lazy(_KUBE, "kubeconfig", "Connect Kubernetes profiles with a login."),
        "project": Lazy(_RESOURCES, "project", "Work with projects."),
        "department": Lazy(_RESOURCES, "department", "Work with departments."),
        "cluster": Lazy(_RESOURCES, "cluster", "Work with clusters."),
        "node-pool": Lazy(_RESOURCES, "node_pool", "Work with node pools."),
        "user": Lazy(_RESOURCES, "user", "Work with local users."),
        "service-account": Lazy(_RESOURCES, "service_account", "Work with service accounts."),
        "access-key": Lazy(_RESOURCES, "access_key", "Work with your own access keys."),
        "access-rule": Lazy(_RESOURCES, "access_rule", "Work with access rules: who has which role where."),
        "role": Lazy(_RESOURCES, "role", "Work with roles."),
        "setting": Lazy(_RESOURCES, "setting", "Look at the settings of the tenant and change them."),
        "audit": Lazy(_RESOURCES, "audit", "Read the audit log."),
        "can-i": Lazy(_JUDGING, "can_i", "Ask whether you, or somebody else, may do something."),
        "why": Lazy(
            _JUDGING, "why", "Explain a refusal by its decision id, or why something is allowed or not."
        ),
        "deprecated-calls": Lazy(
            "runplane.cli.deprecated_calls",
            "deprecated_calls",
            "List who still calls deprecated operations, and what each should call instead.",
        ),
        "export": Lazy(_ORGANIZATION, "export", "Print the organization as one file."),
        "plan": Lazy(_ORGANIZATION, "plan", "Print what applying an organization file would change."),
        "apply": Lazy(_ORGANIZATION, "apply", "Make the server have what an organization file says."),
        "completion": Lazy(
            "runplane.cli.resources.completion",
            "completion",
            "Print a script that lets your shell complete commands, flags and names.",
        ),
    }
)


class LazyGroup(TyperGroup):
    """The commands it is given, after those of `CLIENT`, which stand there by name and summary only."""

    def __init__(self, *, commands: dict[str, Any], **options: Any) -> None:
        named: Any = {name: TyperCommand(name, help=it.help) for name, it in CLIENT.items()}
        super().__init__(commands=named | commands, **options)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, loaded for this."""
        found = CLIENT.get(cmd_name)
        own = super().get_command(ctx, cmd_name)
        if found is None:
            return own
        loaded = found.load(cmd_name)
        if isinstance(own, TyperGroup) and isinstance(loaded, TyperGroup):
            # The program above has commands of its own for this group.
            loaded.commands = {**loaded.commands, **own.commands}
        return loaded

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without loading them."""
        TyperGroup(name=self.name, commands=dict(self.commands)).format_commands(ctx, formatter)


def new_program(name: str, about: str, **options: Any) -> typer.Typer:
    """A group of commands that looks and fails like all others."""
    made = typer.Typer(
        name=name,
        help=about,
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        # Plain text: loading rich would double the time that --help takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )
    # With a callback a program of one command keeps that command's name.
    made.callback()(lambda: None)
    return made


def single(name: str, command: Callable[..., None], epilog: str = EXIT_CODES) -> typer.Typer:
    """A program of one command without a group around it."""
    made = typer.Typer(name=name, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    made.command(name, epilog=epilog)(command)
    return made


@contextlib.contextmanager
def told() -> Generator[None]:
    """Ends the process with one line on standard error for what a person can correct."""
    try:
        yield
    except CliError as error:
        stop(str(error), error.code)
    except KeyboardInterrupt:
        stop("Stopped.", 130)


def stop(sentence: str, code: int) -> NoReturn:
    """End the command."""
    warn(sentence)
    raise typer.Exit(code)


def warn(sentence: str) -> None:
    """Tell a person something that is no output."""
    print(sentence, file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print output."""
    print(text, flush=True)
