"""Questions to a person: on the terminal only, never read from a pipe by accident."""

from __future__ import annotations

import sys

import typer

from runplane.cli.failures import WrongUsage


def ask(question: str, *, hidden: bool = False, twice: bool = False, instead: str) -> str:
    """The answer. Raises WrongUsage, saying what to do `instead`, where nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongUsage(f"There is no terminal to ask for the {question.lower()}; {instead}.")
    return str(
        typer.prompt(question, hide_input=hidden, confirmation_prompt=twice, err=True, show_default=False)
    )


def agree(question: str) -> bool:
    """Whether whoever runs the command says yes. Raises WrongUsage where nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongUsage("There is no terminal to ask on; give --yes.")
    return typer.confirm(question, err=True)
