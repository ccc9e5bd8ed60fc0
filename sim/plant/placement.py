"""Which accelerators each replica gets: tensor-parallel groups on real nodes, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from sim.catalog.catalog import Accelerator, Catalog, Model
from sim.errors import Problem, ScenarioError
from sim.interfaces import IntArray
from sim.plant.hardware import AIR, LIQUID, Hardware
from sim.plant.memory_fit import kv_capacity_tokens, layout_of, splits_heads
from sim.scenario.schema.pools import Pool


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
            is larger than fast links reach, or the model does not spread over it or fit into its
            memory.
    """
    path = f"pools.{name}"
    ground = _ground(path, pool, hardware, catalog)
    size, model, chip = pool.tensor_parallel, catalog.models[pool.model], ground.accelerator
    if size > ground.reach:
        what = f"at most {ground.reach}, as many {chip.name} as fast links join on these racks"
        _refuse(f"{path}.tensor_parallel", str(size), what)
    _check_parallelism(path, pool, model, chip)
    if pool.kv_cache_tokens is None:
        batched, at = pool.batching.max_num_batched_tokens, f"{path}.tensor_parallel"
        layout = layout_of(pool, catalog.models)
        kv_capacity_tokens(model, chip, size, pool.precision, batched, at, layout, ground.reach)
    wanted = None if pool.replicas == "fill" else pool.replicas
    if size <= ground.in_node:
        groups = place_in_nodes(free, ground.nodes, size, wanted)
    else:
        groups = place_in_racks(free, ground.joined, ground.joined_rack, size, wanted)
    if len(groups) < (wanted or 1):
        got = f"{wanted} replicas of {size}, {wanted * size} accelerators" if wanted else "fill"
        expected = f"at most {len(groups)}" if wanted else f"room for a replica of {size}"
        free_now = f"{int(free[ground.nodes].sum())} of {ground.total} {ground.accelerator.name}"
        expected += f": {free_now} on {ground.racks} racks are free"
        _refuse(f"{path}.replicas", got, expected)
    return groups


def _check_parallelism(path: str, pool: Pool, model: Model, accelerator: Accelerator) -> None:
    """Refuse experts of a model that has none, and groups over which its heads do not spread."""
    if pool.expert_parallel > 1 and not model.experts:
        got = f"{pool.expert_parallel} with {model.name}"
        _refuse(f"{path}.expert_parallel", got, "1: the model has no experts")
    copies, size = pool.data_parallel, pool.tensor_parallel
    if not splits_heads(model, accelerator, size // copies):
        shares = (n for n in range(1, model.heads + 1) if splits_heads(model, accelerator, n))
        sizes = ", ".join(str(n * copies) for n in shares)
        heads = f"{model.heads} heads and {model.kv_heads} KV heads of {model.name}"
        expected = f"a size over which the {heads} spread: {sizes}"
        _refuse(f"{path}.tensor_parallel", str(size), expected)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """The part of the plant that a pool may use.

    Attributes:
        accelerator: what all of its nodes hold.
        nodes: the nodes, in the order of the topology.
        joined: those whose rack joins its nodes by fast links.
        joined_rack: rack of each of those.
        in_node: accelerators of the largest node [1].
        in_rack: accelerators of the largest rack with joined nodes, 0 if there is none [1].
        total: all accelerators [1].
        racks: number of racks [1].
    """

    accelerator: Accelerator
    nodes: IntArray
    joined: IntArray
    joined_rack: IntArray
    in_node: int
    in_rack: int
    total: int
    racks: int

    @property
    def reach(self) -> int:
        """Accelerators of the largest group that fast links join [1]."""
        return max(self.in_node, self.in_rack)


def _ground(path: str, pool: Pool, hardware: Hardware, catalog: Catalog) -> _Ground:
    nodes = _nodes_for(pool, hardware)
    if not len(nodes):
        _refuse(f"{path}.racks", "no rack that matches all of this", f"racks of {pool.site!r}")
    kinds = {hardware.node_types[at].accelerator for at in np.unique(hardware.node_type[nodes])}
    if len(kinds) > 1:
        hint = "narrow them with racks: {type: ...}"
        _refuse(f"{path}.racks", " and ".join(sorted(kinds)), "one kind of accelerator", hint)
    joins = np.array([catalog.racks[kind].scale_up == "rack" for kind in hardware.rack_type])
    rack = hardware.node_rack[nodes]
    count = hardware.node_accelerators[nodes]
    joined = joins[rack]
    return _Ground(
        accelerator=catalog.accelerators[kinds.pop()],
        nodes=nodes,
        joined=nodes[joined],
        joined_rack=rack[joined],
        in_node=int(count.max()),
        in_rack=int(np.bincount(rack[joined], count[joined]).max(initial=0.0)),
        total=int(count.sum()),
        racks=len(np.unique(rack)),
    )


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
        may &= hardware.rack_cooling == (LIQUID if wanted.cooling == "liquid" else AIR)
    if wanted.hall is not None:
        halls = [name.split("/")[1] == wanted.hall for name in hardware.hall_names]
        may &= np.array(halls)[hardware.rack_hall]
    if wanted.row is not None:
        rows = [name.split("/")[2] == wanted.row for name in hardware.row_names]
        may &= np.array(rows)[hardware.rack_row]
    return np.flatnonzero(may[hardware.node_rack])


def _refuse(path: str, got: str, expected: str, hint: str = "") -> NoReturn:
    raise ScenarioError([Problem(path, got, expected, hint=hint)])
