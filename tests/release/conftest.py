"""Fixtures of the release tests."""

from __future__ import annotations

from release.loading import old_database

__all__ = ["old_database"]
