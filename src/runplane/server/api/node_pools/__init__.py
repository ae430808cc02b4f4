"""/api/v1/node-pools."""

from runplane.server.api.node_pools.routes import operations

__all__ = ["operations"]
