"""Breakers: they trip on a time-current curve, so a short overload passes and a long one does not.

Curve: IEC 60255-151, ``t = multiplier k / (m^alpha - 1)`` for a load of m times the setting. The
standard integrates ``dt / t(m)`` for a load that changes and trips at 1; here the load is piecewise
constant, so the integral and the instant of the trip are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.facility.build.constants import value
from sim.interfaces import FloatArray

# k [s] and alpha [1] of IEC 60255-151.
CURVES: Mapping[str, tuple[float, float]] = {
    "inverse": (0.14, 0.02),
    "very-inverse": (13.5, 1.0),
    "extremely-inverse": (80.0, 2.0),
}


@dataclass(frozen=True, slots=True)
class TripCurve:
    """The time-current curve of a breaker.

    Attributes:
        k_s: time constant of the curve [s].
        alpha: exponent of the load [1].
        multiplier: time multiplier setting [1].
        instant: load at which it opens at once, as a multiple of the setting [1].
        reset_s: time in which a nearly tripped breaker without overload is cold again [s].
    """

    k_s: float = 80.0
    alpha: float = 2.0
    multiplier: float = 1.0
    instant: float = value("breaker.instant")
    reset_s: float = value("breaker.reset_s")

    def trip_s(self, load: ArrayLike) -> FloatArray:
        """Return how long a constant load is carried [s]; infinite up to the setting.

        Args:
            load: power as a multiple of the setting [1], any shape.
        """
        multiple = np.asarray(load, dtype=np.float64)
        safe = np.where(multiple > 1.0, multiple, 2.0)
        time_s = self.multiplier * self.k_s / (safe**self.alpha - 1.0)
        time_s = np.where(multiple > 1.0, time_s, np.inf)
        return np.asarray(np.where(multiple >= self.instant, 0.0, time_s))


@dataclass(frozen=True, slots=True)
class Heating:
    """How near a breaker is to its trip after a stretch of time.

    Attributes:
        heat: 0 cold, 1 tripped [1].
        tripped_at_s: time from the start of the stretch at which it tripped [s], or infinity.
    """

    heat: float
    tripped_at_s: float


def heat_up(curve: TripCurve, heat: float, load: FloatArray, duration_s: FloatArray) -> Heating:
    """Carry a breaker through loads that are constant in turn.

    Args:
        curve: its time-current curve.
        heat: state at the start [1].
        load: power of each stretch as a multiple of the setting [1].
        duration_s: length of each stretch [s].
    """
    time_s = curve.trip_s(load)
    if heat <= 0.0 and not np.isfinite(time_s).any():
        return Heating(0.0, np.inf)
    passed_s = 0.0
    for limit_s, length_s in zip(time_s.tolist(), duration_s.tolist(), strict=True):
        if limit_s == np.inf:
            heat = max(0.0, heat - length_s / curve.reset_s)
        elif length_s > 0.0 and heat + length_s / max(limit_s, 1e-12) >= 1.0:
            return Heating(1.0, passed_s + (1.0 - heat) * limit_s)
        elif length_s > 0.0:
            heat += length_s / limit_s
        passed_s += length_s
    return Heating(heat, np.inf)
