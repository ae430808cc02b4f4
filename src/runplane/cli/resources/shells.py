"""The shells whose completion is answered. Apart from the command that prints their scripts, because every
start of the program asks this.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "_RUNPLANE_COMPLETE"
"""The environment variable by which a shell's script asks for words."""


def prepare_completion() -> None:
    """Make Typer know the shells, where one of them asks: it does so itself only for its own two flags."""
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
