"""The secrets of one context: a file in `credentials/` for its owner only.

Times are this machine's, so that a clock that differs from the server's does not matter: a token is good for
as long as the server said, counted from when it was got.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import msgspec

from runplane.cli.failures import CliError
from runplane.cli.files import PRIVATE_FILE, private_folder, replace
from runplane.cli.session.contexts import Home

MARGIN: Final = 60.0
"""Seconds before its end from which a token counts as used up (at most a fifth of its life)."""


class Credentials(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What is known of a login. Instants are seconds since 1970."""

    access_token: str = ""
    obtained_at: float = 0.0
    expires_at: float = 0.0
    refresh_token: str = ""
    id_token: str = ""
    client_id: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        # all but one of the fields are secrets
        return f"Credentials({self.client_id})"

    def fresh(self, now: float | None = None) -> bool:
        """Whether the access token will be accepted for a while yet."""
        at = time.time() if now is None else now
        margin = min(MARGIN, (self.expires_at - self.obtained_at) / 5)
        # A clock that was set back makes nothing fresh.
        return bool(self.access_token) and self.obtained_at - MARGIN <= at < self.expires_at - margin

    @property
    def renewable(self) -> bool:
        """Whether a new access token can be had without a person."""
        return bool(self.refresh_token or self.client_secret)


def load(home: Home, context: str) -> Credentials | None:
    """The secrets of a context; None where it has none. Raises CliError."""
    path = _file(home, context)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise CliError(f"{path} is damaged; run `runplane login` again.") from None


def store(home: Home, context: str, credentials: Credentials) -> None:
    """Keep the secrets of a context. Raises CliError."""
    private_folder(home.folder)
    private_folder(home.credentials)
    path = _file(home, context)
    if path.exists():
        path.chmod(PRIVATE_FILE)
    replace(path, msgspec.json.format(msgspec.json.encode(credentials)).decode() + "\n")


def forget(home: Home, context: str) -> None:
    """Delete the secrets of a context."""
    _file(home, context).unlink(missing_ok=True)


def _file(home: Home, context: str) -> Path:
    return home.credentials / f"{context}.json"
