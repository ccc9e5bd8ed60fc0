"""Which accelerators each replica gets: tensor-parallel groups on real nodes, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.interfaces import IntArray
from sim.scenario.catalog import Catalog
from sim.scenario.hardware import LIQUID, Hardware
from sim.scenario.memory_fit import kv_capacity_tokens
from sim.scenario.schema_pools import Pool


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Tensor-parallel groups that were placed, as a list of (group, node, accelerators).

    Attributes:
        group: number of the group from 0, non-decreasing, shape (n,).
        node: index of the node, shape (n,).
        accelerators: how many of the node's accelerators belong to the group, shape (n,).
    """

    group: IntArray
    node: IntArray
    accelerators: IntArray

    def __len__(self) -> int:
        """Return the number of groups."""
        return int(self.group[-1]) + 1 if len(self.group) else 0


def place_pool(
    name: str, pool: Pool, hardware: Hardware, free: IntArray, catalog: Catalog
) -> Groups:
    """Return the replicas of a pool on the first racks that it may use.

    Args:
        name: name of the pool, for messages.
        pool: what is wanted.
        hardware: what stands where.
        free: free accelerators of each node, shape (nodes,); not changed.
        catalog: has the pool's model.

    Raises:
        ScenarioError: the racks hold several kinds of accelerators or too few free ones, a replica
            is larger than fast links reach, or the model does not fit into the memory.
    """
    path = f"pools.{name}"
    nodes = _nodes_for(pool, hardware)
    if not len(nodes):
        _refuse(f"{path}.racks", "no rack that matches all of this", f"racks of {pool.site!r}")
    kinds = {hardware.node_types[at].accelerator for at in np.unique(hardware.node_type[nodes])}
    if len(kinds) > 1:
        hint = "narrow them with racks: {type: ...}"
        _refuse(f"{path}.racks", " and ".join(sorted(kinds)), "one kind of accelerator", hint)
    accelerator = catalog.accelerators[kinds.pop()]
    size = pool.tensor_parallel
    if pool.kv_cache_tokens is None:
        model, batched = catalog.models[pool.model], pool.batching.max_num_batched_tokens
        kv_capacity_tokens(
            model, accelerator, size, pool.precision, batched, path=f"{path}.tensor_parallel"
        )
    wanted = None if pool.replicas == "fill" else pool.replicas
    if size <= hardware.node_accelerators[nodes].max():
        groups = place_in_nodes(free, nodes, size, wanted)
    else:
        joined = _joined(nodes, hardware, catalog)
        groups = place_in_racks(free, joined, hardware.node_rack[joined], size, wanted)
    if len(groups) < (wanted or 1):
        _refuse_count(path, pool, groups, free[nodes], accelerator.name, hardware, nodes, catalog)
    return groups


def place_in_nodes(free: IntArray, nodes: IntArray, size: int, wanted: int | None) -> Groups:
    """Return groups that lie inside one node each, first node first.

    Args:
        free: free accelerators of every node of the plant, shape (all nodes,).
        nodes: nodes that may be used, in the order of use, shape (n,).
        size: accelerators in a group [1].
        wanted: how many groups, None for as many as fit. Fewer come back where fewer fit.
    """
    fitting = free[nodes] // size
    if wanted is not None:
        before = np.cumsum(fitting) - fitting
        fitting = np.clip(wanted - before, 0, fitting)
    node = np.repeat(nodes, fitting)
    return Groups(np.arange(len(node)), node, np.full(len(node), size))


def place_in_racks(
    free: IntArray, nodes: IntArray, rack: IntArray, size: int, wanted: int | None
) -> Groups:
    """Return groups that span consecutive nodes of one rack, first node first.

    A group takes what is free on the nodes one after the other; a node without a free accelerator
    and the end of the rack break the sequence.

    Args:
        free: free accelerators of every node of the plant, shape (all nodes,).
        nodes: nodes that may be used, in the order of use, shape (n,).
        rack: rack of each of these nodes, shape (n,).
        size: accelerators in a group [1].
        wanted: how many groups, None for as many as fit. Fewer come back where fewer fit.
    """
    found: list[tuple[int, int, int]] = []
    group = 0
    parts: list[tuple[int, int]] = []
    missing = size
    before = -1
    for node, at in zip(nodes.tolist(), rack.tolist(), strict=True):
        left = int(free[node])
        if at != before or not left:
            parts, missing = [], size
        before = at
        while left and group != wanted:
            part = min(left, missing)
            parts.append((node, part))
            left -= part
            missing -= part
            if not missing:
                found += [(group, *item) for item in parts]
                group += 1
                parts, missing = [], size
    columns = np.array(found, dtype=np.int64).reshape(-1, 3)
    return Groups(columns[:, 0], columns[:, 1], columns[:, 2])


def _nodes_for(pool: Pool, hardware: Hardware) -> IntArray:
    """Return the nodes of the racks that a pool may use, in the order of the topology."""
    wanted = pool.racks
    may = hardware.rack_site == hardware.site_names.index(pool.site)
    if wanted.type is not None:
        may &= np.array([kind == wanted.type for kind in hardware.rack_type])
    if wanted.cooling is not None:
        may &= hardware.rack_cooling == (LIQUID if wanted.cooling == "liquid" else 0)
    if wanted.hall is not None:
        halls = [name.split("/")[1] == wanted.hall for name in hardware.hall_names]
        may &= np.array(halls)[hardware.rack_hall]
    if wanted.row is not None:
        rows = [name.split("/")[2] == wanted.row for name in hardware.row_names]
        may &= np.array(rows)[hardware.rack_row]
    return np.flatnonzero(may[hardware.node_rack])


def _joined(nodes: IntArray, hardware: Hardware, catalog: Catalog) -> IntArray:
    """Return those of the nodes whose rack joins its nodes by fast links."""
    joins = np.array([catalog.racks[kind].scale_up == "rack" for kind in hardware.rack_type])
    return nodes[joins[hardware.node_rack[nodes]]]


def _refuse_count(
    path: str,
    pool: Pool,
    groups: Groups,
    free: IntArray,
    accelerator: str,
    hardware: Hardware,
    nodes: IntArray,
    catalog: Catalog,
) -> NoReturn:
    """Say why fewer replicas fit than wanted, with the numbers."""
    size = pool.tensor_parallel
    joined = _joined(nodes, hardware, catalog)
    whole = hardware.node_accelerators
    reach = int(whole[nodes].max())
    if len(joined):
        reach = max(reach, int(np.bincount(hardware.node_rack[joined], whole[joined]).max()))
    if size > reach:
        expected = f"at most {reach}, as many {accelerator} as fast links join on these racks"
        _refuse(f"{path}.tensor_parallel", str(size), expected)
    wanted = 1 if pool.replicas == "fill" else pool.replicas
    got = f"{wanted} replicas of {size}, {wanted * size} accelerators"
    expected = (
        f"at most {len(groups)} replicas: {int(free.sum())} of {int(whole[nodes].sum())} "
        f"{accelerator} on {len(np.unique(hardware.node_rack[nodes]))} racks are free"
    )
    _refuse(f"{path}.replicas", got, expected)


def _refuse(path: str, got: str, expected: str, hint: str = "") -> NoReturn:
    raise ScenarioError([Problem(path, got, expected, hint=hint)])
