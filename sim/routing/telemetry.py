"""What the router knows of its pools when their counters reach it late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from sim.interfaces import Request, Scheduler, Station

_COUNTERS = ("outstanding", "slots", "in_service", "usd_per_token", "gco2_per_token", "headroom")


class StaleStation:
    """A pool as it was when its counters were last reported; implements `Station`.

    Args:
        station: the pool itself.
    """

    outstanding: int
    slots: int
    in_service: int
    usd_per_token: float
    gco2_per_token: float
    headroom: float

    def __init__(self, station: Station) -> None:
        self._station = station
        self.index, self.site = station.index, station.site
        self.replicas, self.cooling = station.replicas, station.cooling
        self.decode_step_s: Callable[[float], float] = station.decode_step_s
        self.prefill_s: Callable[[int], float] = station.prefill_s
        self.submit: Callable[[Request], None] = station.submit
        self.cancel: Callable[[Request], None] = station.cancel
        self.report()

    def report(self) -> None:
        """Take over the pool's counters as they are now."""
        for name in _COUNTERS:
            setattr(self, name, getattr(self._station, name))


def reported_every(
    interval_s: float, stations: Sequence[Station], clock: Scheduler
) -> list[StaleStation]:
    """Return views of the pools that are brought up to date at every multiple of an interval.

    Args:
        interval_s: time between two reports [s].
        stations: the pools.
        clock: runs calls at absolute times.
    """
    views = [StaleStation(station) for station in stations]
    due_s = (interval_s * number for number in count(1))

    def report(_event: Any) -> None:
        for view in views:
            view.report()
        clock.call_in_background(next(due_s), report)

    clock.call_in_background(next(due_s), report)
    return views
