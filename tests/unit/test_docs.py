from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from runplane.server.api import docs
from runplane.server.core.errors import NotFound
from runplane.server.http.call import Call
from runplane.server.http.operation import Operation, Reply
from runplane.server.http.request import Request

WORDS = {"openapi": "3.0.3", "info": {"title": "Zoë"}, "same": [True, "yes", "0123", None], "empty": {}}


class Served:
    """The operations of the room, called as the kernel calls them."""

    def __init__(self) -> None:
        self.document: Any = WORDS
        self.writers: list[int] = []
        self.operations = docs.operations(self._write)

    def _write(self) -> dict[str, Any]:
        self.writers.append(threading.get_ident())
        if isinstance(self.document, Exception):
            raise self.document
        return self.document

    def operation(self, name: str) -> Operation:
        return next(it for it in self.operations if it.id == name)

    async def ask(self, name: str, *, known: str = "", **path: str) -> Reply:
        operation = self.operation(name)
        headers = [(b"if-none-match", known.encode())] if known else []
        scope = {"method": "GET", "path": operation.path, "query_string": b"", "headers": headers}
        return await operation.handler(Call(operation, Request(scope), path))

    def get(self, name: str, **options: str) -> Reply:
        return asyncio.run(self.ask(name, **options))


@pytest.fixture
def served() -> Served:
    return Served()


def header(reply: Reply, name: str) -> str:
    return dict(reply.headers)[name.encode()].decode()


def linked(page: bytes) -> Iterator[str]:
    """The addresses the page loads, resolved as a browser does."""
    here = httpx.URL("https://x.example/api/docs")
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.decode()):
        yield here.join(address).path


def test_the_page_loads_only_what_is_served_here(served: Served) -> None:
    page = served.get("get_api_docs")
    assert page.media_type == b"text/html; charset=utf-8"
    paths = set(linked(page.body))
    assert len(paths) == 5
    for path in paths - {"/api/docs/swagger.json"}:
        reply = served.get("get_api_docs_asset", asset=path.removeprefix("/api/docs/"))
        assert len(reply.body) > 300
    assert "/api/docs/swagger.json" in {it.path for it in served.operations}


@pytest.mark.clause("headers.console")
def test_the_page_holds_no_script_and_the_policy_allows_none(served: Served) -> None:
    page = served.get("get_api_docs")
    assert re.findall(rb"<script[^>]*>([^<]+)", page.body) == []
    assert not re.search(rb"\son\w+=|style=|<style", page.body)
    policy = header(page, "content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", ["swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"])
def test_a_file_that_the_browser_has_is_not_sent_again(served: Served, name: str) -> None:
    first = served.get("get_api_docs_asset", asset=name)
    assert first.status is None
    assert header(first, "cache-control") == "no-cache"
    tag = header(first, "etag")
    for known in (tag, f'"other", W/{tag}'):
        again = served.get("get_api_docs_asset", asset=name, known=known)
        assert (again.status, again.body) == (304, b"")
        assert header(again, "etag") == tag
    assert served.get("get_api_docs_asset", asset=name, known='"other"').body == first.body


@pytest.mark.parametrize(
    "name", ["index.html", "swagger-ui-bundle.js.map", "../__init__.py", "", "..", "swagger-initializer.js"]
)
def test_no_other_file_can_be_had(served: Served, name: str) -> None:
    with pytest.raises(NotFound, match="/api/docs"):
        served.get("get_api_docs_asset", asset=name)


def test_files_have_types_that_browsers_accept_without_guessing(served: Served) -> None:
    types = {
        it: served.get("get_api_docs_asset", asset=it).media_type for it in ("start.js", "swagger-ui.css")
    }
    assert types == {
        "start.js": b"text/javascript; charset=utf-8",
        "swagger-ui.css": b"text/css; charset=utf-8",
    }
    assert served.get("get_api_docs_asset", asset="favicon-32x32.png").body.startswith(b"\x89PNG")


def test_the_document_is_the_same_in_both_notations(served: Served) -> None:
    as_json, as_yaml = served.get("get_openapi_json"), served.get("get_openapi_yaml")
    assert (as_json.media_type, as_yaml.media_type) == (b"application/json", b"application/yaml")
    assert json.loads(as_json.body) == WORDS
    assert yaml.safe_load(as_yaml.body) == WORDS
    assert as_yaml.body.decode().startswith("openapi: 3.0.3\ninfo:\n  title: Zoë\n")
    assert header(as_json, "etag") != header(as_yaml, "etag")


def test_yaml_has_no_aliases(served: Served) -> None:
    part = {"a": [1]}
    served.document = {"x": part, "y": part}
    assert served.get("get_openapi_yaml").body == b"x:\n  a:\n  - 1\ny:\n  a:\n  - 1\n"


def test_the_document_is_written_once_and_off_the_event_loop(served: Served) -> None:
    async def many() -> int:
        await asyncio.gather(*(served.ask("get_openapi_json") for _ in range(8)))
        return threading.get_ident()

    assert served.writers == []
    loop_thread = asyncio.run(many())
    assert len(served.writers) == 1
    assert served.writers != [loop_thread]


def test_a_document_that_could_not_be_written_is_tried_again(served: Served) -> None:
    served.document = TypeError("no schema")
    with pytest.raises(TypeError, match="no schema"):
        served.get("get_openapi_json")
    served.document = WORDS
    assert json.loads(served.get("get_openapi_json").body) == WORDS
