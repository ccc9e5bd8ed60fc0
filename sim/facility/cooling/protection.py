"""What hardware does when it gets too warm: slow down near the limit, switch off at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class Protection:
    """Temperatures at which a rack protects itself, (racks,) [degC].

    Attributes:
        throttle_c: the clock starts to fall.
        shutdown_c: the rack switches off.
        restart_c: it may be switched on again.
    """

    throttle_c: FloatArray
    shutdown_c: FloatArray
    restart_c: FloatArray

    def clock(self, temperature_c: FloatArray, lowest: float) -> FloatArray:
        """Return the relative clock: 1 up to the throttle point, ``lowest`` at the shutdown [1].

        Args:
            temperature_c: inlet air or cold plate of each rack [degC].
            lowest: lowest relative clock [1].
        """
        reach = (temperature_c - self.throttle_c) / (self.shutdown_c - self.throttle_c)
        return np.asarray(1.0 - (1.0 - lowest) * np.clip(reach, 0.0, 1.0))


# Air: inlet at the end of ASHRAE's allowable range A2 (throttle) and A4 (shutdown). Liquid: chip of
# an H100 as reported by analysts.
AIR_LIMITS_C = (35.0, 45.0, 30.0)
LIQUID_LIMITS_C = (88.0, 90.0, 60.0)


def protection(liquid: np.ndarray) -> Protection:
    """Return the default limits of each rack.

    Args:
        liquid: whether each rack is protected by its cold plates rather than its inlet air.
    """
    columns = zip(AIR_LIMITS_C, LIQUID_LIMITS_C, strict=True)
    throttle, shutdown, restart = (np.where(liquid, plate, air) for air, plate in columns)
    return Protection(throttle, shutdown, restart)
