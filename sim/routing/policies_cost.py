"""Placement policies that minimise something: money, carbon, the use of scarce power."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.interfaces import Request, Station
from sim.routing.policies import PLACEMENTS, PolicySettings, relative_load


def _least(
    candidates: Sequence[Station], spill_at: float, measure: Callable[[Station], float]
) -> Station:
    """Return the pool with room that measures least; without room anywhere, the emptiest."""
    best: Station | None = None
    lowest = 0.0
    for station in candidates:
        if station.outstanding < spill_at * station.slots:
            value = measure(station)
            if best is None or value < lowest:
                best, lowest = station, value
    return best or min(candidates, key=relative_load)


def _usd(station: Station) -> float:
    return station.usd_per_token


def _gco2(station: Station) -> float:
    return station.gco2_per_token


def _used(station: Station) -> float:
    return -station.headroom


@PLACEMENTS.register("cheapest")
class Cheapest:
    """The pool with room whose tokens cost least: rent of its silicon and energy at its site."""

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the cheapest pool with room; the nearest of equals."""
        return _least(candidates, self._spill_at, _usd)


@PLACEMENTS.register("carbon-aware")
class CarbonAware:
    """The pool with room whose tokens emit least, by its silicon and its site's grid."""

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the cleanest pool with room; the nearest of equals."""
        return _least(candidates, self._spill_at, _gco2)


@PLACEMENTS.register("power-headroom")
class PowerHeadroom:
    """The pool with room that is furthest below the power limit above it."""

    reads_headroom = True  # so that the run measures it

    def __init__(self, settings: PolicySettings) -> None:
        self._spill_at = settings.spill_at

    def choose(self, request: Request, candidates: Sequence[Station]) -> Station | None:
        """Return the pool with the largest share of its power limit left."""
        return _least(candidates, self._spill_at, _used)
