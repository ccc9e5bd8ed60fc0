"""All breakers of a plant, carried through the stretches of constant power that the meter finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.facility.power.breaker import TripCurve, heat_up
from sim.interfaces import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Trip:
    """A breaker that opened.

    Attributes:
        point: metered point behind it.
        time_s: when it opened [s].
    """

    point: int
    time_s: float


class BreakerBank:
    """The breakers of metered points, each with its own curve.

    Args:
        curves: time-current curve of each point's breaker.
        setting_w: setting of each point's breaker [W], infinite where there is none.
    """

    def __init__(self, curves: Sequence[TripCurve], setting_w: FloatArray) -> None:
        self._curves = tuple(curves)
        self._one_w = np.asarray(setting_w, dtype=np.float64)  # of one breaker
        self._setting_w = self._one_w.copy()
        self._heat = np.zeros(len(setting_w))
        self._trips: list[Trip] = []

    def share(self, points: slice, breakers: FloatArray) -> None:
        """Let equal breakers share the load of each of some points.

        Args:
            points: the points.
            breakers: number of breakers of each.
        """
        self._setting_w[points] = self._one_w[points] * breakers

    def limit(self, points: slice, setting_w: FloatArray) -> None:
        """Give points other settings [W]."""
        self._setting_w[points] = setting_w

    def carry(
        self, point: IntArray, start_s: FloatArray, end_s: FloatArray, level_w: FloatArray
    ) -> None:
        """Carry all breakers through stretches that are sorted by point and then by time.

        Args:
            point: point of each stretch.
            start_s: start of each stretch [s].
            end_s: end of each stretch [s].
            level_w: power of each stretch [W].
        """
        warm = self._heat > 0.0
        warm[point[level_w > self._setting_w[point]]] = True
        for at in np.flatnonzero(warm).tolist():
            low, high = np.searchsorted(point, [at, at + 1]).tolist()
            length_s = end_s[low:high] - start_s[low:high]
            load = level_w[low:high] / max(self._setting_w[at], 1e-9)
            after = heat_up(self._curves[at], float(self._heat[at]), load, length_s)
            self._heat[at] = after.heat
            if np.isfinite(after.tripped_at_s):
                self._heat[at] = 0.0
                self._trips.append(Trip(at, float(start_s[low]) + after.tripped_at_s))

    def take_trips(self) -> list[Trip]:
        """Return the trips since the last call, in order of time."""
        trips, self._trips = sorted(self._trips, key=lambda trip: trip.time_s), []
        return trips
