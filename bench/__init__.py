"""What the hot paths cost, measured against bare applications of the same make in the same run."""
