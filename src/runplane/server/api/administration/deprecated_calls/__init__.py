"""/api/v1/administration/deprecated-calls: who still calls what is deprecated."""

from runplane.server.api.administration.deprecated_calls.routes import operations

__all__ = ["operations"]
