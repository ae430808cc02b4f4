"""The server's REST API for commands: a token that renews itself, whole lists, refusals as sentences."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

import httpx

from runplane.cli.failures import CliError, InConflict, NotAllowed, NotLoggedIn, NotThere, Unreachable
from runplane.cli.transport import Transport, members

PAGE: Final = 500


class Refused(CliError):
    """The server did not do it; the message is the server's own sentence."""

    def __init__(self, sentence: str, status: int, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.answer = answer or {}


class _NotAccepted(Refused, NotLoggedIn):
    code = NotLoggedIn.code


class _Forbidden(Refused, NotAllowed):
    code = NotAllowed.code


class _Missing(Refused, NotThere):
    code = NotThere.code


class _Conflict(Refused, InConflict):
    code = InConflict.code


class _Later(Refused, Unreachable):
    code = Unreachable.code


_KINDS: Final[Mapping[int, type[Refused]]] = {
    401: _NotAccepted,
    403: _Forbidden,
    404: _Missing,
    409: _Conflict,
    412: _Conflict,
    429: _Later,
    502: _Later,
    503: _Later,
    504: _Later,
}


class TokenSource(Protocol):
    """Where the token of a connection comes from."""

    def current(self) -> str:
        """The token to send. Raises CliError."""
        ...

    def next(self, rejected: str) -> str | None:
        """Another token than `rejected`, which the server no longer takes; None where there is none."""
        ...


class FixedToken:
    """A token that was given from outside, such as by RUNPLANE_TOKEN."""

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """The token."""
        return self._token

    def next(self, rejected: str) -> str | None:  # noqa: ARG002 - the shape of a TokenSource
        """None: there is but one."""
        return None


class Api:
    """A server, spoken to as one caller. Use as a context manager."""

    def __init__(self, transport: Transport, tokens: TokenSource) -> None:
        self.transport = transport
        self._tokens = tokens
        self.url = transport.url

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.transport.close()

    def token(self) -> str:
        """The access token that is sent. Raises CliError."""
        return self._tokens.current()

    def another_token(self, rejected: str) -> str | None:
        """A new token in place of one that the server no longer accepts; None where there is none."""
        return self._tokens.next(rejected)

    def get(self, path: str, **query: str | int) -> Any:
        """What a GET answers. Raises Refused and Unreachable."""
        return _body(self.send("GET", path, query=query))

    def pages(
        self, path: str, member: str, seen: Callable[[int], None] | None = None, **query: str | int
    ) -> Iterator[Any]:
        """The objects of a list that comes in pages; `seen` hears how many there were after each page.

        Raises Refused and Unreachable.
        """
        count = 0
        while True:
            page: list[Any] = self.get(path, **query, limit=PAGE, offset=count)[member]
            count += len(page)
            if seen is not None:
                seen(count)
            yield from page
            if len(page) < PAGE:
                return

    def every(self, path: str, member: str, **query: str | int) -> list[Any]:
        """A list that comes in pages, whole. Raises Refused and Unreachable."""
        return list(self.pages(path, member, None, **query))

    def tagged(self, path: str) -> tuple[Any, str | None]:
        """An object and its entity tag, if it has one. Raises Refused and Unreachable."""
        answer = self.send("GET", path)
        return _body(answer), answer.headers.get("etag")

    def change(self, method: str, path: str, body: Any = None, tag: str | None = None) -> Any:
        """What a write answers; a `tag` sends If-Match. Raises Refused and Unreachable."""
        return _body(self.send(method, path, body=body, headers={} if tag is None else {"if-match": tag}))

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """An answer as it came, after one more try where the token had ended. Raises Unreachable."""
        send = functools.partial(self.transport.send, method, path, query=query, body=body, headers=headers)
        token = self._tokens.current()
        answer = send(token=token)
        if answer.status_code == 401 and (another := self._tokens.next(token)) is not None:
            answer = send(token=another)
        return answer


def _body(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise refusal(answer)
    try:
        return answer.json() if answer.content else None
    except (ValueError, RecursionError):
        return None


def refusal(answer: httpx.Response) -> Refused:
    """The exception for an answer that is none of success."""
    found = members(answer)
    said = str(found.get("message") or f"The answer was {answer.status_code}.").rstrip()
    return _KINDS.get(answer.status_code, Refused)(said, answer.status_code, found)
