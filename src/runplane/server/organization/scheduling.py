"""Scheduling rules and their inheritance: a project may tighten what its department says, never loosen it.

Pure. What counts for a workload is the tighter of the two, so a department that tightens later binds
projects at once, and nothing that is stored in a project has to change.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, structs

from runplane.server.core.errors import Invalid
from runplane.server.http.operation import Wire

Seconds = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class SchedulingRules(Wire):
    """Limits of workloads in seconds; null is none."""

    interactive_job_time_limit_seconds: Seconds | None = None
    interactive_job_max_idle_duration_seconds: Seconds | None = None
    interactive_job_preempt_idle_duration_seconds: Seconds | None = None
    training_job_max_idle_duration_seconds: Seconds | None = None
    training_job_time_limit_seconds: Seconds | None = None


_FIELDS = structs.fields(SchedulingRules)
# An idle limit that is not below the time limit could never be reached.
_BELOW = (
    ("interactive_job_max_idle_duration_seconds", "interactive_job_time_limit_seconds"),
    ("training_job_max_idle_duration_seconds", "training_job_time_limit_seconds"),
)


def check(rules: SchedulingRules) -> None:
    """Raises Invalid for an idle limit that is not below the time limit of the same workloads."""
    for idle, limit in _BELOW:
        low, high = getattr(rules, idle), getattr(rules, limit)
        if low is not None and high is not None and low >= high:
            raise Invalid(f"schedulingRules.{_wire(idle)} must be below {_wire(limit)}, which is {high}.")


def effective(parent: SchedulingRules, own: SchedulingRules) -> SchedulingRules:
    """The tighter of the two, rule by rule."""
    values: dict[str, int] = {}
    for field in _FIELDS:
        given = [it for it in (getattr(parent, field.name), getattr(own, field.name)) if it is not None]
        if given:
            values[field.name] = min(given)
    return SchedulingRules(**values)


def must_tighten(parent: SchedulingRules, own: SchedulingRules) -> None:
    """Raises Invalid for the first rule of a project that is looser than its department's."""
    for field in _FIELDS:
        above, mine = getattr(parent, field.name), getattr(own, field.name)
        if above is not None and mine is not None and mine > above:
            raise Invalid(
                f"schedulingRules.{field.encode_name} must not exceed the department's, which is {above}.",
                "A project may tighten what its department says, never loosen it.",
            )


def _wire(name: str) -> str:
    return next(field.encode_name for field in _FIELDS if field.name == name)
