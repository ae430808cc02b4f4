"""Node pools and the network topologies they may name."""
