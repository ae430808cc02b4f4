"""Network topologies: the levels of a cluster's network, as node labels."""
