"""Questions over many runs: replications, sweeps, comparisons, plans."""
