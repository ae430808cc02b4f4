"""People as a service: finding, making, resetting, signing out and deleting them.

Shared by the rooms of the API and the command line, which is why it stands below both.
"""

from __future__ import annotations

from runplane.server.identity.people.service import (
    HostReset,
    check_new,
    create,
    delete,
    end_sessions,
    find,
    find_local,
    reset_password,
    reset_password_on_host,
)

__all__ = [
    "HostReset",
    "check_new",
    "create",
    "delete",
    "end_sessions",
    "find",
    "find_local",
    "reset_password",
    "reset_password_on_host",
]
