"""The organization: clusters, node pools, nodes, departments, projects, quotas and settings."""
