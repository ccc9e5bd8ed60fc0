"""How many replicas of each pool are in service, over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.binning import EventBins
from sim.interfaces import FloatArray


class ServiceLog:
    """Is told when replicas enter or leave service, and knows their number in every time bin.

    Args:
        replicas: replicas in service at time 0, by pool.
        width_s: width of the time bins [s], None for bins that widen themselves.
    """

    def __init__(self, replicas: Sequence[int], width_s: float | None = None) -> None:
        self._bins = EventBins(len(replicas), width_s)
        self._now = [0] * len(replicas)
        for pool, number in enumerate(replicas):
            self.changed(pool, 0.0, number)

    def changed(self, pool: int, now_s: float, in_service: int) -> None:
        """Note that from ``now_s`` [s] on ``in_service`` replicas of a pool serve."""
        change, self._now[pool] = in_service - self._now[pool], in_service
        if change:
            self._bins.add(np.array([pool]), np.array([now_s]), float(change))

    def integrals(self, end_s: float) -> FloatArray:
        """Return replica-seconds in service by pool and bin up to ``end_s`` [s]."""
        self._bins.cover(end_s)
        return np.maximum(self._bins.level_integrals(end_s), 0.0)

    def lengths_s(self, end_s: float) -> FloatArray:
        """Return how much of each bin lies before ``end_s`` [s]."""
        return self._bins.lengths_s(end_s)
