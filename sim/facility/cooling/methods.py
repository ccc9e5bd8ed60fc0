"""How racks are cooled: the methods, what one unit of each can do, and racks made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf

import numpy as np

from sim.facility.build.constants import table
from sim.facility.cooling.air import LEAST_HEAT, AirSide, densest_w
from sim.interfaces import FloatArray


@dataclass(frozen=True, slots=True)
class AirMethod:
    """One way to bring air to racks; the numbers and their sources stand in the table.

    Attributes:
        supply_m3_per_s: cool air per rack, or per unit of an in-row cooler.
        leak: share of it that passes the racks [1].
        recirculated: share of the inlet that is exhaust even with plenty of supply [1].
        pooled: share of the supply that follows the demand along the row [1].
        coil_w: heat that the coil of a unit or door takes at its design temperatures [W].
        coil_rise_k: exhaust above the coil's water at those temperatures [K].
        coil_units: transfer units of the coil at 2 m3/s [1].
        server_fans: power of servers' fans over heat in air [1].
        fan_share: power of the hall's fans at full flow per watt of heat in air [1].
    """

    supply_m3_per_s: float
    leak: float
    recirculated: float
    pooled: float
    coil_w: float
    coil_rise_k: float
    coil_units: float
    server_fans: float
    fan_share: float


@dataclass(frozen=True, slots=True)
class LiquidMethod:
    """One way to take heat into liquid.

    Attributes:
        liquid_share: heat that goes straight into the warm loop; the rest into air [1].
        unit_w: heat that the liquid of one rack or tank can take as designed [W].
        loop_j_per_k_per_w: heat capacity of rack loop or bath per watt [J/K/W].
        chip_rise_k: chips above the coolant at design [K].
        exchanger_rise_k: coolant above the facility water at design [K].
        standing_flow: share of the heat transport that is left without pumps [1].
    """

    liquid_share: float
    unit_w: float
    loop_j_per_k_per_w: float
    chip_rise_k: float
    exchanger_rise_k: float
    standing_flow: float


def _air(entry: Mapping[str, float]) -> AirMethod:
    return AirMethod(*(float(entry[field.name]) for field in fields(AirMethod)))


AIR_METHODS: Mapping[str, AirMethod] = {n: _air(e) for n, e in table()["air_methods"].items()}
LIQUID_METHODS: Mapping[str, LiquidMethod] = {
    name: LiquidMethod(*(float(entry[field.name]) for field in fields(LiquidMethod)))
    for name, entry in table()["liquid_methods"].items()
}
NO_LIQUID = LiquidMethod(0.0, inf, 1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class RackMethod:
    """How one rack is cooled.

    Attributes:
        name: name of the method for reports: that of the liquid where there is one.
        air: how air reaches it.
        liquid: how liquid does.
        airflow_m3_per_s: another supply than that of the method, or None.
        units: in-row units per rack [1].
        water_below_k: water of coils below the supply air [K].
    """

    name: str
    air: AirMethod
    liquid: LiquidMethod = NO_LIQUID
    airflow_m3_per_s: float | None = None
    units: float = 1.0
    water_below_k: float = 6.0

    @property
    def supply_m3_per_s(self) -> float:
        """Cool air at the rack."""
        own = self.airflow_m3_per_s
        return self.units * (self.air.supply_m3_per_s if own is None else own)


def air_side(methods: Sequence[RackMethod], rated_w: FloatArray) -> AirSide:
    """Return the air side of racks.

    Args:
        methods: how each rack is cooled.
        rated_w: heat for which each is made (racks,) [W].
    """
    airs = [method.air for method in methods]

    def column(name: str) -> FloatArray:
        return np.array([getattr(air, name) for air in airs], dtype=np.float64)

    units = np.array([method.units for method in methods], dtype=np.float64)
    shares = np.array([1.0 - method.liquid.liquid_share for method in methods])
    return AirSide(
        supply_m3_per_s=np.array([method.supply_m3_per_s for method in methods]),
        leak=column("leak"),
        recirculated=column("recirculated"),
        pooled=column("pooled"),
        coil_w_per_k=units * column("coil_w") / column("coil_rise_k"),
        coil_units=column("coil_units"),
        water_below_k=np.array([method.water_below_k for method in methods]),
        server_fans=column("server_fans"),
        least_w=np.maximum(LEAST_HEAT * rated_w * shares, 1.0),
    )


def densest_racks_w(
    methods: Sequence[RackMethod], supply_c: FloatArray, limit_c: float
) -> FloatArray:
    """Return the power at which each rack's method is at its end (racks,) [W].

    Where the inlet reaches the limit, or the liquid what its unit can take.

    Args:
        methods: how each rack is cooled.
        supply_c: supply air of each rack [degC].
        limit_c: highest inlet [degC].
    """
    found: dict[tuple[RackMethod, float], float] = {}
    for key in zip(methods, supply_c.tolist(), strict=True):
        if key not in found:
            method, at_c = key
            air = air_side([method], np.zeros(1))
            in_air = 1.0 - method.liquid.liquid_share
            by_air = float(densest_w(air, np.array([at_c]), limit_c)[0]) / max(in_air, 1e-9)
            share = method.liquid.liquid_share
            found[key] = min(by_air, method.liquid.unit_w / share if share > 0.0 else inf)
    return np.array([found[key] for key in zip(methods, supply_c.tolist(), strict=True)])
