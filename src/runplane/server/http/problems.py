"""From domain error to answer: status, headers and body, per surface.

Modern routes answer `{code, message, details?}`. The OAuth routes answer RFC 6749 objects. The JSON token
route answers 400 where RFC 6749 says 401, because the official client retries a 401 four times and then
hides the sentence; its body carries both vocabularies.
"""

from __future__ import annotations

import json
from typing import Any

from runplane.server.core import errors as e
from runplane.server.http.limits import quota_headers
from runplane.server.http.operation import Surface

Headers = list[tuple[bytes, bytes]]

_STATUS: dict[type[e.DomainError], int] = {
    e.Invalid: 400,
    e.Unauthenticated: 401,
    e.Forbidden: 403,
    e.NotFound: 404,
    e.MethodNotAllowed: 405,
    e.AlreadyExists: 409,
    e.Conflict: 409,
    e.InUse: 409,
    e.PreconditionFailed: 412,
    e.TooLarge: 413,
    e.UnsupportedMedia: 415,
    e.KeyReused: 422,
    e.Throttled: 429,
    e.NotBuilt: 501,
    e.Unavailable: 503,
    e.GrantRefused: 400,
}
_OAUTH_WORD = {
    400: "invalid_request",
    401: "invalid_client",
    413: "invalid_request",
    415: "invalid_request",
    405: "invalid_request",
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}
NO_STORE: tuple[tuple[bytes, bytes], ...] = ((b"cache-control", b"no-store"), (b"pragma", b"no-cache"))


def status_of(error: e.DomainError, surface: Surface) -> int:
    """The HTTP status of a refusal on a surface."""
    if isinstance(error, e.GrantRefused):
        return 401 if surface is Surface.OAUTH and error.error == "invalid_client" else 400
    if surface is Surface.TOKEN and isinstance(error, e.Unauthenticated):
        return 400
    return _STATUS[type(error)]


def answer(error: e.DomainError, surface: Surface) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a refusal."""
    status = status_of(error, surface)
    return status, _headers(error, surface), _encode(_body(error, surface, status))


def crashed(surface: Surface, correlation_id: str) -> tuple[int, Headers, bytes]:
    """The answer to an exception that is not ours: nothing of it leaves the server but an id to search logs
    for."""
    text = "Something went wrong on our side; the change was not stored."
    details = f"Give the administrator this id, it is in the server's log: {correlation_id}"
    if surface is Surface.OAUTH:
        body: dict[str, Any] = {"error": "server_error", "error_description": f"{text} {details}"}
    else:
        body = {"code": 500, "message": text, "details": details}
    return 500, list(NO_STORE) if surface is not Surface.MODERN else [], _encode(body)


def _headers(error: e.DomainError, surface: Surface) -> Headers:
    # no operation has been found that could have a surface
    of_tokens = isinstance(error, e.MethodNotAllowed) and error.of_tokens
    headers: Headers = list(NO_STORE) if surface is not Surface.MODERN or of_tokens else []
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if isinstance(error, e.Throttled) and error.quota is not None:
        headers.extend(quota_headers(error.quota))
    if isinstance(error, e.MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    elif isinstance(error, e.Unauthenticated) and surface is Surface.MODERN:
        code = f', error="{error.challenge_error}"' if error.challenge_error else ""
        headers.append((b"www-authenticate", f'Bearer realm="runplane"{code}'.encode()))
    elif isinstance(error, e.GrantRefused) and error.challenge and surface is Surface.OAUTH:
        headers.append((b"www-authenticate", b'Basic realm="runplane"'))
    return headers


def _body(error: e.DomainError, surface: Surface, status: int) -> dict[str, Any]:
    if surface is Surface.OAUTH:
        return {"error": _oauth_word(error, status), "error_description": error.message}
    body: dict[str, Any] = {"code": status, "message": error.message}
    if error.details is not None:
        body["details"] = error.details
    if surface is Surface.TOKEN:
        body["error"] = _oauth_word(error, status)
        body["error_description"] = error.message
    return {**body, **error.extra}


def _oauth_word(error: e.DomainError, status: int) -> str:
    return error.error if isinstance(error, e.GrantRefused) else _OAUTH_WORD.get(status, "invalid_request")


def _encode(body: dict[str, Any]) -> bytes:
    # ASCII escapes: a message may quote what the caller sent, lone surrogates included.
    return json.dumps(body).encode("ascii")
