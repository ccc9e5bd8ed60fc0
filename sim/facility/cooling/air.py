"""Air that balances: what servers ask for, what reaches them, and what comes back as exhaust.

Servers draw ``V = P / (rho c dT)``; of the supply ``V_s`` a share leaks past them. What is missing
comes from their own exhaust, at least a share ``r`` even where supply is plenty:

    R = max(r, 1 - (1 - leak) V_s / V),   T_in = T_s + R / (1 - R) dT,   T_out = T_in + dT.

Short of air the exhaust is ``T_s + P / (rho c (1 - leak) V_s)`` whatever the servers' fans do, so
fans that speed up only raise the inlet (mixing of supply and exhaust, as in EnergyPlus
`ElectricEquipment:ITE:AirCooled`; R is the supply heat index of Sharma, AIAA-2002-3091). A coil in
the path, of an in-row unit or a rear door, adds ``T_out >= T_water + P / UA``; a door has
``UA = eps rho c V`` with ``eps = 1 - exp(-NTU)``, up to what its water can carry.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from sim.facility.build.constants import value
from sim.interfaces import FloatArray, IntArray

AIR_J_PER_M3_K = 1206.0  # density times heat capacity of air near 20 degC
SERVER_RISE_K = value("server.air_rise_k")
FAN_RAMP_C, FAN_RAMP_PER_K, FASTEST_FAN = (
    value(f"server.fan_{name}") for name in ("ramp_c", "ramp_per_k", "fastest")
)
LEAST_HEAT = value("server.least_flow")
_DOOR_M3_PER_S = 2.0  # flow at which the exchanger of a door has its nominal transfer units

_STANDING = 1e-12  # share of the air that stopped fans move: none, without a division by zero


@dataclass(frozen=True, slots=True)
class AirSide:
    """How air reaches each rack, arrays of shape (racks,).

    Attributes:
        supply_m3_per_s: cool air meant for the rack; infinite where it breathes its room.
        leak: share of the supply that passes the rack [1].
        recirculated: share of the inlet that is exhaust even with plenty of supply [1].
        pooled: share of the supply that goes to whoever draws it in the row [1].
        coil_w_per_k: most heat per kelvin between exhaust and water; infinite without a coil.
        coil_units: transfer units of the coil at 2 m3/s; infinite where the flow does not matter.
        water_below_k: water of the coil below the supply air [K].
        server_fans: power of the servers' fans over the heat in air, at usual speed [1].
        least_w: heat for which servers draw air even when they idle [W].
    """

    supply_m3_per_s: FloatArray
    leak: FloatArray
    recirculated: FloatArray
    pooled: FloatArray
    coil_w_per_k: FloatArray
    coil_units: FloatArray
    water_below_k: FloatArray
    server_fans: FloatArray
    least_w: FloatArray

    def of(self, mine: np.ndarray) -> AirSide:
        """Return some of the racks."""
        return AirSide(*(getattr(self, field.name)[mine] for field in fields(self)))


def fan_speed(inlet_c: FloatArray) -> FloatArray:
    """Return the speed of servers' fans, 1 up to the inlet at which they ramp up [1].

    Meets two measurements: +0.35 to 0.5 %/K of power room-wide between 23 and 30 degC (arXiv
    2509.26163), and +1/3/5/8 % at 29/31/33/35 degC against 27 degC (GRC).
    """
    faster = 1.0 + FAN_RAMP_PER_K * (inlet_c - FAN_RAMP_C)
    return np.minimum(np.maximum(faster, 1.0), FASTEST_FAN)


def extra_fan_w(air: AirSide, heat_w: FloatArray, speed: FloatArray) -> FloatArray:
    """Return what servers' fans draw beyond their usual speed [W], with the cube of the speed."""
    return np.asarray(air.server_fans * heat_w * (speed**3 - 1.0))


def supply_w_per_k(air: AirSide, row: IntArray, asked_w: FloatArray) -> FloatArray:
    """Return the heat that the supply at each rack takes per kelvin [W/K].

    Args:
        air: how air reaches the racks.
        row: row of each rack; the pooled part of its supply follows the demand.
        asked_w: heat for which each rack draws air [W].
    """
    own = AIR_J_PER_M3_K * (1.0 - air.leak) * air.supply_m3_per_s
    pooled = air.pooled * np.where(np.isfinite(own), own, 0.0)
    if not pooled.any():
        return own
    shared = np.bincount(row, pooled) / np.bincount(row, asked_w)
    return np.asarray(own - pooled + shared[row] * asked_w)


def conductance_w_per_k(
    air: AirSide,
    row: IntArray,
    heat_w: FloatArray,
    speed: FloatArray,
    fans: FloatArray | float = 1.0,
) -> FloatArray:
    """Return heat over inlet rise of each rack in balance [W/K]; next to 0 without supply.

    Args:
        air: how air reaches the racks.
        row: row of each rack.
        heat_w: heat of each rack into air [W].
        speed: speed of its servers' fans [1].
        fans: share of the hall's fans or units in service [1].
    """
    asked_w = np.maximum(heat_w, air.least_w)
    rise_k = SERVER_RISE_K / speed
    moved = np.maximum(fans, _STANDING)
    supplied = supply_w_per_k(air, row, asked_w) * moved
    coil = _coil_w_per_k(air, asked_w / (AIR_J_PER_M3_K * rise_k)) * moved
    exhaust_k = np.maximum(
        rise_k / (1.0 - air.recirculated),
        np.maximum(asked_w / supplied, asked_w / coil - air.water_below_k),
    )
    return np.asarray(asked_w / (exhaust_k - rise_k))


def densest_w(air: AirSide, supply_c: FloatArray, limit_c: float) -> FloatArray:
    """Return the heat into air at which each rack's inlet reaches a limit, in balance [W].

    Every rack by itself, as in a row of equals; up to 1 MW.

    Args:
        air: how air reaches the racks.
        supply_c: supply air of each rack [degC].
        limit_c: temperature of its inlet [degC].
    """
    racks = len(air.leak)
    alone, speed = np.arange(racks), fan_speed(np.full(racks, limit_c))
    low_w, high_w = np.zeros(racks), np.full(racks, 1e6)
    for _ in range(50):  # the inlet rises with the heat, so bisection finds the edge
        middle_w = 0.5 * (low_w + high_w)
        rise_k = middle_w / conductance_w_per_k(air, alone, middle_w, speed)
        over = supply_c + rise_k > limit_c
        low_w, high_w = np.where(over, low_w, middle_w), np.where(over, middle_w, high_w)
    return low_w


def _coil_w_per_k(air: AirSide, flow_m3_per_s: FloatArray) -> FloatArray:
    if not np.isfinite(air.coil_units).any():
        return air.coil_w_per_k
    units = air.coil_units * (_DOOR_M3_PER_S / flow_m3_per_s) ** 0.6
    through = -np.expm1(-units) * AIR_J_PER_M3_K * flow_m3_per_s
    return np.where(np.isfinite(units), np.minimum(air.coil_w_per_k, through), air.coil_w_per_k)
