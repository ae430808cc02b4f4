"""What agents report of departments and projects: how much is allocated and requested in each node pool."""
