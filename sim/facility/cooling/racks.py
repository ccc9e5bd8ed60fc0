"""All racks of a plant as thermal masses: one step for thousands of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.facility.build.constants import value
from sim.facility.cooling.recirculation import matrix_rise_k, shared_in_rows
from sim.facility.cooling.thermal import Propagator, TwoNode, propagator, steady_c, stored_j
from sim.interfaces import FloatArray, IntArray

# Fitted to the published clocks by `cooling.clocks.fit_air_clocks` (a test keeps them equal).
AIR_J_PER_K = value("rack.air_j_per_k")
METAL_J_PER_K = value("rack.metal_j_per_k")
AIR_TO_METAL_W_PER_K = value("rack.air_to_metal_w_per_k")
PLATE_J_PER_K = value("plate.j_per_k")  # per accelerator
LOOP_J_PER_K_PER_W = value("rack_loop.j_per_k_per_w")
CHIP_RISE_K = value("plate.rise_k")
EXCHANGER_RISE_K = value("exchanger.rise_k")
STANDING_FLOW = value("loop.standing_flow")
SPREAD = value("rack.exhaust_spread")


@dataclass(frozen=True, slots=True)
class RackCooling:
    """How each rack is cooled, arrays of shape (racks,).

    Attributes:
        rated_w: heat for which its cooling is made [W].
        liquid_share: heat that goes into liquid [1].
        inlet_rise_k: inlet air above the supply at the rated heat [K].
        accelerators: accelerators in it [1].
        row: row of each rack, for recirculation.
        spread: share of the exhaust that spreads along the row [1].
        matrix_k_per_w: heat-recirculation matrix (racks, racks) [K/W], or None for the rule.
    """

    rated_w: FloatArray
    liquid_share: FloatArray
    inlet_rise_k: FloatArray
    accelerators: FloatArray
    row: IntArray
    spread: float = SPREAD
    matrix_k_per_w: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class HeatOut:
    """What the racks give to the cooling plant, mean of a step (racks,) [W]."""

    air_w: FloatArray
    liquid_w: FloatArray
    stored_w: FloatArray


class RackThermals:
    """Temperatures of inlet air, metal, cold plates and coolant of all racks.

    Attributes:
        rated_w: heat for which each rack's cooling is made (racks,) [W].

    Args:
        racks: how each rack is cooled.
        supply_c: temperature of supply air at the start, (racks,) [degC].
        warm_c: temperature of facility water at the start, (racks,) [degC].
        power_w: power with which the racks are in balance at the start, (racks,) [W].
    """

    def __init__(
        self, racks: RackCooling, supply_c: FloatArray, warm_c: FloatArray, power_w: FloatArray
    ) -> None:
        self._racks = racks
        self.rated_w = racks.rated_w
        self._wet = np.flatnonzero(racks.liquid_share > 0.0)
        full = np.ones(len(racks.rated_w))
        self._air_nodes = self._air(full)
        self._wet_nodes = self._liquid(full, full)
        air_w, liquid_w = self._heat(power_w)
        self.air_c = steady_c(self._air_nodes, air_w, supply_c)
        self.liquid_c = steady_c(self._wet_nodes, liquid_w, warm_c[self._wet])
        self._rise_k = self._from_others(power_w)
        self._key: tuple[bytes, ...] = ()
        self._steps: tuple[Propagator, Propagator] | None = None

    @property
    def inlet_c(self) -> FloatArray:
        """Inlet air of each rack [degC]; a matrix adds what comes over from other racks."""
        return np.asarray(self.air_c[0] + self._rise_k)

    @property
    def plate_c(self) -> FloatArray:
        """Cold plates of each rack [degC]; not a number where there are none."""
        plates_c = np.full(len(self._racks.rated_w), np.nan)
        plates_c[self._wet] = self.liquid_c[0]
        return plates_c

    def step(
        self,
        power_w: FloatArray,
        supply_c: FloatArray,
        warm_c: FloatArray,
        service: tuple[FloatArray, FloatArray, FloatArray],
        step_s: float,
    ) -> HeatOut:
        """Advance all temperatures by a step with constant power and cooling.

        Args:
            power_w: power of each rack, all of it heat [W].
            supply_c: supply air of each rack [degC].
            warm_c: facility water of each rack [degC].
            service: share of fans, pumps and facility water in service at each rack [1].
            step_s: length of the step [s].
        """
        air_step, wet_step = self._propagators(service, step_s)
        air_w, liquid_w = self._heat(power_w)
        air_c = air_step.step(self.air_c, air_w, supply_c)
        liquid_c = wet_step.step(self.liquid_c, liquid_w, warm_c[self._wet])
        air_stored_w = stored_j(self._air_nodes, air_c - self.air_c) / step_s
        wet_stored_w = stored_j(self._wet_nodes, liquid_c - self.liquid_c) / step_s
        self.air_c, self.liquid_c = air_c, liquid_c
        self._rise_k = self._from_others(power_w)
        liquid_out_w = np.zeros_like(power_w)
        liquid_out_w[self._wet] = liquid_w - wet_stored_w
        stored_w = air_stored_w.copy()
        stored_w[self._wet] += wet_stored_w
        return HeatOut(np.asarray(air_w - air_stored_w), liquid_out_w, stored_w)

    def _heat(self, power_w: FloatArray) -> tuple[FloatArray, FloatArray]:
        racks = self._racks
        air_w = power_w * (1.0 - racks.liquid_share)
        if racks.matrix_k_per_w is None:
            air_w = shared_in_rows(air_w, racks.row, racks.spread)
        return air_w, np.asarray((power_w * racks.liquid_share)[self._wet])

    def _from_others(self, power_w: FloatArray) -> FloatArray:
        """Return how far a matrix lifts the inlets above the rack's own air [K]."""
        racks = self._racks
        if racks.matrix_k_per_w is None:
            return np.zeros_like(power_w)
        return matrix_rise_k(racks.matrix_k_per_w, power_w * (1.0 - racks.liquid_share))

    def _propagators(
        self, service: tuple[FloatArray, FloatArray, FloatArray], step_s: float
    ) -> tuple[Propagator, Propagator]:
        key = (*(share.tobytes() for share in service), np.float64(step_s).tobytes())
        if self._steps is None or key != self._key:
            fans, pumps, water = service
            self._key = key
            self._air_nodes = self._air(fans)
            self._wet_nodes = self._liquid(pumps, water)
            self._steps = (
                propagator(self._air_nodes, step_s),
                propagator(self._wet_nodes, step_s),
            )
        return self._steps

    def _air(self, fans: FloatArray) -> TwoNode:
        racks = self._racks
        # Immersed racks have no air side worth the name, but the equations need one.
        rated_w = np.maximum(racks.rated_w * (1.0 - racks.liquid_share), 0.02 * racks.rated_w)
        flow_w_per_k = rated_w / np.maximum(racks.inlet_rise_k, 0.5)
        size = np.ones_like(racks.rated_w)
        return TwoNode(
            AIR_J_PER_K * size,
            METAL_J_PER_K * size,
            AIR_TO_METAL_W_PER_K * size,
            flow_w_per_k * fans,
            0.0 * size,
        )

    def _liquid(self, pumps: FloatArray, water: FloatArray) -> TwoNode:
        racks, wet = self._racks, self._wet
        rated_w = (racks.rated_w * racks.liquid_share)[wet]
        flow = np.maximum(pumps[wet], STANDING_FLOW)
        return TwoNode(
            PLATE_J_PER_K * np.maximum(racks.accelerators[wet], 1.0),
            LOOP_J_PER_K_PER_W * rated_w,
            rated_w / CHIP_RISE_K * flow,
            0.0 * rated_w,
            rated_w / EXCHANGER_RISE_K * flow * water[wet],
        )
