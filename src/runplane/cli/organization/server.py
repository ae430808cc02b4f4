"""The server's REST API as these commands use it: one token, whole lists, refusals as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import httpx

from runplane.cli.organization.failures import OrganizationError

PAGE: Final = 500
_TIMEOUT: Final = 60.0


class Refused(Exception):
    """The server did not do it; the message is the server's own sentence."""


class Api:
    """A server, spoken to with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        try:
            self._client = httpx.Client(base_url=self.url, timeout=_TIMEOUT)
            self._client.headers["authorization"] = f"Bearer {token}"
        except (httpx.InvalidURL, ValueError):
            raise OrganizationError([f"{url!r} is no address of a server, or the token is none."]) from None

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: str | int) -> Any:
        """What a GET answers. Raises Refused."""
        return _body(self._send("GET", path, query, None))

    def every(self, path: str, member: str, **query: str | int) -> list[Any]:
        """A list that comes in pages, whole. Raises Refused."""
        found: list[Any] = []
        while True:
            page = self.get(path, **query, limit=PAGE, offset=len(found))[member]
            found += page
            if len(page) < PAGE:
                return found

    def tagged(self, path: str) -> tuple[Any, str | None]:
        """An object and its entity tag, if it has one. Raises Refused."""
        answer = self._send("GET", path, {}, None)
        return _body(answer), answer.headers.get("etag")

    def change(self, method: str, path: str, body: Any = None, tag: str | None = None) -> Any:
        """What a write answers; with `tag` only if the object still has it. Raises Refused."""
        return _body(self._send(method, path, {}, body, tag))

    def _send(
        self, method: str, path: str, query: Mapping[str, str | int], body: Any, tag: str | None = None
    ) -> httpx.Response:
        headers = {} if tag is None else {"if-match": tag}
        try:
            return self._client.request(method, path, params=dict(query) or None, json=body, headers=headers)
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError):
            raise OrganizationError([f"{self.url} does not answer. Is RUNPLANE_URL right?"]) from None


def token_of(url: str, client_id: str, client_secret: str) -> str:
    """An access token for a service account. Raises OrganizationError."""
    with Api(url, "none") as api:
        body = {"grantType": "client_credentials", "clientId": client_id, "clientSecret": client_secret}
        try:
            return str(api.change("POST", "/api/v1/token", body)["accessToken"])
        except Refused as error:
            raise OrganizationError([f"No token for the client {client_id}: {error}"]) from None
        except (KeyError, TypeError):
            raise OrganizationError([f"{url} is no runplane server."]) from None


def _body(answer: httpx.Response) -> Any:
    try:
        body: Any = answer.json() if answer.content else None
    except ValueError:
        body = None
    if answer.is_success:
        return body
    try:
        said = body["message"]
    except (TypeError, KeyError):
        said = None
    raise Refused(str(said or f"the answer was {answer.status_code}").rstrip())
