"""How the commands of the host end: as those of `cli.program`, with exit codes of the server's own.

A failure that a person can correct never shows a traceback.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from runplane.cli.program import stop

if TYPE_CHECKING:
    from runplane.server.settings import Loaded


@contextlib.contextmanager
def told() -> Generator[None]:
    """Ends the process with one line on standard error for what a person can correct."""
    from runplane.cli.failures import CliError
    from runplane.server.commands.failures import BAD_SETTINGS, CommandFailed
    from runplane.server.settings import SettingsError

    try:
        yield
    except SettingsError as error:
        stop(str(error), BAD_SETTINGS)
    except (CommandFailed, CliError) as error:
        stop(str(error), error.code)


@contextlib.contextmanager
def on_host(data_dir: str | None, config: Path | None) -> Generator[Loaded]:
    """As `told`, for the commands that open the server's database."""
    with told():
        from runplane.server.settings import load_settings

        yield load_settings({"data_dir": data_dir}, config_path=config)
