"""Chillers: efficiency that falls when it is hotter outside, and the economiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.interfaces import FloatArray

REFERENCE_C = 35.0  # condenser air at which the reference COP holds
_CURVE_STEP_K = 2.778  # condenser degrees that count as one degree of chilled water
_HIGHEST_CAPACITY = 1.61  # beyond it the curve of full-load power would turn back up


@dataclass(frozen=True, slots=True)
class Chiller:
    """A chiller by the curves of EnergyPlus, as used in HewlettPackard/dc-rl.

    ``d = (T_cond - 35) / 2.778 - (T_evap - T_evap,design)``;
    ``capacity = 0.944836 - 0.0570088 d + 0.00185486 d^2``, at most 1.61;
    ``full = 2.333 - 1.975 capacity + 0.6121 capacity^2``;
    ``part = 0.03303 + 0.6852 PLR + 0.2818 PLR^2``; ``COP = reference PLR / (part full)``.
    At full load 3.50 at 25 degC and 2.96 at 35 degC with the reference of 3.

    Attributes:
        rated_w: heat that it moves at the reference [W].
        reference_cop: COP at 35 degC and full load; 3 air-cooled, 6 water-cooled [1].
    """

    rated_w: float
    reference_cop: float = 3.0

    def capacity_w(self, condenser_c: ArrayLike) -> FloatArray:
        """Return the heat that it can move [W].

        Args:
            condenser_c: temperature of the condenser's air or water [degC].
        """
        return np.asarray(self.rated_w * _capacity_share(condenser_c))

    def power_w(
        self, heat_w: ArrayLike, condenser_c: ArrayLike, evaporator_excess_k: ArrayLike = 0.0
    ) -> FloatArray:
        """Return what it draws [W]: nothing without heat, else at least its no-load part.

        Args:
            heat_w: heat to move, not above the capacity [W].
            condenser_c: temperature of the condenser's air or water [degC].
            evaporator_excess_k: chilled water above its design temperature [K].
        """
        heat = np.asarray(heat_w, dtype=np.float64)
        capacity = _capacity_share(condenser_c, evaporator_excess_k)
        full = 2.333 - 1.975 * capacity + 0.6121 * capacity**2
        load = heat / self.rated_w
        part = 0.03303 + 0.6852 * load + 0.2818 * load**2
        running_w = self.rated_w / self.reference_cop * full * part
        # Modules that switch off: below a tenth of the load, power falls in proportion.
        least = 0.03303 + 0.06852 + 0.002818
        cycling_w = self.rated_w / self.reference_cop * full * least * load / 0.1
        return np.asarray(np.where(load < 0.1, cycling_w, running_w))

    def cop(self, heat_w: ArrayLike, condenser_c: ArrayLike) -> FloatArray:
        """Return heat moved over power drawn [1].

        Args:
            heat_w: heat to move, above 0 [W].
            condenser_c: temperature of the condenser's air or water [degC].
        """
        return np.asarray(np.asarray(heat_w) / self.power_w(heat_w, condenser_c))


def free_share(
    outside_c: ArrayLike, supply_c: float, return_c: float, approach_k: float
) -> FloatArray:
    """Return the share of the heat that the outside takes without a chiller [1].

    All of it when the outside is ``approach_k`` below the supply, none when it is that much below
    the return, linear between (a heat exchanger in series with the chiller).

    Args:
        outside_c: outdoor dry bulb, or wet bulb with a tower [degC].
        supply_c: temperature of the cooled medium [degC].
        return_c: temperature at which it comes back, above the supply [degC].
        approach_k: temperature difference that the heat exchanger needs [K].
    """
    reach_k = return_c - approach_k - np.asarray(outside_c, dtype=np.float64)
    return np.asarray(np.clip(reach_k / (return_c - supply_c), 0.0, 1.0))


def _capacity_share(condenser_c: ArrayLike, excess_k: ArrayLike = 0.0) -> FloatArray:
    hot = np.asarray(condenser_c, dtype=np.float64) - REFERENCE_C
    # The quadratic has its minimum at d = 15.4, some 77 degC: hold it there.
    d = np.minimum(hot / _CURVE_STEP_K - np.asarray(excess_k), 15.0)
    share = 0.944836 - 0.0570088 * d + 0.00185486 * d**2
    return np.asarray(np.minimum(share, _HIGHEST_CAPACITY))
