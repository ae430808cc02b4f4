"""`runplane login device`: this machine shows a code, and any machine with a browser takes it (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from runplane.cli.failures import CliError, NotLoggedIn, Unreachable
from runplane.cli.session.login import Desk, Say
from runplane.cli.session.oauth import OAuthRefused, Tokens

_INTERVAL: Final = 5.0
_SLOWER: Final = 5.0
_LIFETIME: Final = 600.0


def log_in(at: Desk, warn: Say, sleep: Callable[[float], None] = time.sleep) -> Tokens:
    """Tokens, once somebody allowed it in a browser. Raises CliError."""
    if not at.realm.device:
        raise CliError(f"{at.transport.url} has no device login; use `runplane login user`.")
    begun = at.oauth.start_device()
    code, user_code = str(begun.get("device_code") or ""), str(begun.get("user_code") or "")
    page = str(begun.get("verification_uri") or "")
    if not code or not user_code or not page:
        raise CliError(f"{at.transport.url} began no device login; use `runplane login user`.")
    warn(f"Open {page} in any browser and enter the code {user_code}")
    whole = begun.get("verification_uri_complete")
    if isinstance(whole, str) and whole:
        warn(f"or open {whole}")
    return _poll(
        at,
        code,
        _number(begun.get("interval"), _INTERVAL),
        _number(begun.get("expires_in"), _LIFETIME),
        sleep,
    )


def _poll(at: Desk, code: str, interval: float, lifetime: float, sleep: Callable[[float], None]) -> Tokens:
    deadline = time.monotonic() + lifetime
    while time.monotonic() < deadline:
        sleep(interval)
        try:
            return at.oauth.device_code(code)
        except OAuthRefused as error:
            if error.error == "slow_down":
                interval += _SLOWER
            elif error.error == "access_denied":
                raise NotLoggedIn("The login was declined in the browser.") from None
            elif error.error == "expired_token":
                break
            elif error.error != "authorization_pending":
                raise
        except Unreachable:
            # RFC 8628 section 3.5: ask again, less often
            interval += _SLOWER
    raise NotLoggedIn("Nobody entered the code in time; run `runplane login device` again.")


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else default
