"""The plant: all hardware of a topology, and the accelerators that every replica has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sim.catalog.catalog import Accelerator, Catalog
from sim.catalog.entries import Cooling
from sim.errors import Problem, ScenarioError
from sim.interfaces import FloatArray, IntArray
from sim.plant.hardware import LIQUID, Hardware, expand
from sim.plant.placement import Groups, place_pool
from sim.scenario.schema.scenario import Scenario


@dataclass(frozen=True, slots=True, eq=False)
class Plant(Hardware):
    """What stands where (see `Hardware`), and which accelerators belong to which replica.

    Attributes:
        node_spare: accelerators of each node that belong to no replica [1].
        pool_names: pools in the order of the scenario.
        replica_pool: pool of each replica, non-decreasing.
        replica_site: site of each replica.
        placement_replica: replica of each placement, non-decreasing.
        placement_node: node of each placement.
        placement_count: accelerators of that replica on that node [1].
    """

    node_spare: IntArray
    pool_names: tuple[str, ...]
    replica_pool: IntArray
    replica_site: IntArray
    placement_replica: IntArray
    placement_node: IntArray
    placement_count: IntArray

    @property
    def node_spare_w(self) -> FloatArray:
        """Power of the accelerators of each node that belong to no replica [W]."""
        idle_w = np.array([kind.accelerator_idle_w for kind in self.node_types])
        return np.asarray(self.node_spare * idle_w[self.node_type])

    def pool_replicas(self, pool: int) -> int:
        """Return the number of replicas of a pool."""
        return int(np.count_nonzero(self.replica_pool == pool))

    def pool_nodes(self, pool: int) -> IntArray:
        """Return the nodes on which a pool has accelerators, in their order."""
        mine = self.replica_pool[self.placement_replica] == pool
        return np.unique(self.placement_node[mine])

    def pool_accelerator(self, pool: int, catalog: Catalog) -> Accelerator:
        """Return what the replicas of a pool run on; it is the same for all of them."""
        node = self.pool_nodes(pool)[0]
        return catalog.accelerators[self.node_types[self.node_type[node]].accelerator]

    def pool_cooling(self, pool: int) -> Cooling:
        """Return how a pool is cooled; ``liquid`` only if all of its racks are."""
        cooling = self.rack_cooling[self.node_rack[self.pool_nodes(pool)]]
        return "liquid" if bool((cooling == LIQUID).all()) else "air"


def build_plant(scenario: Scenario, catalog: Catalog) -> Plant:
    """Return the plant of a scenario: its topology expanded, its pools placed.

    Pools are placed in the order of the scenario, each on the first racks that it may use. A
    tensor-parallel group lies inside one node; where it is larger than a node, on consecutive
    nodes of one rack whose fast links join its nodes.

    Args:
        scenario: with its topology; its names are known to exist.
        catalog: has every rack type and model that the scenario names.

    Raises:
        ScenarioError: a pool does not fit on its racks, or its model into its memory; all at once.
    """
    hardware = expand(scenario.topology, catalog)
    free = hardware.node_accelerators
    problems: list[Problem] = []
    placed: list[Groups] = []
    for name, pool in scenario.pools.items():
        try:
            groups = place_pool(name, pool, hardware, free, catalog)
        except ScenarioError as error:
            problems += error.problems
            continue
        np.subtract.at(free, groups.node, groups.accelerators)
        placed.append(groups)
    if problems:
        raise ScenarioError(problems)
    return _with_replicas(hardware, free, tuple(scenario.pools), placed)


def _with_replicas(
    hardware: Hardware, free: IntArray, pool_names: tuple[str, ...], placed: Sequence[Groups]
) -> Plant:
    counts = np.array([len(groups) for groups in placed], dtype=np.int64)
    first = np.cumsum(counts) - counts
    replica = np.concatenate(
        [groups.group + start for groups, start in zip(placed, first, strict=True)]
    )
    node = np.concatenate([groups.node for groups in placed])
    site_of_replica = np.empty(int(counts.sum()), dtype=np.int64)
    site_of_replica[replica] = hardware.rack_site[hardware.node_rack[node]]
    return Plant(
        **{item.name: getattr(hardware, item.name) for item in fields(Hardware)},
        node_spare=free,
        pool_names=pool_names,
        replica_pool=np.repeat(np.arange(len(counts)), counts),
        replica_site=site_of_replica,
        placement_replica=replica,
        placement_node=node,
        placement_count=np.concatenate([groups.accelerators for groups in placed]),
    )
