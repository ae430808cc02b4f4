"""Room of trusts."""

from __future__ import annotations

from runplane.server.api.trusts.routes import operations

__all__ = ["operations"]
