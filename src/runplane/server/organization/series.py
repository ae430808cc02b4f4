"""Metrics and telemetry: what may be asked, checked, and answered from what is known.

No number is invented: a measurement that nobody reported has an empty list of values, and telemetry has no
values. Nothing keeps the past either: what is known is known at one instant, and is a value of a series if
that lies in the span that was asked for. The questions are checked all the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from runplane.server.core.clock import Instant, parse_instant
from runplane.server.core.errors import Invalid
from runplane.server.http.call import Call
from runplane.server.http.listing import enum_member
from runplane.server.http.operation import Reply, Wire

MAX_SAMPLES = 1000
MAX_GROUPS = 2
_CSV_COLUMNS = ("type", "labels", "timestamp", "value")


class Reading(NamedTuple):
    """A number, the instant at which it was so, and what tells it from others of its metric."""

    value: float
    at: Instant
    labels: Mapping[str, str] | None = None


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


def as_text(value: float) -> str:
    """A number as the contract carries it: without a fraction where there is none."""
    return str(int(value)) if value == int(value) else repr(value)


def series(call: Call[Any], choices: Collection[str], known: Mapping[str, Sequence[Reading]]) -> Reply:
    """The answer to a `MetricsQuery`: JSON, or CSV where the caller prefers that.

    `choices` are the metrics there are, `known` the readings of those that have any. Raises Invalid for
    anything in the query that cannot be.
    """
    query: MetricsQuery = call.query
    start, end = parse_instant(query.start, "start"), parse_instant(query.end, "end")
    if start > end:
        raise Invalid("start must not be after end.")
    samples = query.number_of_samples
    if samples is not None and not 0 <= samples <= MAX_SAMPLES:
        raise Invalid(f"numberOfSamples must be 0 to {MAX_SAMPLES}.")
    types = [enum_member(it, choices, "metricType") for it in query.metric_type.split(",")]
    wanted = 1 if samples is None else samples
    measured: list[Measurement] = []
    for name in types:
        within = [it for it in known.get(name, ()) if start <= it.at <= end and wanted]
        measured += [_measurement(name, it) for it in within] or [
            Measurement(type=name, labels=None, values=[])
        ]
    if call.request.headers.get(b"accept", b"").startswith(b"text/csv"):
        return Reply(_metrics_csv(measured), media_type=b"text/csv")
    return Reply(MetricsOut(measurements=measured))


def _measurement(name: str, reading: Reading) -> Measurement:
    labels = None if reading.labels is None else dict(reading.labels)
    return Measurement(
        type=name, labels=labels, values=[Sample(value=as_text(reading.value), timestamp=reading.at)]
    )


def _metrics_csv(measured: Sequence[Measurement]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CSV_COLUMNS)
    for it in measured:
        labels = ";".join(f"{name}={value}" for name, value in (it.labels or {}).items())
        writer.writerows((it.type, labels, sample.timestamp, sample.value) for sample in it.values)
    return text.getvalue().encode()


def telemetry_question(
    kind: str, group_by: str | None, choices: Collection[str], groups: Collection[str]
) -> tuple[str, list[str]]:
    """What to add up and what to group it by. Raises Invalid for anything that cannot be."""
    asked = [enum_member(it, groups, "groupBy") for it in (group_by or "").split(",") if it]
    if len(asked) > MAX_GROUPS:
        raise Invalid(f"groupBy takes at most {MAX_GROUPS} names.")
    return enum_member(kind, choices, "telemetryType"), asked


def telemetry(
    kind: str, now: Instant, found: Sequence[tuple[float, Sequence[tuple[str, str, str]]]]
) -> TelemetryOut:
    """The answer about now: each sum with key, value and name of what it is grouped by."""
    return TelemetryOut(
        type=kind,
        timestamp=now,
        values=[
            TelemetryValue(
                value=as_text(value),
                groups=[TelemetryGroup(key=key, value=ref, name=name) for key, ref, name in keys],
            )
            for value, keys in found
        ],
    )
