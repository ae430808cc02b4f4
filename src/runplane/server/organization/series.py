"""Metrics and telemetry: what may be asked, checked, and the answer where no agent reported anything.

No number is invented: a measurement that nobody reported has an empty list of values, and telemetry has no
values. The questions are checked all the same, so that a script that works today works with data.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from runplane.server.core.clock import Instant, parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Reply, Wire

MAX_SAMPLES = 1000
MAX_GROUPS = 2
_CSV_COLUMNS = b"type,labels,timestamp,value\r\n"


class Sample(Wire):
    """One value at one time."""

    value: str
    timestamp: str | None


class Measurement(Wire):
    """The values of one metric, oldest first."""

    type: str
    labels: dict[str, str] | None
    values: list[Sample]


class MetricsOut(Wire):
    """What was measured in a span of time."""

    measurements: list[Measurement]


class TelemetryGroup(Wire):
    """What a value is grouped by."""

    key: str
    value: str
    name: str | None


class TelemetryValue(Wire):
    """One value, and the groups it is of."""

    value: str
    groups: list[TelemetryGroup]


class TelemetryOut(Wire):
    """What is the case now."""

    type: str
    timestamp: str
    values: list[TelemetryValue]


class MetricsQuery(Wire):
    """A span of time and what to show of it; `metricType` may hold several, with commas between."""

    start: str
    end: str
    metric_type: str
    number_of_samples: int | None = None


class TelemetryQuery(Wire):
    """What to show, and what to group it by: at most two names with a comma between."""

    telemetry_type: str
    group_by: str | None = None


def empty_series(call: Call[Any], choices: Collection[str]) -> Reply:
    """The answer to a `MetricsQuery` where nobody reported: JSON, or CSV where the caller prefers that.

    `choices` are the metrics there are. Raises Invalid for anything in the query that cannot be.
    """
    query: MetricsQuery = call.query
    if parse_instant(query.start, "start") > parse_instant(query.end, "end"):
        raise Invalid("start must not be after end.")
    samples = query.number_of_samples
    if samples is not None and not 0 <= samples <= MAX_SAMPLES:
        raise Invalid(f"numberOfSamples must be 0 to {MAX_SAMPLES}.")
    types = [enum_member(it, choices, "metricType") for it in query.metric_type.split(",")]
    if call.request.headers.get(b"accept", b"").startswith(b"text/csv"):
        return Reply(_CSV_COLUMNS, media_type=b"text/csv")
    return Reply(MetricsOut(measurements=[Measurement(type=it, labels=None, values=[]) for it in types]))


def empty_telemetry(
    query: TelemetryQuery, choices: Collection[str], groups: Collection[str], now: Instant
) -> TelemetryOut:
    """The answer where nobody reported. Raises Invalid for anything in the query that cannot be."""
    asked = query.group_by.split(",") if query.group_by else []
    if len(asked) > MAX_GROUPS:
        raise Invalid(f"groupBy takes at most {MAX_GROUPS} names.")
    for name in asked:
        enum_member(name, groups, "groupBy")
    kind = enum_member(query.telemetry_type, choices, "telemetryType")
    return TelemetryOut(type=kind, timestamp=now, values=[])
