"""From replicas to nodes: which accelerators sit where, and what the node draws at the wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import FloatArray, IntArray
from sim.plant.hardware import Hardware
from sim.plant.plant import Plant


def loaded_racks_w(hardware: Hardware, nodes_w: FloatArray) -> FloatArray:
    """Return what racks draw with what they share [W], for the wall power of each node [W]."""
    racks = len(hardware.rack_names)
    nodes_of_rack_w = np.bincount(hardware.node_rack, nodes_w, minlength=racks)
    return np.asarray(hardware.rack_base_w + nodes_of_rack_w)


class NodeLoads:
    """Translates the power of replicas' accelerators into wall power of nodes.

    Args:
        plant: what stands where.
    """

    def __init__(self, plant: Plant) -> None:
        self.nodes = len(plant.node_type)
        self.replicas = len(plant.replica_pool)
        self._spare_w = np.asarray(plant.node_spare_w, dtype=np.float64)
        self._types = plant.node_types
        self._type = np.asarray(plant.node_type, dtype=np.int64)
        order = np.argsort(plant.placement_replica, kind="stable")
        self._node = np.asarray(plant.placement_node, dtype=np.int64)[order]
        self._count = np.asarray(plant.placement_count, dtype=np.float64)[order]
        self._places = np.bincount(plant.placement_replica, minlength=self.replicas)
        self._place = np.cumsum(self._places) - self._places
        self._one_node_each = bool((self._places == 1).all())
        self.energised: NDArray[np.bool_] = np.ones(self.nodes, dtype=np.bool_)

    def spread(self, replica: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the nodes that changes of replicas reach, in the order of the changes.

        Args:
            replica: replica of each change.

        Returns:
            For every pair of a change and a node that it reaches: number of the change, number of
            the node, accelerators of the replica on the node.
        """
        change = np.arange(len(replica))
        place = self._place[replica]
        if not self._one_node_each:
            counts = self._places[replica]
            change = np.repeat(change, counts)
            ends = np.cumsum(counts)
            place = np.repeat(place - (ends - counts), counts) + np.arange(len(change))
        return change, self._node[place], self._count[place]

    def accelerators_w(self, replica_w: FloatArray) -> FloatArray:
        """Return the power of all accelerators of each node [W].

        Args:
            replica_w: power of one accelerator of each replica [W].
        """
        return self._spare_w + self._on_nodes(replica_w)

    def accelerators_j(self, replica_j: FloatArray, on_s: FloatArray) -> FloatArray:
        """Return the energy of all accelerators of each node [J].

        Args:
            replica_j: energy of one accelerator of each replica [J].
            on_s: time for which each node had power [s].
        """
        return np.asarray(self._spare_w * on_s + self._on_nodes(replica_j))

    def _on_nodes(self, of_replica: FloatArray) -> FloatArray:
        each = np.repeat(of_replica, self._places) * self._count
        return np.asarray(np.bincount(self._node, each, minlength=self.nodes), dtype=np.float64)

    def wall_w(self, node: IntArray, accelerators_w: FloatArray) -> FloatArray:
        """Return what nodes draw from their racks [W]; nothing while they are without power.

        Args:
            node: number of each node.
            accelerators_w: power of all accelerators of that node [W].
        """
        if len(self._types) == 1:
            wall_w = self._types[0].wall_w(accelerators_w)
        else:
            wall_w = np.empty_like(accelerators_w)
            kinds = self._type[node]
            for kind in range(len(self._types)):
                mine = kinds == kind
                wall_w[mine] = self._types[kind].wall_w(accelerators_w[mine])
        return np.asarray(wall_w * self.energised[node])


def rated_racks_w(plant: Plant) -> FloatArray:
    """Return the limit of each rack, or what it draws at full load where it has none [W]."""
    kinds = plant.node_types
    full = np.array([float(kind.wall_w(kind.count * kind.accelerator_tdp_w)) for kind in kinds])
    peak_w = loaded_racks_w(plant, full[plant.node_type])
    return np.asarray(np.where(np.isfinite(plant.rack_limit_w), plant.rack_limit_w, peak_w))
