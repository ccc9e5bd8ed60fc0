"""Tells pools how much of the power limits above them is left, for routing and autoscaling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim.facility.metering.meter import PowerMeter
from sim.interfaces import IntArray, Scheduler, Station
from sim.plant.plant import Plant


class PoolHeadroom:
    """Sets the ``headroom`` of pools from mean power since the last reading.

    A rack has what the tightest limit above it leaves: its own, its row's, its hall's or its
    site's. A pool has what the best of its racks has.

    Args:
        meter: the power meter.
        plant: where the pools stand.
        pools: the pools, by index.
        clock: runs calls at absolute times.
        interval_s: time between two readings [s].
        checkpoint: brings the meter up to now.
    """

    def __init__(
        self,
        meter: PowerMeter,
        plant: Plant,
        pools: Sequence[Station],
        *,
        clock: Scheduler,
        interval_s: float,
        checkpoint: Callable[[], None],
    ) -> None:
        self._meter, self._pools, self._clock = meter, pools, clock
        self._interval_s, self._checkpoint = interval_s, checkpoint
        self._chains = [_points_above(meter, plant, pool.index) for pool in pools]
        self._read_j = meter.total_j.copy()
        self._read_s = meter.now_s

    def start(self) -> None:
        """Begin to read; reading does not keep a run going."""
        self._clock.call_in_background(self._clock.now + self._interval_s, self._read)

    def _read(self, _event: Any) -> None:
        self._checkpoint()
        meter = self._meter
        passed_s = meter.now_s - self._read_s
        if passed_s > 0.0:
            mean_w = (meter.total_j - self._read_j) / passed_s
            left = np.clip(1.0 - mean_w / meter.points.limit_w, 0.0, 1.0)
            for pool, chains in zip(self._pools, self._chains, strict=True):
                pool.headroom = float(left[chains].min(axis=0).max())
            self._read_j, self._read_s = meter.total_j.copy(), meter.now_s
        self.start()


def _points_above(meter: PowerMeter, plant: Plant, pool: int) -> IntArray:
    """Return the metered points above each rack of a pool, shape (4, racks)."""
    racks = np.unique(np.asarray(plant.node_rack)[plant.pool_nodes(pool)])
    return np.asarray(meter.points.chains[:, racks])
