"""The organization as a file: export, plan, apply (docs/guides/organization-file.md)."""
