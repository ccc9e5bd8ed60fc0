"""What hardware does when it gets too warm: slow down near the limit, switch off at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.facility.build.constants import value
from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Temperatures at which something protects itself [degC].

    Attributes:
        throttle_c: the clock starts to fall.
        shutdown_c: it switches off.
        restart_c: it may be switched on again.
    """

    throttle_c: float
    shutdown_c: float
    restart_c: float

    def clock(self, temperature_c: FloatArray, lowest: float) -> FloatArray:
        """Return the relative clock: 1 up to the throttle point, ``lowest`` at the shutdown [1]."""
        reach = (temperature_c - self.throttle_c) / (self.shutdown_c - self.throttle_c)
        return np.asarray(1.0 - (1.0 - lowest) * np.clip(reach, 0.0, 1.0))


def _thresholds(what: str) -> Thresholds:
    return Thresholds(*(value(f"{what}.{name}_c") for name in ("throttle", "shutdown", "restart")))


INLET = _thresholds("inlet")
PLATE = _thresholds("plate")


@dataclass(frozen=True, slots=True)
class Protection:
    """Limits on inlet air and on cold plates; racks without plates have NaN there, and no limit.

    Attributes:
        inlet: limits on inlet air.
        plate: limits on cold plates.
    """

    inlet: Thresholds = INLET
    plate: Thresholds = PLATE

    def clock(self, inlet_c: FloatArray, plate_c: FloatArray, lowest: float) -> FloatArray:
        """Return the relative clock of each rack, by the tighter of both limits [1]."""
        by_plate = self.plate.clock(plate_c, lowest)
        return np.fmin(self.inlet.clock(inlet_c, lowest), by_plate)

    def too_hot(self, inlet_c: FloatArray, plate_c: FloatArray) -> NDArray[np.bool_]:
        """Return which racks have to switch off."""
        return np.asarray((inlet_c >= self.inlet.shutdown_c) | (plate_c >= self.plate.shutdown_c))

    def cool(self, inlet_c: FloatArray, plate_c: FloatArray) -> NDArray[np.bool_]:
        """Return which racks may be switched on again."""
        return np.asarray((inlet_c <= self.inlet.restart_c) & ~(plate_c > self.plate.restart_c))
