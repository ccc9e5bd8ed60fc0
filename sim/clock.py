"""The simulation clock: a SimPy environment that also runs a plain call at an absolute time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

import simpy
from simpy.events import NORMAL


class _Call:
    """The smallest thing that SimPy's event loop accepts: it runs one callback, once."""

    __slots__ = ("callbacks",)
    _ok = True

    def __init__(self, action: Callable[[Any], None]) -> None:
        self.callbacks = [action]


class Clock(simpy.Environment):
    """SimPy's environment with calls at absolute times.

    A SimPy ``Timeout`` takes a delay, so ``now + (t - now)`` may miss ``t`` by a rounding error,
    and it costs three times as much as a bare queue entry. Segments know the absolute time at
    which they end, so they use `call_at`; everything that is not per request uses ordinary SimPy
    processes on the same clock. Ties run in the order in which they were scheduled, as in SimPy.
    """

    def call_at(self, when_s: float, action: Callable[[Any], None]) -> None:
        """Run ``action(event)`` at the absolute time ``when_s`` [s], not before now."""
        heappush(self._queue, (when_s, NORMAL, next(self._eid), _Call(action)))  # type: ignore[arg-type]
