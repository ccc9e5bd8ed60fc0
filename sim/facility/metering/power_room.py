"""Whether one more replica may run without any power limit above it being broken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.facility.metering.levels import meter_points
from sim.facility.metering.nodes import NodeLoads, loaded_racks_w
from sim.interfaces import FloatArray
from sim.plant.plant import Plant

_ROUNDING = 1.0 + 1e-9  # a limit counts as exceeded by more than what a sum can be off


class PowerRoom:
    """Adds up racks, rows, halls and sites with a given set of replicas at their peak.

    Args:
        plant: what stands where, with its limits.
        peak_w: highest power of one accelerator of each replica [W].
    """

    def __init__(self, plant: Plant, peak_w: FloatArray) -> None:
        self._plant, self._peak_w = plant, peak_w
        self._points = meter_points(plant)
        self._loads = NodeLoads(plant)
        self._limited = bool(np.isfinite(self._points.limit_w).any())

    def holds(self, on: Sequence[int], candidate: int) -> bool:
        """Return whether every limit above a replica holds with it and others at their peak.

        Args:
            on: the others, by index in the run.
            candidate: the replica.
        """
        if not self._limited:
            return True
        plant, points = self._plant, self._points
        replica_w = np.zeros(len(self._peak_w))
        running = [*on, candidate]
        replica_w[running] = self._peak_w[running]
        nodes = np.arange(self._loads.nodes)
        nodes_w = self._loads.wall_w(nodes, self._loads.accelerators_w(replica_w))
        power_w = points.sums(loaded_racks_w(plant, nodes_w))
        mine = plant.placement_node[plant.placement_replica == candidate]
        above = np.unique(points.chains[:, plant.node_rack[mine]])
        return bool((power_w[above] <= points.limit_w[above] * _ROUNDING).all())
