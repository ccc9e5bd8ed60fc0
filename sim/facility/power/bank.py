"""All breakers of a plant, carried through the stretches of constant power that the meter finds."""

from __future__ import annotations

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
    """The breakers of metered points.

    Args:
        curve: time-current curve of all of them.
        setting_w: setting of each point's breaker [W], infinite where there is none.
    """

    def __init__(self, curve: TripCurve, setting_w: FloatArray) -> None:
        self._curve, self._setting_w = curve, setting_w
        self._heat = np.zeros(len(setting_w))
        self._trips: list[Trip] = []

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
            load = level_w[low:high] / self._setting_w[at]
            after = heat_up(self._curve, float(self._heat[at]), load, length_s)
            self._heat[at] = after.heat
            if np.isfinite(after.tripped_at_s):
                self._heat[at] = 0.0
                self._trips.append(Trip(at, float(start_s[low]) + after.tripped_at_s))

    def take_trips(self) -> list[Trip]:
        """Return the trips since the last call, in order of time."""
        trips, self._trips = sorted(self._trips, key=lambda trip: trip.time_s), []
        return trips
