"""A line on standard error that says how far long work is. Only on a terminal, and gone at the end."""

from __future__ import annotations

import sys
from typing import Final

_WIDTH: Final = 24
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """`total` gives a bar, without it only what is done is counted. Use as a context manager.

    The first step shows nothing: work of one step is not long.
    """

    def __init__(self, nouns: str, total: int | None = None) -> None:
        self._nouns, self._total = nouns, total
        self._shown = False
        self._steps = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._write(_CLEAR)

    def at(self, done: int) -> None:
        """So much is done."""
        self._steps += 1
        if self._steps < 2 or not sys.stderr.isatty():
            return
        self._shown = True
        self._write(f"{_CLEAR}{self.line(done)}")

    def line(self, done: int) -> str:
        """What is shown."""
        if not self._total:
            return f"{done} {self._nouns} …"
        full = min(done * _WIDTH // self._total, _WIDTH)
        return f"[{'#' * full}{'.' * (_WIDTH - full)}] {done}/{self._total} {self._nouns}"

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
