"""Power of every rack, row, hall and site at its least and at its most, before a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.facility.metering.levels import LEVELS, Level, MeterPoints, meter_points
from sim.facility.metering.nodes import NodeLoads, loaded_racks_w
from sim.interfaces import FloatArray
from sim.plant.hardware import Hardware
from sim.plant.plant import Plant

_ROUNDING = 1.0 + 1e-9  # a limit counts as exceeded by more than what a sum can be off


@dataclass(frozen=True, slots=True)
class PowerBounds:
    """Between what the power of each metered point lies.

    Attributes:
        points: racks, rows, halls and sites with their limits.
        idle_w: power with everything idle, by point [W].
        peak_w: power if everything runs at once, by point [W].
    """

    points: MeterPoints
    idle_w: FloatArray
    peak_w: FloatArray

    def fullest(self, level: Level) -> list[int]:
        """Return the points of a level by peak over limit, those without a limit last, by peak."""
        span = self.points.spans[level]
        limit_w, peak_w = self.points.limit_w[span], self.peak_w[span]
        order = np.lexsort((-peak_w, -peak_w / limit_w))
        return [span.start + at for at in order.tolist()]

    def warnings(self) -> Iterator[str]:
        """Yield which sites can go above their limit, and how many racks, rows and halls."""
        for level in reversed(LEVELS):
            above = [at for at in self.fullest(level) if self._exceeds(at)]
            if level == "site":
                yield from (f"site {self._said(at)}" for at in sorted(above))
            elif len(above) == 1:
                yield f"{level} {self._said(above[0])}"
            elif above:
                yield f"{len(above)} {level}s, the worst of them {self._said(above[0])}"

    def _exceeds(self, at: int) -> bool:
        return bool(self.peak_w[at] > self.points.limit_w[at] * _ROUNDING)

    def _said(self, at: int) -> str:
        return (
            f"{self.points.names[at]}: {self.peak_w[at] / 1e3:.4g} kW if everything runs at once, "
            f"above its limit of {self.points.limit_w[at] / 1e3:.4g} kW"
        )


def bounds_of_replicas(plant: Plant, idle_w: FloatArray, peak_w: FloatArray) -> PowerBounds:
    """Return the bounds of a plant on which replicas run.

    Args:
        plant: what stands where.
        idle_w: idle power of one accelerator of each replica [W].
        peak_w: highest power of one accelerator of each replica [W].
    """
    points, loads = meter_points(plant), NodeLoads(plant)
    bounds = (
        points.sums(loaded_racks_w(plant, loads.wall_w(np.arange(loads.nodes), accelerators_w)))
        for accelerators_w in (loads.accelerators_w(idle_w), loads.accelerators_w(peak_w))
    )
    return PowerBounds(points, *bounds)


def bounds_of_hardware(hardware: Hardware) -> PowerBounds:
    """Return the bounds by the catalogue alone: all accelerators idle, and all at their TDP."""
    points, kinds = meter_points(hardware), hardware.node_types
    by_kind = (
        np.array([float(kind.wall_w(kind.count * kind.accelerator_idle_w)) for kind in kinds]),
        np.array([float(kind.wall_w(kind.count * kind.accelerator_tdp_w)) for kind in kinds]),
    )
    bounds = (
        points.sums(loaded_racks_w(hardware, nodes_w[hardware.node_type])) for nodes_w in by_kind
    )
    return PowerBounds(points, *bounds)
