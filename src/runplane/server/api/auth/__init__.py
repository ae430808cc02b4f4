"""/auth/realms/{realm}/…: OpenID Connect as existing clients of a realm use it."""

from __future__ import annotations

from runplane.server.api.auth.routes import operations

__all__ = ["operations"]
