"""Fans, pumps and evaporation: the parts of cooling that move air and water."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.facility.build.constants import value
from sim.interfaces import FloatArray

LATENT_J_PER_KG = 2.43e6  # evaporation of water near 30 degC
WATER_KG_PER_L = 1.0


@dataclass(frozen=True, slots=True)
class Mover:
    """Fans or pumps that run as fast as the heat needs; power goes with the cube of the flow.

    Attributes:
        rated_w: power at full flow [W].
        heat_w: heat that full flow carries [W].
        least_flow: flow below which they do not go [1].
    """

    rated_w: float
    heat_w: float
    least_flow: float = value("plant.least_flow")

    def flow(self, heat_w: ArrayLike) -> FloatArray:
        """Return the flow for a heat, as a share of full flow [1]."""
        if self.heat_w <= 0.0:
            return np.zeros_like(np.asarray(heat_w, dtype=np.float64))
        share = np.asarray(heat_w, dtype=np.float64) / self.heat_w
        return np.asarray(np.clip(share, self.least_flow, 1.0))

    def power_w(self, heat_w: ArrayLike) -> FloatArray:
        """Return what they draw for a heat [W]."""
        return np.asarray(self.rated_w * self.flow(heat_w) ** 3)


def evaporated_l(heat_j: ArrayLike, cycles: float = 5.0) -> FloatArray:
    """Return the water that a tower takes to reject heat, evaporation and blow-down [L].

    In proportion to the heat; cycles of concentration c waste ``1 / (c - 1)`` of the evaporation.

    Args:
        heat_j: heat rejected by evaporation [J].
        cycles: cycles of concentration, above 1 [1].
    """
    evaporated = np.asarray(heat_j, dtype=np.float64) / (LATENT_J_PER_KG * WATER_KG_PER_L)
    return np.asarray(evaporated * (1.0 + 1.0 / (cycles - 1.0)))
