"""Access rules: subject, role and scope."""
