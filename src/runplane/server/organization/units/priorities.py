"""The order in which sibling departments or projects are served (`resources[].priority`).

The contract names no values. These are the project's own: `Normal` is the priority that a KAI-Scheduler queue
has by default, the others lie around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from runplane.server.core.errors import Invalid
from runplane.server.core.listing import fold


@dataclass(frozen=True, slots=True)
class Priority:
    """A priority; the higher value is served first."""

    name: str
    value: int
    is_default: bool = False


PRIORITIES: Final = (
    Priority("VeryLow", 25),
    Priority("Low", 50),
    Priority("Normal", 100, is_default=True),
    Priority("High", 150),
    Priority("VeryHigh", 200),
)
_BY_NAME: Final = {fold(it.name): it.name for it in PRIORITIES}


def priority_named(text: str) -> str:
    """The priority's name as it is listed. Raises Invalid for one that does not exist."""
    found = _BY_NAME.get(fold(text.replace(" ", "")))
    if found is None:
        names = ", ".join(it.name for it in PRIORITIES)
        raise Invalid(f"priority must be one of {names}.")
    return found
