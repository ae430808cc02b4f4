"""`runplane project list` and its like: one mechanism, and a table of what differs between resources."""
