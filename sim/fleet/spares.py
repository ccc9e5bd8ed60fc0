"""Spare replicas: off until another one of their pool fails, off again when it is back."""

from __future__ import annotations

from functools import partial
from typing import Any

from sim.interfaces import Scheduler
from sim.serving.queues.pool import Pool


class SpareKeeper:
    """Keeps the number of replicas in service constant as far as spares allow.

    Args:
        clock: runs calls at absolute times.
        pool: the pool.
        spares: how many of its replicas are spare, the last ones.
        cold_start_s: from off to the first request [s].

    Attributes:
        starts: spares started so far.
    """

    def __init__(self, clock: Scheduler, pool: Pool, spares: int, cold_start_s: float) -> None:
        self._clock, self._pool, self._cold_start_s = clock, pool, cold_start_s
        self._strength = pool.replicas - spares
        self._starting: dict[int, None] = {}
        self.starts = 0

    def start(self) -> None:
        """Switch the spares off, and begin to watch the pool."""
        for replica in self._pool.serving()[self._strength :]:
            self._pool.retire(replica)
        self._pool.listeners.append(self._changed)

    def _changed(self, _pool: Pool) -> None:
        # After this event: a fault of a whole rack takes several replicas in a row.
        self._clock.call_at(self._clock.now, self._make_up)

    def _make_up(self, _event: Any) -> None:
        pool = self._pool
        missing = self._strength - pool.in_service - len(self._starting)
        off = [replica for replica in pool.resting() if replica not in self._starting]
        for replica in off[: max(missing, 0)]:
            self._starting[replica] = None
            self.starts += 1
            ready = partial(self._ready, replica)
            self._clock.call_at(self._clock.now + self._cold_start_s, ready)
        surplus = pool.in_service - self._strength
        for replica in pool.serving()[::-1][: max(surplus, 0)]:
            pool.retire(replica)

    def _ready(self, replica: int, _event: Any) -> None:
        del self._starting[replica]
        self._pool.wake(replica)
