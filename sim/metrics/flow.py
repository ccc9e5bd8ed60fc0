"""How many requests arrive at each pool, wait there and are completed, over time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.binning import EventBins
from sim.interfaces import COMPLETED, IN_FLIGHT, FloatArray


class PoolFlow:
    """Arrivals, completions and queue length per pool and time bin, from time stamps.

    A request waits from its arrival at the pool to its first admission, or to its end where it
    was never admitted. Preempted requests that wait to be resumed are not counted again.

    Args:
        pools: number of pools.
        width_s: width of a bin [s], None for bins that widen themselves.
    """

    def __init__(self, pools: int, width_s: float | None = None) -> None:
        self.arrivals = EventBins(pools, width_s)
        self.completions = EventBins(pools, width_s)
        self.waiting = EventBins(pools, width_s)

    def add(self, raw: NDArray[Any]) -> None:
        """Take packed records of requests that ended, or that the end of the run cut short."""
        came = (raw["pool"] >= 0) & (raw["queued_s"] >= 0.0)
        if not came.all():
            raw = raw[came]
        pool = raw["pool"].astype(np.int64)
        queued_s: FloatArray = raw["queued_s"].copy()
        self.arrivals.add(pool, queued_s)
        completed = raw["status"] == COMPLETED
        self.completions.add(pool[completed], raw["finished_s"][completed])
        self.waiting.add(pool, queued_s)
        admitted = raw["admitted_s"] >= 0.0
        left_s = np.where(admitted, raw["admitted_s"], np.maximum(raw["finished_s"], queued_s))
        left = admitted | (raw["status"] != IN_FLIGHT)
        self.waiting.add(pool[left], left_s[left], -1.0)

    def cover(self, end_s: float) -> None:
        """Make all bins reach ``end_s`` [s]."""
        for bins in (self.arrivals, self.completions, self.waiting):
            bins.cover(end_s)
