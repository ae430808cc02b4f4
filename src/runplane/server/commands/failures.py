"""How a command ends when it cannot do what it was asked: one sentence on standard error and an exit code.

A code of its own for settings (EX_CONFIG of sysexits) lets a supervisor stop restarting what cannot work.
"""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
USAGE: Final = 2
RESTART_ALL: Final = 8
BAD_SETTINGS: Final = 78


class CommandFailed(Exception):
    """The command stops here. The text is one sentence for the person who ran it, without any secret."""

    code: int = FAILED


class RestartAllNeeded(CommandFailed):
    """The upgrade is possible, but not while a server of the older release runs."""

    code = RESTART_ALL
