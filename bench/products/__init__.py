"""runplane beside products that do a part of the same: tokens, authenticated reads, memory, start, size."""
