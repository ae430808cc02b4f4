"""`runplane context list`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from runplane.cli import output as outputs
from runplane.cli.output import Column
from runplane.cli.session import credentials as secrets
from runplane.cli.session.contexts import Context, Home

_COLUMNS: Final = (
    Column("CURRENT", lambda it: "*" if it["current"] else ""),
    Column("NAME", lambda it: it["name"]),
    Column("SERVER", lambda it: it["server"]),
    Column("SUBJECT", lambda it: it["subject"]),
    Column("LOGIN", lambda it: it["login"]),
    Column("STATE", lambda it: it["state"]),
    Column("REALM", lambda it: it["realm"], wide=True),
    Column("TOKEN ENDS", lambda it: it["tokenExpiresAt"], wide=True),
)


def listed(output: str) -> str:
    """All logins in a format. Raises CliError."""
    home = Home.of_environment()
    config = home.config()
    rows = [_row(home, home.context(it), config.current == it) for it in sorted(config.contexts)]
    return outputs.rendered(rows, _COLUMNS, output)


def _row(home: Home, context: Context, current: bool) -> Mapping[str, Any]:
    found = secrets.load(home, context.name)
    ends = None if found is None else datetime.fromtimestamp(int(found.expires_at), UTC)
    return {
        "name": context.name,
        "current": current,
        "server": context.server.url,
        "realm": context.server.realm,
        "subject": context.entry.subject,
        "login": context.entry.login,
        "state": _state(found),
        "tokenExpiresAt": None if ends is None else ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _state(found: secrets.Credentials | None) -> str:
    """What the next command will find; only the server knows whether it still accepts it."""
    if found is None:
        return "logged out"
    if found.renewable:
        return "renews itself"
    return "logged in" if found.fresh() else "expired"
