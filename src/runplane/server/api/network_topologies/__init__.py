"""/api/v1/network-topologies."""

from runplane.server.api.network_topologies.routes import operations

__all__ = ["operations"]
