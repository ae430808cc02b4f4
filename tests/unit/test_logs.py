"""Logs: no secret, no forged line, one shape for our events and those of libraries."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from runplane.server import logs
from runplane.server.core.clock import parse_instant
from runplane.server.core.secrets import Secret, looks_like_secret

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"
# Well-formed for the scrubber, which does not examine the checksum; fixed, so that test ids stay the same.
SECRET = f"rpk_{'7Kq' * 16}z"
CANARY = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # A server without an access log, as other tests run one in this process, cuts this logger off.
    logging.getLogger("uvicorn.access").propagate = True
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(style: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, style, stream)
    return stream


def only(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)


def test_an_event_is_one_json_object() -> None:
    stream = written("json")
    structlog.get_logger("http").info(
        "answered", status=200, path="/api/v1/users", took=0.5, known=True, who=None
    )
    event = only(stream)
    assert parse_instant(event.pop("timestamp"), "timestamp")
    assert event == {
        "level": "info",
        "logger": "http",
        "event": "answered",
        "status": 200,
        "path": "/api/v1/users",
        "took": 0.5,
        "known": True,
        "who": None,
    }


def test_auto_is_json_where_there_is_no_terminal() -> None:
    stream = written("auto")
    structlog.get_logger("a").info("said")
    assert only(stream)["event"] == "said"


def test_libraries_write_the_same_shape() -> None:
    stream = written("json")
    logging.getLogger("uvicorn.access").info("%s asked for %s", "somebody", "/", extra={"color_message": "x"})
    event = only(stream)
    assert event["event"] == "somebody asked for /"
    assert event["logger"] == "uvicorn.access"
    assert set(event) == {"timestamp", "level", "logger", "event"}


def test_levels_below_the_setting_are_left_out() -> None:
    stream = written("json", "warning")
    structlog.get_logger("a").info("no")
    logging.getLogger("b").info("no")
    structlog.get_logger("a").warning("yes")
    assert only(stream)["event"] == "yes"


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("secret", [SECRET, TOKEN], ids=["secret", "token"])
def test_secrets_are_scrubbed_by_their_shape(style: str, secret: str) -> None:
    assert looks_like_secret(secret)
    stream = written(style)
    logger = structlog.get_logger("a")
    logger.info("sent", value=f"sent {secret}", inside={"list": [secret, {secret: 1}]}, raw=secret.encode())
    logging.getLogger("b").info("sent %s", secret)
    try:
        raise ValueError(f"bad {secret}")
    except ValueError:
        logger.exception("failed")
        logging.getLogger("b").exception("failed")
    text = stream.getvalue()
    assert secret not in text
    assert text.count("ValueError: bad [secret]") == 2


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "name",
    [
        "password",
        "newPassword",
        "client_secret",
        "Authorization",
        "access_token",
        "cookie",
        "keyEncryptionKey",
    ],
)
def test_secrets_are_scrubbed_by_their_name(style: str, name: str) -> None:
    stream = written(style)
    structlog.get_logger("a").info("said", **{name: CANARY}, inside={name: CANARY}, held=Secret(CANARY))
    assert CANARY not in stream.getvalue()


def test_harmless_names_are_not_scrubbed() -> None:
    stream = written("json")
    structlog.get_logger("a").info("said", token_type="Bearer", password_length=12)
    event = only(stream)
    assert (event["token_type"], event["password_length"]) == ("Bearer", 12)


@pytest.mark.clause("log.one-line")
@pytest.mark.parametrize("style", ["json", "console"])
@given(text=st.text(st.characters(), max_size=40))
def test_no_text_can_begin_a_line(style: str, text: str) -> None:
    stream = written(style)
    structlog.get_logger("a").info(f"x{text}", value=text, inside=[text], **{f"k{text}": 1})
    line = stream.getvalue()
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    line.encode("utf-8")


def test_tracebacks_for_people_are_indented() -> None:
    stream = written("console")
    try:
        raise ValueError("first\n2026-01-31T09:30:00.000Z [info     ] forged \x1b[31m")
    except ValueError:
        structlog.get_logger("a").exception("failed")
    head, *trace = stream.getvalue().splitlines()
    assert "failed" in head
    assert trace
    assert all(line.startswith("    ") for line in trace)
    assert "\x1b" not in stream.getvalue()


def test_values_of_any_kind_are_written() -> None:
    stream = written("json")
    endless: list[Any] = []
    endless.append(endless)
    structlog.get_logger("a").info("said", kind=object, some={1, 2}, pair=(1, "a"), endless=endless)
    event = only(stream)
    assert sorted(event["some"]) == [1, 2]
    assert event["pair"] == [1, "a"]
