"""The promises are checked on server processes."""

from __future__ import annotations

from support.launching import database, launch, start

__all__ = ["database", "launch", "start"]
