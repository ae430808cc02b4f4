"""The commands of the command line, as the tree that Typer makes."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


def leaves(command: Any, path: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
    """The commands below and including `command`, which is called by `path`."""
    if not isinstance(command, TyperGroup):
        return {path: command}
    below = [leaves(it, (*path, name)) for name, it in command.commands.items()]
    return {name: it for found in below for name, it in found.items()}
