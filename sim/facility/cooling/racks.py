"""All racks of a plant as thermal masses: one step for thousands of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sim.facility.build.constants import value
from sim.facility.cooling.air import AirSide, conductance_w_per_k, extra_fan_w, fan_speed
from sim.facility.cooling.methods import RackMethod, air_side
from sim.facility.cooling.recirculation import matrix_rise_k, shared_in_rows
from sim.facility.cooling.thermal import Propagator, TwoNode, propagator, steady_c, stored_j
from sim.interfaces import FloatArray, IntArray

# Fitted to the published clocks by `cooling.clocks.fit_air_clocks` (a test keeps them equal).
AIR_J_PER_K = value("rack.air_j_per_k")
METAL_J_PER_K = value("rack.metal_j_per_k")
AIR_TO_METAL_W_PER_K = value("rack.air_to_metal_w_per_k")
PLATE_J_PER_K = value("plate.j_per_k")  # per accelerator
SPREAD = value("rack.exhaust_spread")


@dataclass(frozen=True, slots=True)
class RackCooling:
    """How each rack is cooled, arrays of shape (racks,).

    Attributes:
        rated_w: heat for which its cooling is made [W].
        liquid_share: heat that goes into liquid [1].
        air: how air reaches it.
        designed_w: heat into liquid for which its loop is made [W].
        loop_j_per_k: heat capacity of its loop or bath [J/K].
        chip_rise_k: chips above the coolant at the designed heat [K].
        exchanger_rise_k: coolant above the facility water at the designed heat [K].
        standing_flow: share of the heat transport that is left without pumps [1].
        accelerators: accelerators in it [1].
        row: row of each rack, for recirculation.
        spread: share of the exhaust that spreads along the row [1].
        matrix_k_per_w: heat-recirculation matrix (racks, racks) [K/W], or None for the rule.
    """

    rated_w: FloatArray
    liquid_share: FloatArray
    air: AirSide
    designed_w: FloatArray
    loop_j_per_k: FloatArray
    chip_rise_k: FloatArray
    exchanger_rise_k: FloatArray
    standing_flow: FloatArray
    accelerators: FloatArray
    row: IntArray
    spread: float = SPREAD
    matrix_k_per_w: FloatArray | None = None

    def of(self, mine: np.ndarray) -> RackCooling:
        """Return some of the racks, without a matrix."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        own = {n: part[mine] for n, part in parts.items() if isinstance(part, np.ndarray)}
        return RackCooling(**{**own, "air": self.air.of(mine), "spread": self.spread,
                              "matrix_k_per_w": None})  # fmt: skip


def rack_cooling(
    methods: Sequence[RackMethod],
    rated_w: FloatArray,
    accelerators: FloatArray,
    row: IntArray,
    matrix_k_per_w: FloatArray | None = None,
) -> RackCooling:
    """Return racks by their methods.

    Args:
        methods: how each rack is cooled.
        rated_w: heat for which its cooling is made (racks,) [W].
        accelerators: accelerators in each (racks,) [1].
        row: row of each rack.
        matrix_k_per_w: heat-recirculation matrix [K/W], or None.
    """
    liquids = [method.liquid for method in methods]

    def column(name: str) -> FloatArray:
        return np.array([getattr(liquid, name) for liquid in liquids], dtype=np.float64)

    share = column("liquid_share")
    designed_w = np.minimum(rated_w * share, column("unit_w"))
    return RackCooling(
        rated_w=rated_w,
        liquid_share=share,
        air=air_side(methods, rated_w),
        designed_w=designed_w,
        loop_j_per_k=column("loop_j_per_k_per_w") * designed_w,
        chip_rise_k=column("chip_rise_k"),
        exchanger_rise_k=column("exchanger_rise_k"),
        standing_flow=column("standing_flow"),
        accelerators=accelerators,
        row=row,
        matrix_k_per_w=matrix_k_per_w,
    )


@dataclass(frozen=True, slots=True)
class HeatOut:
    """What the racks give to the cooling plant, mean of a step (racks,).

    Attributes:
        extra_w: power of servers' fans beyond their usual speed [W].
        air_w: heat into the chilled loop [W].
        liquid_w: heat into the warm loop [W].
        stored_w: heat that the racks took up [W].
        air_w_per_k: how much less goes into the chilled loop if it is a kelvin warmer [W/K].
        liquid_w_per_k: the same of the warm loop [W/K].
    """

    extra_w: FloatArray
    air_w: FloatArray
    liquid_w: FloatArray
    stored_w: FloatArray
    air_w_per_k: FloatArray
    liquid_w_per_k: FloatArray


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
        own_w = power_w * (1.0 - racks.liquid_share)
        self._rise_k = self._from_others(own_w)
        inlet_c = np.asarray(supply_c, dtype=np.float64)
        for _ in range(30):  # servers' fans answer to the inlet, which answers to them
            speed = fan_speed(inlet_c)
            heat_w = own_w + extra_fan_w(racks.air, own_w, speed)
            nodes = self._air(conductance_w_per_k(racks.air, racks.row, heat_w, speed, full))
            self.air_c = steady_c(nodes, self._spread(heat_w), supply_c)
            inlet_c = self.inlet_c
        liquid_w = (power_w * racks.liquid_share)[self._wet]
        self.liquid_c = steady_c(self._liquid(full, full), liquid_w, warm_c[self._wet])
        self._response: tuple[FloatArray, FloatArray] | None = None
        self._key: tuple[bytes, ...] = ()
        self._wet_step: Propagator | None = None

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

        `warm` then lifts them by what loops that get warmer meanwhile do, so that the step stays
        exact however stiff racks and loops are.

        Args:
            power_w: power of each rack, all of it heat [W].
            supply_c: supply air of each rack [degC].
            warm_c: facility water of each rack [degC].
            service: share of fans, pumps and facility water in service at each rack [1].
            step_s: length of the step [s].
        """
        racks, wet = self._racks, self._wet
        own_w = power_w * (1.0 - racks.liquid_share)
        speed = fan_speed(self.inlet_c)
        extra_w = extra_fan_w(racks.air, own_w, speed)
        air_w = own_w + extra_w
        nodes = self._air(conductance_w_per_k(racks.air, racks.row, air_w, speed, service[0]))
        air_step, wet_step = propagator(nodes, step_s), self._wet_propagator(service, step_s)
        self._rise_k = self._from_others(own_w)
        air_w, liquid_w = self._spread(air_w), (power_w * racks.liquid_share)[wet]
        air_c = air_step.step(self.air_c, air_w, supply_c)
        liquid_c = wet_step.step(self.liquid_c, liquid_w, warm_c[wet])
        self._response = air_step.per_supply(), wet_step.per_supply()
        air_stored_w = stored_j(nodes, air_c - self.air_c) / step_s
        wet_stored_w = stored_j(wet_step.nodes, liquid_c - self.liquid_c) / step_s
        self.air_c, self.liquid_c = air_c, liquid_c
        wide = np.zeros((3, len(power_w)))
        wide[:, wet] = (
            liquid_w - wet_stored_w,
            wet_stored_w,
            stored_j(wet_step.nodes, self._response[1]) / step_s,
        )
        return HeatOut(
            extra_w=extra_w,
            air_w=air_w - air_stored_w,
            liquid_w=wide[0],
            stored_w=air_stored_w + wide[1],
            air_w_per_k=stored_j(nodes, self._response[0]) / step_s,
            liquid_w_per_k=wide[2],
        )

    def warm(self, air_k: FloatArray, liquid_k: FloatArray) -> None:
        """Let the step end with supplies that much warmer than it was taken with (racks,) [K]."""
        if self._response is not None:
            self.air_c = self.air_c + self._response[0] * air_k
            self.liquid_c = self.liquid_c + self._response[1] * liquid_k[self._wet]

    def _spread(self, heat_w: FloatArray) -> FloatArray:
        """Return the heat that each rack's inlet air takes up [W]."""
        racks = self._racks
        if racks.matrix_k_per_w is not None:
            return heat_w
        return shared_in_rows(heat_w, racks.row, racks.spread)

    def _from_others(self, heat_w: FloatArray) -> FloatArray:
        """Return how far a matrix lifts the inlets above the rack's own air [K]."""
        matrix = self._racks.matrix_k_per_w
        return np.zeros_like(heat_w) if matrix is None else matrix_rise_k(matrix, heat_w)

    def _wet_propagator(
        self, service: tuple[FloatArray, FloatArray, FloatArray], step_s: float
    ) -> Propagator:
        _, pumps, water = service
        key = (pumps.tobytes(), water.tobytes(), np.float64(step_s).tobytes())
        if self._wet_step is None or key != self._key:
            self._key = key
            self._wet_step = propagator(self._liquid(pumps, water), step_s)
        return self._wet_step

    def _air(self, to_supply_w_per_k: FloatArray) -> TwoNode:
        return TwoNode(AIR_J_PER_K, METAL_J_PER_K, AIR_TO_METAL_W_PER_K, to_supply_w_per_k, 0.0)

    def _liquid(self, pumps: FloatArray, water: FloatArray) -> TwoNode:
        racks, wet = self._racks, self._wet
        designed_w = racks.designed_w[wet]
        flow = np.maximum(pumps[wet], racks.standing_flow[wet])
        return TwoNode(
            PLATE_J_PER_K * np.maximum(racks.accelerators[wet], 1.0),
            racks.loop_j_per_k[wet],
            designed_w / racks.chip_rise_k[wet] * flow,
            0.0 * designed_w,
            designed_w / racks.exchanger_rise_k[wet] * flow * water[wet],
        )
