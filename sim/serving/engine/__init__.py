"""The engine of a replica: batch, step, segment, and what comes on top of them."""
