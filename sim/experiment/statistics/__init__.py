"""Statistics over runs: intervals, pairs, warm-up, stopping rules."""
