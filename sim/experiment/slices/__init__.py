"""Long runs in slices of time, joined afterwards."""
