"""How commands speak and end: lines on standard output, and one sentence with an exit code for a failure.

A failure that a person can correct never shows a traceback, and each kind has its exit code.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from runplane.server.settings import Loaded


@contextlib.contextmanager
def told() -> Generator[None]:
    """Ends the process with one line on standard error for what a person can correct."""
    from runplane.server.commands.failures import BAD_SETTINGS, FAILED, CommandFailed
    from runplane.server.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        stop(str(error), BAD_SETTINGS)
    except CommandFailed as error:
        stop(str(error), FAILED)


@contextlib.contextmanager
def on_host(data_dir: str | None, config: Path | None) -> Generator[Loaded]:
    """As `told`, for the commands that open the server's database."""
    with told():
        from runplane.server.settings import load_settings

        yield load_settings({"data_dir": data_dir}, config_path=config)


@contextlib.contextmanager
def organized() -> Generator[None]:
    """As `told`, for the commands that talk to a server."""
    from runplane.cli.organization.failures import OrganizationError

    try:
        yield
    except OrganizationError as error:
        stop(str(error), 1)


def stop(sentence: str, code: int) -> NoReturn:
    """End the process with a sentence on standard error."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(code)


def warn(sentence: str) -> None:
    """Say something beside the output."""
    print(sentence, file=sys.stderr)


def say(text: str) -> None:
    """Print output, at once: somebody may wait for the line."""
    print(text, flush=True)
