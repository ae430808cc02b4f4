"""/api/v1/clusters."""

from runplane.server.api.clusters.routes import operations

__all__ = ["operations"]
