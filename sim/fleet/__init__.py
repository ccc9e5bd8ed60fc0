"""The fleet over time: faults, spares, scaling, starts."""
