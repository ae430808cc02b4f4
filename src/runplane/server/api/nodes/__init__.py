"""/api/v1/nodes."""

from runplane.server.api.nodes.routes import operations

__all__ = ["operations"]
