"""Logging: one stream of events on standard error, JSON lines for machines or text for people.

Everything goes through one handler, also what uvicorn and other libraries write with the standard module, so
that no line escapes the scrubbing: secrets by shape and by name, and control characters, which could forge a
line.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final, TextIO, cast

import msgspec
import structlog
from structlog.typing import Processor

from runplane.server.core.clock import SystemClock, now
from runplane.server.core.marks import CURRENT
from runplane.server.core.secrets import Secret, encode_redacted, scrub

HIDDEN: Final = "[secret]"
_SECRET_NAME = re.compile(
    r"(password|secret|credential|authorization|cookie|private_?key|encryption_?key|(^|_)(token|assertion)s?)$",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MAX_DEPTH: Final = 6
# They tell each step of their own start-up; what matters of it we say ourselves.
_CHATTY: Final = ("alembic", "uvicorn.error")


def _without_query(record: logging.LogRecord) -> bool:
    """Take the query string out of a line of uvicorn's request log: passwords end up there by mistake."""
    args = record.args
    if isinstance(args, tuple) and len(args) == 5:
        client, method, path, version, status = args
        record.args = (client, method, str(path).partition("?")[0], version, status)
    return True


def configure(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send structlog and the standard module to `stream` (standard error), from `level` on.

    `style` is `json`, `console`, or `auto`: text on a terminal, JSON elsewhere. May be called again.
    """
    target = stream or sys.stderr
    terminal = target.isatty()
    readable = style == "console" or (style == "auto" and terminal)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _mark,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _timestamp,
        structlog.processors.format_exc_info,
        _clean,
    ]
    render: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    render += [_indent_trace, _console(terminal)] if readable else [_json]
    handler = logging.StreamHandler(target)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=render, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("uvicorn.access").filters[:] = [_without_query]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _console(terminal: bool) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=terminal and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=0,
    )


def _mark(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say which request a line is about, and where it stands in a trace."""
    marks = CURRENT.get()
    if marks is not None:
        event.setdefault("request_id", marks.request_id)
        if marks.trace_id:
            event.setdefault("trace_id", marks.trace_id)
            event.setdefault("span_id", marks.span_id)
    return event


def _timestamp(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["timestamp"] = now(SystemClock())
    return event


def _clean(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Every value without secrets and, apart from tracebacks, on one line."""
    # structlog's own notes about the record, taken out before anything is written.
    return {
        _line(key): value if key.startswith("_") else _scrubbed(key, value) for key, value in event.items()
    }


def _scrubbed(key: str, value: Any) -> Any:
    if key == "exception":
        return "\n".join(map(_line, str(value).split("\n")))
    if key == "event" and isinstance(value, str):
        return _line(value.rstrip())
    return HIDDEN if _SECRET_NAME.search(key) else _cleaned(value, 0)


def _cleaned(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret) or depth > _MAX_DEPTH:
        return HIDDEN if isinstance(value, Secret) else "[…]"
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {
            _line(str(key)): HIDDEN if _SECRET_NAME.search(str(key)) else _cleaned(inner, depth + 1)
            for key, inner in items
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(inner, depth + 1) for inner in cast("Sequence[Any]", value)]
    if isinstance(value, bytes):
        return _line(value.decode("utf-8", "backslashreplace"))
    return _line(str(value))


def _line(text: str) -> str:
    """`text` without secrets and with control characters written out, so that it cannot begin a new line."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), scrub(text))


def _indent_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Indent tracebacks: the text of an exception may come from outside and must not look like an event."""
    if "exception" in event:
        event["exception"] = "    " + event["exception"].replace("\n", "\n    ")
    return event


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    first = {name: event.pop(name) for name in ("timestamp", "level", "logger", "event") if name in event}
    return msgspec.json.encode({**first, **event}, enc_hook=encode_redacted).decode()
