"""Whether a browser will keep secure cookies, told from what a request shows of the way it came."""

from __future__ import annotations

from typing import Any

import pytest

from runplane.server.http.request import Request
from runplane.server.identity.browser.request import keeps_secure_cookies


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("runai.example.com", "https://runai.example.com", True),
        ("RUNAI.example.com", "https://runai.EXAMPLE.com", True),
        ("runai.example.com:8443", "https://runai.example.com:8443", True),
        ("runai.example.com", "https://runai.example.com:8443", False),
        ("other.example.com", "https://runai.example.com", False),
        ("runai.example.com", "http://runai.example.com", False),
        ("runai.example.com", "", False),
        ("localhost:8080", "", True),
        ("acme.localhost", "", True),
        ("127.0.0.1:8080", "", True),
        ("[::1]:8080", "", True),
        ("[::1]", "", True),
        ("notlocalhost", "", False),
    ],
)
def test_cookies_are_kept_over_https_and_on_the_own_machine(
    host: str, public_url: str, expected: bool
) -> None:
    assert keeps_secure_cookies(_request(("host", host)), public_url) is expected
    trusting = _request(("host", host), ("sec-fetch-site", "none"))
    assert keeps_secure_cookies(trusting, public_url)


def _request(*headers: tuple[str, str]) -> Request:
    scope: dict[str, Any] = {
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.1", 1234),
    }
    return Request(scope, ())
