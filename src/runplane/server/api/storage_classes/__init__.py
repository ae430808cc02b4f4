"""/api/v1/storage-classes and /api/v2/storage-classes."""

from runplane.server.api.storage_classes.routes import operations

__all__ = ["operations"]
