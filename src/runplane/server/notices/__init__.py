"""Notices before credentials expire: to a webhook and by mail, once over all replicas (ADR 30)."""
