"""The quotas of departments and projects as rows."""
