"""/api/v1/session: signing in to the console, and the access tokens it works with."""

from __future__ import annotations

from runplane.server.api.session.routes import operations

__all__ = ["operations"]
