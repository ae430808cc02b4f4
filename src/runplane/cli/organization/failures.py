"""What these commands end with when something is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from runplane.cli.failures import CliError


class OrganizationError(CliError):
    """Something a person can correct; `sentences` says what, one line each."""

    def __init__(self, sentences: Iterable[str], code: int = CliError.code) -> None:
        self.sentences = tuple(sentences)
        self.code = code
        super().__init__("\n".join(self.sentences))
