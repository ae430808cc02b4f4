"""/api/v1/storage-class-configuration."""

from runplane.server.api.storage_class_configuration.routes import operations

__all__ = ["operations"]
