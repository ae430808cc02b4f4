"""Traces: what a collector gets from a real server over OTLP/HTTP, and what lines and answers say of it."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from runplane.server import logs
from runplane.server.app import App
from runplane.server.core.marks import Marks
from runplane.server.http import tracing
from runplane.server.settings import SettingsError, load_settings
from support.server import ADMIN_EMAIL, ADMIN_PASSWORD, Server

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{PARENT}-00f067aa0ba902b7-01"


class Collector:
    """An OTLP/HTTP receiver; `spans` are those of all requests so far."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                collector.bodies.append(body)
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class' name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def resources(self) -> list[Any]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        return [
            it for body in self.bodies for it in ExportTraceServiceRequest.FromString(body).resource_spans
        ]

    def spans(self) -> list[Any]:
        return [span for it in self.resources() for scope in it.scope_spans for span in scope.spans]


def attributes(holder: Any) -> dict[str, Any]:
    return {it.key: getattr(it.value, it.value.WhichOneof("value")) for it in holder.attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    yield made
    made.close()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, as JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_each_request_is_a_span_with_its_database_units_below(
    collector: Collector, make_server: Callable[..., Server]
) -> None:
    server = make_server()
    made = server.admin.post(
        "/api/v1/service-accounts?secret=hidden",
        json={"name": "traced"},
        headers={"traceparent": TRACEPARENT},
    )
    assert made.status_code == 201
    server.admin.get("/api/v1/service-accounts/00000000-0000-7000-8000-000000000000")
    server.admin.get("/nowhere/at/all")
    server.stop()
    spans = collector.spans()
    (create,) = [it for it in spans if attributes(it).get("http.route") == "/api/v1/service-accounts"]
    assert create.trace_id.hex() == PARENT
    assert create.parent_span_id.hex() == "00f067aa0ba902b7"
    assert create.kind == 2  # a server's, in the protocol's numbers
    said = attributes(create)
    assert said["http.response.status_code"] == 201
    assert said["runplane.tenant"] == 1001
    assert said["runplane.operation"] == create.name
    assert said["runplane.request_id"] == made.headers["x-request-id"]
    below = [it for it in spans if it.parent_span_id == create.span_id]
    assert "database write" in {it.name for it in below}
    assert all(it.trace_id == create.trace_id and it.end_time_unix_nano for it in below)
    assert "unmatched" in {it.name for it in spans}
    (resource,) = {json.dumps(attributes(it.resource), sort_keys=True) for it in collector.resources()}
    assert json.loads(resource)["service.name"] == "runplane"
    assert json.loads(resource)["deployment.environment.name"] == "test"
    everything = b"".join(collector.bodies)
    token = server_token(made)
    for secret in (ADMIN_PASSWORD, ADMIN_EMAIL, token, made.json()["clientSecret"], "hidden", "nowhere"):
        assert secret.encode() not in everything, secret


def server_token(answer: httpx.Response) -> str:
    return answer.request.headers["authorization"].removeprefix("Bearer ")


def test_log_lines_of_a_request_say_which_it_is(
    collector: Collector,
    make_server: Callable[..., Server],
    lines: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = make_server().admin

    def broken(*_: Any, **__: Any) -> None:
        structlog.get_logger("room").warning("about to fail")
        raise KeyError("hush")

    # fails in the unit of work, on another thread than the kernel's
    monkeypatch.setattr("runplane.server.audit.journal.Journal.write", broken)
    headers = {"traceparent": TRACEPARENT}
    answer = admin.post("/api/v1/service-accounts", json={"name": "account-x"}, headers=headers)
    assert answer.status_code == 500
    monkeypatch.undo()
    found = [json.loads(it) for it in lines.getvalue().splitlines()]
    of_request = [it for it in found if it["event"] in ("about to fail", "request failed")]
    assert [it["event"] for it in of_request] == ["about to fail", "request failed"]
    for it in of_request:
        assert it["request_id"] == answer.headers["x-request-id"]
        assert it["trace_id"] == PARENT
        assert len(it["span_id"]) == 16
    assert answer.headers["x-request-id"] in answer.json()["details"]


def test_every_answer_has_an_id_of_its_own(server: Server) -> None:
    answers = [httpx.get(f"{server.url}{it}") for it in ("/healthz", "/healthz", "/nowhere", "/api/v1/me")]
    ids = {it.headers["x-request-id"] for it in answers}
    assert len(ids) == 4
    made = server.admin.post("/api/v1/service-accounts", json={"name": "account-with-an-id"})
    (row,) = server.audit(request_id=made.headers["x-request-id"])
    assert (row["action"], row["http_status_code"]) == ("create", 201)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (TRACEPARENT, True),
        (f"01-{PARENT}-00f067aa0ba902b7-00-more", True),
        ("", False),
        (f"ff-{PARENT}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{PARENT}-{'0' * 16}-01", False),
        (f"00-{PARENT.upper()}-00f067aa0ba902b7-01", False),
        (f"00-{PARENT}-00f067aa0ba902b7", False),
    ],
)
def test_only_a_right_traceparent_is_followed(header: str, accepted: bool) -> None:
    assert (tracing._PARENT.match(header.encode()) is not None) is accepted


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_switch_it_on(environ: dict[str, str], wanted: bool) -> None:
    assert tracing.wanted(environ) is wanted


@pytest.mark.parametrize(
    ("sampler", "header", "flags"),
    [
        ("", "", "01"),
        ("", TRACEPARENT, "01"),
        ("", f"{TRACEPARENT[:-2]}00", "00"),
        ("", f"{TRACEPARENT[:-2]}ff", "01"),
        ("always_off", TRACEPARENT, "00"),
        ("always_off", "", "00"),
        ("always_on", f"{TRACEPARENT[:-2]}00", "01"),
    ],
)
def test_the_trace_is_handed_on_as_it_was_sampled(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, sampler: str, header: str, flags: str
) -> None:
    """Whoever is told that a trace is kept keeps his part too, of a trace that has no other."""
    if sampler:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    made = tracing.Tracing("1")
    marks = Marks("0192-request")
    made.begin(marks, header.encode(), "GET")
    kept, handed_on = marks.span.is_recording(), marks.traceparent
    made.end(marks, "anything", "", 200, 0)
    made.close()
    assert handed_on == f"00-{marks.trace_id}-{marks.span_id}-{flags}"
    assert kept is (flags == "01")
    assert len(collector.spans()) == kept
    assert not header or marks.trace_id == PARENT


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1.5"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "soon"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "few"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "-4"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0x10"),
    ],
)
def test_a_wrong_number_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines: io.StringIO, name: str, text: str
) -> None:
    """One line says which, and nothing is made on disk."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, text)
    settings = load_settings({"data_dir": str(tmp_path / "data")}, {}).settings
    with pytest.raises(SettingsError) as refused:
        App(settings)
    assert str(refused.value).startswith(f"{name}: must be ")
    assert not (tmp_path / "data").exists()
    assert lines.getvalue() == ""


def test_a_number_that_is_empty_is_none(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, lines: io.StringIO
) -> None:
    """As compose files and charts pass what is unset."""
    for name in ("OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_SPAN_EVENT_COUNT_LIMIT"):
        monkeypatch.setenv(name, "")
    made = tracing.open_tracing(os.environ, "1")
    assert made is not None
    made.close()
    assert lines.getvalue() == ""


def test_without_the_library_one_line_says_what_to_install(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert tracing.open_tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "1") is None
    (line,) = lines.getvalue().splitlines()
    assert "install runplane[otel]" in line


@pytest.mark.slow
def test_nothing_of_it_is_imported_unasked(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; from runplane.server import app, settings; "
        "app.App(settings.load_settings().settings).close(); "
        "print([it for it in sys.modules if it.startswith('opentelemetry')])"
    )
    kept = {name: it for name, it in os.environ.items() if not name.startswith(("OTEL_", "RUNPLANE_"))}
    environment = {**kept, "PYTHONPATH": os.pathsep.join(sys.path), "RUNPLANE_DATA_DIR": str(tmp_path / "d")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
