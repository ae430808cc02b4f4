"""What agents report of a cluster: nodes and storage classes, and how storage classes may be used."""
