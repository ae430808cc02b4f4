"""Clusters: what administrators registered and what their agents report."""
