"""OpenTelemetry traces: a span for each request and one for each database unit below it.

Switched on by the standard variable OTEL_EXPORTER_OTLP_ENDPOINT (or its form for traces alone); the library
reads the other OTEL_* variables itself. Nothing of it is imported otherwise: it would cost a fifth of the
start-up time and 15 MB. A span names operations, statuses and the number of a tenant, and never an address
with its query, a body, a header or a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import structlog

from runplane.server.core.marks import CURRENT, Marks

T = TypeVar("T")

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# W3C Trace Context 3.2; ids of zeros are invalid, and a version of ff is no version
_PARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z"
)
_FLUSH_MILLIS: Final = 2_000

# What spans are collected with before they are sent: the library's parameters, and what it takes by default.
_BATCH: Final = MappingProxyType(
    {
        "OTEL_BSP_MAX_QUEUE_SIZE": ("max_queue_size", 2048),
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": ("max_export_batch_size", 512),
        "OTEL_BSP_SCHEDULE_DELAY": ("schedule_delay_millis", 5_000),
        "OTEL_BSP_EXPORT_TIMEOUT": ("export_timeout_millis", 30_000),
    }
)
# Those the library reads itself, and raises for.
_LIMITS: Final = (
    "OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
)  # fmt: skip
_MOST: Final = 1_000_000_000


class WrongVariable(Exception):
    """A variable of OpenTelemetry that is no number it could be: its name and a sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name}: {sentence}")
        self.name = name
        self.sentence = sentence


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    none = environ.get("OTEL_TRACES_EXPORTER", "otlp").lower() == "none"
    return not off and not none and any(environ.get(name) for name in ENDPOINTS)


def open_tracing(environ: Mapping[str, str], version: str) -> Tracing | None:
    """What makes spans, or None where nobody asked for them or the library is not installed.

    Raises WrongVariable.
    """
    if not wanted(environ):
        return None
    batch = _batch(environ)
    for name in _LIMITS:
        _number(environ, name, 0)
    try:
        return Tracing(version, batch)
    except ImportError:
        structlog.get_logger("tracing").warning(
            "no traces: the variables OTEL_* ask for them and OpenTelemetry is not installed; "
            "install runplane[otel]"
        )
        return None


def _batch(environ: Mapping[str, str]) -> dict[str, int]:
    found = {parameter: _number(environ, name, 1) or default for name, (parameter, default) in _BATCH.items()}
    most = found["max_queue_size"]
    if found["max_export_batch_size"] > most:
        raise WrongVariable(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", f"must be at most OTEL_BSP_MAX_QUEUE_SIZE, which is {most}."
        )
    return found


def _number(environ: Mapping[str, str], name: str, least: int) -> int | None:
    """The number that a variable gives; None where it is empty, as what is unset often is passed."""
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= _MOST:
        raise WrongVariable(name, f"must be a whole number from {least} to {_MOST}.")
    return int(text)


class Tracing:
    """Makes spans and sends them in the background. Raises ImportError where the library is missing."""

    def __init__(self, version: str, batch: Mapping[str, Any] = MappingProxyType({})) -> None:
        # imported here: see the top of this file
        from opentelemetry import trace  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        self._api: Any = trace
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over this
        resource: Any = Resource.create({"service.name": "runplane", "service.version": version})
        environment: Any = Resource.create()
        if environment.attributes.get("service.name", "").partition(":")[0] != "unknown_service":
            resource = resource.merge(environment)
        self._provider: Any = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), **batch))
        self._tracer: Any = self._provider.get_tracer("runplane", version)

    def begin(self, marks: Marks, traceparent: bytes, method: str) -> None:
        """Open the span of a request, below the one that a traceparent header names."""
        span = self._tracer.start_span(
            method, context=self._parent(traceparent), kind=self._api.SpanKind.SERVER
        )
        found = span.get_span_context()
        marks.span = span
        marks.trace_id = self._api.format_trace_id(found.trace_id)
        marks.span_id = self._api.format_span_id(found.span_id)
        marks.sampled = found.trace_flags.sampled
        span.set_attribute("http.request.method", method)
        span.set_attribute("runplane.request_id", marks.request_id)

    def end(self, marks: Marks, operation: str, route: str, status: int, tenant_id: int) -> None:
        """Close the span of a request. `tenant_id` is 0 where nobody knows whose it was."""
        span = marks.span
        span.update_name(operation)
        span.set_attribute("runplane.operation", operation)
        if route:
            span.set_attribute("http.route", route)
        if status:
            span.set_attribute("http.response.status_code", status)
        if tenant_id:
            span.set_attribute("runplane.tenant", tenant_id)
        if status >= 500:
            span.set_status(self._api.StatusCode.ERROR)
        span.end()

    def unit(self, name: str, job: Callable[[], T]) -> Callable[[], T]:
        """`job`, a unit of work, under a span below that of the present request; as it is without one."""
        marks = CURRENT.get()
        if marks is None or marks.span is None:
            return job
        span = self._tracer.start_span(f"database {name}", context=self._api.set_span_in_context(marks.span))

        def traced() -> T:
            # what lies before this is the time in the queue
            span.add_event("began")
            try:
                return job()
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                span.end()

        return traced

    def close(self) -> None:
        """Send what is left, for two seconds at most."""
        self._provider.force_flush(_FLUSH_MILLIS)
        self._provider.shutdown()

    def _parent(self, traceparent: bytes) -> Any:
        found = _PARENT.match(traceparent)
        if found is None:
            return None
        trace_id, span_id, flags = (int(it, 16) for it in found.groups())
        sampled = self._api.TraceFlags(flags & 1)
        parent = self._api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=sampled)
        return self._api.set_span_in_context(self._api.NonRecordingSpan(parent))
