"""Chillers by lift: what they move and what they draw, by evaporator and condenser temperature.

`Chiller:Electric:EIR` of EnergyPlus: ``Q_av = Q_ref CAP(x, y)``, ``P = Q_av / COP_ref EIR(x, y)
PLR-curve``, with x the leaving water and y what enters the condenser. Outside the data of a curve
its edge goes on as a constant share of Carnot, whose lift is never below 8 K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.facility.build.constants import table, value
from sim.interfaces import FloatArray

LEAST_LIFT_K = 8.0
LEAST_CONDENSER_C = value("chiller.least_condenser_c")  # head pressure is held below it
_KELVIN = 273.15
_LEAST_LOAD = 0.15  # below it modules switch off and on, so power falls in proportion


@dataclass(frozen=True, slots=True)
class ChillerCurve:
    """How a kind of chiller answers to temperatures and load.

    Attributes:
        cop: reference COP, full load at the reference temperatures [1].
        capacity: coefficients of CAP in 1, x, x^2, y, y^2, xy.
        energy: coefficients of EIR.
        part: coefficients of the part-load curve in 1, p, p^2.
        leaving_c: range of x behind the curves [degC].
        condenser_c: range of y behind them [degC].
        approaches_k: evaporator below x and condenser above y, for Carnot [K].
        design_c: y for which chillers are chosen [degC].
    """

    cop: float
    capacity: tuple[float, ...]
    energy: tuple[float, ...]
    part: tuple[float, ...]
    leaving_c: tuple[float, float]
    condenser_c: tuple[float, float]
    approaches_k: tuple[float, float]
    design_c: float

    def share(self, leaving_c: ArrayLike, condenser_c: ArrayLike) -> FloatArray:
        """Return the capacity over the reference [1]; that of the curve's edge beyond it."""
        return _quadratic(self.capacity, *self._inside(leaving_c, condenser_c))

    def full_load_cop(self, leaving_c: ArrayLike, condenser_c: ArrayLike) -> FloatArray:
        """Return the COP at full load [1]."""
        x = np.asarray(leaving_c, float)
        least_c = np.maximum(LEAST_CONDENSER_C, x + LEAST_LIFT_K - sum(self.approaches_k))
        y = np.maximum(np.asarray(condenser_c, float), least_c)
        near_x, near_y = self._inside(x, y)
        by_curve = self.cop / _quadratic(self.energy, near_x, near_y)
        return np.asarray(by_curve * self._carnot(x, y) / self._carnot(near_x, near_y))

    def _inside(
        self, leaving_c: ArrayLike, condenser_c: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        return np.clip(leaving_c, *self.leaving_c), np.clip(condenser_c, *self.condenser_c)

    def _carnot(self, x: FloatArray, y: FloatArray) -> FloatArray:
        cold, hot = x - self.approaches_k[0], y + self.approaches_k[1]
        return np.asarray((cold + _KELVIN) / np.maximum(hot - cold, LEAST_LIFT_K))


def _curve(name: str) -> ChillerCurve:
    entry = table()["chillers"][name]
    return ChillerCurve(
        cop=entry["cop"],
        capacity=tuple(entry["capacity"]),
        energy=tuple(entry["energy"]),
        part=tuple(entry["part"]),
        leaving_c=tuple(entry["leaving_c"]),
        condenser_c=tuple(entry["condenser_c"]),
        approaches_k=tuple(entry["approaches_k"]),
        design_c=entry["design_c"],
    )


AIR_COOLED, WATER_COOLED = _curve("air"), _curve("water")


@dataclass(frozen=True, slots=True)
class Chiller:
    """All chillers of a plant together.

    Attributes:
        rated_w: heat that they move at the design temperatures [W].
        curve: how they answer to temperatures and load.
        design_leaving_c: leaving water for which they are chosen [degC].
    """

    rated_w: float
    curve: ChillerCurve = AIR_COOLED
    design_leaving_c: float = 18.0

    def capacity_w(self, leaving_c: ArrayLike, condenser_c: ArrayLike) -> FloatArray:
        """Return the heat that they can move [W].

        Args:
            leaving_c: water that leaves the evaporator [degC].
            condenser_c: air or water that enters the condenser [degC].
        """
        chosen = self.curve.share(self.design_leaving_c, self.curve.design_c)
        return np.asarray(self.rated_w * self.curve.share(leaving_c, condenser_c) / chosen)

    def power_w(
        self, heat_w: ArrayLike, leaving_c: ArrayLike, condenser_c: ArrayLike, load: ArrayLike
    ) -> FloatArray:
        """Return what they draw for a duty, fans of air-cooled condensers included [W].

        Args:
            heat_w: heat of the duty [W].
            leaving_c: its leaving water [degC].
            condenser_c: air or water that enters the condenser [degC].
            load: heat of all duties over the capacity [1].
        """
        p = np.maximum(np.asarray(load, dtype=np.float64), _LEAST_LOAD)
        c0, c1, c2 = self.curve.part
        more = (c0 + c1 * p + c2 * p**2) / p
        return np.asarray(
            np.asarray(heat_w) / self.curve.full_load_cop(leaving_c, condenser_c) * more
        )


def free_share(outside_c: ArrayLike, supply_c: float, return_c: float) -> FloatArray:
    """Return the share of the heat that the outside takes without a chiller [1].

    All of it when what the outside makes is as cold as the supply, none when as warm as the return,
    linear between (a heat exchanger in series with the chiller).

    Args:
        outside_c: water or air that the outside makes, approaches included [degC].
        supply_c: temperature of the cooled medium [degC].
        return_c: temperature at which it comes back, above the supply [degC].
    """
    reach_k = return_c - np.asarray(outside_c, dtype=np.float64)
    return np.asarray(np.clip(reach_k / (return_c - supply_c), 0.0, 1.0))


def _quadratic(c: tuple[float, ...], x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(c[0] + c[1] * x + c[2] * x**2 + c[3] * y + c[4] * y**2 + c[5] * x * y)
