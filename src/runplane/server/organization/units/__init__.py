"""Departments and projects: one engine, two kinds."""
