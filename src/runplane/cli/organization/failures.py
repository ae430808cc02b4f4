"""What these commands end with when something is wrong."""

from __future__ import annotations

from collections.abc import Iterable


class OrganizationError(Exception):
    """Something a person can correct; `sentences` says what, one line each."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(self.sentences))
