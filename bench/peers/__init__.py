"""Applications to compare with: each does the least that the task allows."""
