"""Domain errors: every refusal of the server is one of these nouns.

They carry no status code. `http.problems` maps them once per surface (modern, OAuth, legacy), so that the
same refusal speaks the dialect of the route it happened on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class DomainError(Exception):
    """A refusal that the caller can understand.

    `message` is one sentence for people. `details` is an optional second one. `extra` holds additional
    top-level members of the body for programs; never put secrets or another tenant's data in any of them.
    """

    def __init__(
        self,
        message: str,
        details: str | None = None,
        *,
        extra: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.extra = extra or {}
        self.retry_after = retry_after


class Invalid(DomainError):
    """The request is malformed or breaks a rule of its own shape."""


class Unauthenticated(DomainError):
    """No token, or one that is not accepted. `reason` is the machine word for it.

    `challenge_error` is the RFC 6750 error code, None when no token was sent (section 3.1 wants no code
    then).
    """

    def __init__(self, message: str, *, reason: str, challenge_error: str | None = "invalid_token") -> None:
        super().__init__(message, extra={"reason": reason})
        self.reason = reason
        self.challenge_error = challenge_error


class Forbidden(DomainError):
    """The caller is known and may not do this."""


class NotFound(DomainError):
    """No such object, or one the caller may not know of: the two look the same."""


class MethodNotAllowed(DomainError):
    """The path exists, the method does not. `allowed` fills the Allow header.

    `of_tokens` says that the path is one of those whose answers nobody may keep, this one included.
    """

    def __init__(self, allowed: tuple[str, ...], *, of_tokens: bool = False) -> None:
        super().__init__(f"This address answers {', '.join(allowed)} only.")
        self.allowed = allowed
        self.of_tokens = of_tokens


class AlreadyExists(DomainError):
    """A unique name is taken. The sentence contains "already exists": clients look for these words."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} already exists.")


class Conflict(DomainError):
    """The state of the object does not allow this now."""


class InUse(Conflict):
    """The object cannot go while others depend on it."""


class PreconditionFailed(DomainError):
    """The object is not in the state that the caller made a condition (If-Match)."""


class KeyReused(DomainError):
    """An Idempotency-Key that belongs to another request."""


class TooLarge(DomainError):
    """The body is larger than this route takes."""


class UnsupportedMedia(DomainError):
    """The body is of a type this route does not take."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a limit is left. `limit` counts per `window`; times in seconds.

    `reset` is after how many seconds without another request all of it is there again, at the latest.
    """

    name: str
    limit: int
    window: int
    remaining: int
    reset: int


class Throttled(DomainError):
    """Too many attempts; `retry_after` says how many seconds to wait."""

    def __init__(self, message: str, *, retry_after: int | None = None, quota: Quota | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.quota = quota


class Unavailable(DomainError):
    """The server cannot answer now but will; `retry_after` says how many seconds to wait."""


class NotBuilt(DomainError):
    """The operation belongs to the contract and is not built in this release."""


class GrantRefused(DomainError):
    """A token request failed. `error` is the RFC 6749 section 5.2 code."""

    def __init__(self, error: str, message: str, *, challenge: bool = False) -> None:
        super().__init__(message)
        self.error = error
        self.challenge = challenge
