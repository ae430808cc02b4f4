"""/api/v1/users: the people of a tenant."""

from __future__ import annotations

from runplane.server.api.users.routes import operations

__all__ = ["operations"]
