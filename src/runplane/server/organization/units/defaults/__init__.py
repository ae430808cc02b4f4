"""What every cluster has from its first second, and every unit from a pool's."""
