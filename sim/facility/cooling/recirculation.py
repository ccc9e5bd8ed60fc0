"""Heat that comes back: inlet temperatures of racks that breathe each other's exhaust.

``inlet = supply + D power`` with a heat-recirculation matrix D [K/W], as in GDCSim; a rule with two
numbers stands in where no matrix is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class RowRule:
    """Every rack breathes some of its own exhaust and some of its row's mean.

    Attributes:
        own_k_per_w: rise by the rack's own power (racks,) [K/W].
        row: row of each rack.
        shared: share of the rise that comes from the row instead of the rack itself [1].
    """

    own_k_per_w: FloatArray
    row: IntArray
    shared: float = 0.3

    def rise_k(self, power_w: FloatArray) -> FloatArray:
        """Return how far each inlet is above the supply (racks,) [K]."""
        own_k = self.own_k_per_w * power_w
        racks = np.bincount(self.row)
        row_k = np.bincount(self.row, own_k) / np.maximum(racks, 1)
        return np.asarray((1.0 - self.shared) * own_k + self.shared * row_k[self.row])


@dataclass(frozen=True, slots=True)
class Recirculation:
    """A measured or computed matrix.

    Attributes:
        k_per_w: rise of each inlet by the power of each rack (racks, racks) [K/W].
    """

    k_per_w: FloatArray

    def rise_k(self, power_w: FloatArray) -> FloatArray:
        """Return how far each inlet is above the supply (racks,) [K]."""
        return np.asarray(self.k_per_w @ power_w)


def recirculation(k_per_w: FloatArray, racks: int) -> Recirculation:
    """Return the matrix after a check.

    Raises:
        ScenarioError: it is not square with a row per rack, or has a negative or missing entry.
    """
    if k_per_w.shape != (racks, racks):
        shape = " x ".join(map(str, k_per_w.shape))
        raise ScenarioError([Problem("recirculation", shape, f"{racks} x {racks} numbers")])
    bad = np.argwhere(~(k_per_w >= 0.0) | ~np.isfinite(k_per_w)).tolist()
    if bad:
        expected = "a rise of at least 0 K/W"
        raise ScenarioError(
            Problem(f"recirculation[{i}][{j}]", str(k_per_w[i, j]), expected) for i, j in bad
        )
    return Recirculation(k_per_w)
