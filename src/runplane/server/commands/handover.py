"""What a supervisor hands to a worker: descriptors and environment variables.

One socket pair per worker tells both sides all they need of one another. The worker writes a line when it
serves; the supervisor writes one to have it replaced; and since the system closes the ends of a process that
is gone, however it went, either side learns at once that the other has ended.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runplane.server.commands.sockets import adopt

SLOT: Final = "RUNPLANE_WORKER"
"""The worker's number from 0 on; whoever takes the place of a worker gets its number."""
RUN: Final = "RUNPLANE_WORKER_RUN"
"""A word that no other run of any worker has: for a moment two have the same number."""
RUN_DIR: Final = "RUNPLANE_RUN_DIR"
"""A folder of mode 0700 for files that the workers of one supervisor share; gone when all have ended."""
_DESCRIPTORS: Final = "RUNPLANE_WORKER_DESCRIPTORS"


@dataclass(frozen=True, slots=True)
class Handover:
    """What one worker got from its supervisor."""

    slot: int
    run_dir: Path
    link: socket.socket
    sockets: list[socket.socket]


def variables(slot: int, run_dir: Path, link: socket.socket, sockets: list[socket.socket]) -> dict[str, str]:
    """The environment variables of the worker that inherits `link` and `sockets`."""
    return {
        SLOT: str(slot),
        RUN: secrets.token_hex(8),
        RUN_DIR: str(run_dir),
        _DESCRIPTORS: " ".join(str(it.fileno()) for it in (link, *sockets)),
    }


def handed_over(environ: MutableMapping[str, str]) -> Handover | None:
    """What the supervisor of this process handed over; None for a process that nobody supervises.

    The descriptors are taken out of `environ`, so that no process started from here finds them there.
    """
    numbers = environ.pop(_DESCRIPTORS, "").split()
    if not numbers:
        return None
    link = socket.socket(fileno=int(numbers[0]))
    link.set_inheritable(False)
    slot, run_dir = int(environ[SLOT]), Path(environ[RUN_DIR])
    return Handover(slot, run_dir, link, adopt([int(it) for it in numbers[1:]]))


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what is a worker's own."""
    return {name: it for name, it in environ.items() if name not in (SLOT, RUN, RUN_DIR, _DESCRIPTORS)}
