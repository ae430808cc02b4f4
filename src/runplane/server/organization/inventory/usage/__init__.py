"""Storage class configurations: how the storage classes of a cluster may be used."""
