"""/api/v1/security: the security settings of a tenant."""

from runplane.server.api.security.routes import operations

__all__ = ["operations"]
