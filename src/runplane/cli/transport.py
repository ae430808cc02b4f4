"""Connections to a server: which certificates are trusted, how long is waited, and what is never followed.

Trust is the system's own store, as with curl and kubectl, not a list that ships with a Python package; a
redirect is not followed, because a token would go along.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from runplane.cli.failures import CliError, Unreachable, WrongUsage

TIMEOUT: Final = 60.0
_CONNECT: Final = 10.0


class Transport:
    """A server, spoken to over one kept connection. Use as a context manager."""

    def __init__(self, url: str, ca_file: str | Path | None = None) -> None:
        """Raises WrongUsage for a file that holds no certificates, and for what is no address."""
        self.url = url.rstrip("/")
        try:
            self._client = httpx.Client(
                base_url=self.url,
                timeout=httpx.Timeout(TIMEOUT, connect=_CONNECT),
                verify=trust(ca_file) if self.url.startswith("https:") else False,
                headers={"user-agent": "runplane-cli", "accept": "application/json"},
            )
        except (httpx.InvalidURL, ValueError):
            raise WrongUsage(f"{url!r} is no address of a server.") from None

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Mapping[str, str | int] | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """What the server answers, whatever it is. `path` may be a whole address. Raises Unreachable."""
        headers = dict(headers or {}) | ({} if token is None else {"authorization": f"Bearer {token}"})
        try:
            request = self._client.build_request(
                method, path, params=dict(query) if query else None, json=body, data=form, headers=headers
            )
            answer = self._client.send(request)
        except httpx.ConnectError as error:
            raise self._unreachable(error) from None
        except httpx.TimeoutException:
            raise Unreachable(f"{self.url} takes too long to answer; try again.") from None
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError):
            raise Unreachable(f"{self.url} does not answer. Is the address right?") from None
        if answer.is_redirect:
            target = answer.headers.get("location", "another address")
            raise CliError(f"{self.url} sends on to {target}; use that address if it is yours.")
        return answer

    def _unreachable(self, error: Exception) -> Unreachable:
        # httpx wraps what the TLS layer said twice; the words are the only part that tells
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            said = "its certificate is not trusted; give its authority with --ca-file"
            return Unreachable(f"{self.url}: {said}.")
        return Unreachable(f"{self.url} does not answer. Is the address right?")


def trust(ca_file: str | Path | None) -> ssl.SSLContext:
    """The system's certificates, and those of `ca_file`. Raises WrongUsage."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError):
            raise WrongUsage(f"{ca_file} holds no certificates in PEM form.") from None
    return context


def members(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty for anything else."""
    try:
        found: Any = answer.json()
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
