"""Studies: axes, points, sweeps and their table."""
