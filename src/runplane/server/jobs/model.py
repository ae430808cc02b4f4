"""Work that is done after the answer has left: what a job is, and what a kind of job brings along."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from runplane.server.sql.unit import Unit

LEASE_SECONDS: Final = 60
"""How long a process may work on a job before another one takes it for dead."""
MAX_ATTEMPTS: Final = 3
"""How often a job is begun, those included whose process was killed."""
RETRY_SECONDS: Final = 5
"""The pause after the first failure; it doubles with each."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job that this process has leased. `attempts` counts this one; `lease` proves that it is ours."""

    id: str
    tenant_id: int
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    lease: str


@dataclass(frozen=True, slots=True)
class JobKind:
    """What is done with the jobs of one name.

    `work` reads and computes, outside any writing transaction; `finish` stores its result in the transaction
    that takes the job off the table, so a result is stored once however often the work is done. `begin` is
    called with each lease, `give_up` when no attempt is left.
    """

    name: str
    begin: Callable[[Unit, Job], None]
    work: Callable[[Unit, Job], Any]
    finish: Callable[[Unit, Job, Any], None]
    give_up: Callable[[Unit, Job], None]
