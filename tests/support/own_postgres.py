"""A PostgreSQL that a test may break, because nobody else uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from conftest import unavailable
from support.postgres import PostgresMissing


class Stopped(Protocol):
    """What is started for a test and stopped after it."""

    def stop(self) -> None:
        """End it and remove its files."""
        ...


Made = TypeVar("Made", bound=Stopped)


def own(make: Callable[[], Made]) -> Iterator[Made]:
    """The body of a fixture: what `make` started, stopped in the end. Skips where there is no PostgreSQL."""
    try:
        made = make()
    except PostgresMissing as error:
        unavailable("postgres", str(error))
    try:
        yield made
    finally:
        made.stop()
