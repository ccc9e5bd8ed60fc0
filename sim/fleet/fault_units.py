"""Which replicas and links belong to an accelerator, node, rack, site or link that fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf

import numpy as np

from sim.errors import Problem, ScenarioError
from sim.fleet.faults import RandomFault, ScheduledFault, Unit
from sim.interfaces import IntArray
from sim.plant.plant import Plant
from sim.registry import nearest_hint
from sim.rng import Streams
from sim.scenario.schema.faults import Faults, Outage, RandomFaults
from sim.scenario.schema.scenario import Scenario


def scheduled_faults(faults: Faults, plant: Plant) -> list[ScheduledFault]:
    """Return the scenario's outages with the replicas and links that they take away.

    Raises:
        ScenarioError: a rack or node does not exist; all of them at once.
    """
    nodes = {name: node for node, name in enumerate(_node_names(plant))}
    problems = [
        Problem(
            path=f"faults.outages[{number}].{kind}s",
            got=repr(name),
            expected=f"the full name of a {kind}",
            hint=nearest_hint(name, list(known)),
        )
        for number, outage in enumerate(faults.outages)
        for kind, names, known in (
            ("rack", outage.racks, plant.rack_names),
            ("node", outage.nodes, nodes),
        )
        for name in names
        if name not in known
    ]
    if problems:
        raise ScenarioError(problems)
    return [
        ScheduledFault(
            "outage",
            _outage_unit(outage, plant, [nodes[name] for name in outage.nodes]),
            outage.at_s,
            inf if outage.lasting_s is None else outage.at_s + outage.lasting_s,
        )
        for outage in faults.outages
    ]


def random_faults(scenario: Scenario, plant: Plant, streams: Streams) -> list[RandomFault]:
    """Return the scenario's random faults, each with a stream of its own."""
    found = []
    for number, law in enumerate(scenario.faults.random if scenario.faults else ()):
        units, racks = _units(law, scenario, plant)
        around = [_of_nodes(np.flatnonzero(plant.node_rack == rack), plant) for rack in racks]
        found.append(
            RandomFault(
                law.of,
                units,
                around or units,
                law.mtbf_s,
                law.mttr_s,
                law.mttr_cv,
                law.spreads,
                streams.generator("faults", str(number), law.of),
            )
        )
    return found


def _outage_unit(outage: Outage, plant: Plant, nodes: Sequence[int]) -> Unit:
    rack_site = plant.rack_site
    racks = [
        rack
        for rack, name in enumerate(plant.rack_names)
        if name in outage.racks or plant.site_names[rack_site[rack]] in outage.sites
    ]
    down = np.union1d(np.flatnonzero(np.isin(plant.node_rack, racks)), nodes)
    replicas = set(_of_nodes(down, plant).replicas)
    of_pools: list[int] = []
    for name in outage.pools:
        members = np.flatnonzero(plant.replica_pool == plant.pool_names.index(name))
        of_pools += members[: outage.replicas].tolist()
    links = tuple((link.start, link.end) for link in outage.links)
    if outage.accelerators is not None:
        return Unit(tuple(sorted(replicas)), links, tuple(of_pools * outage.accelerators))
    return Unit(tuple(sorted(replicas.union(of_pools))), links)


def _node_names(plant: Plant) -> list[str]:
    """Return the nodes by full name: rack and number in the rack from 1."""
    first = np.searchsorted(plant.node_rack, plant.node_rack)  # nodes stand rack by rack
    return [
        f"{plant.rack_names[rack]}/node-{node - start + 1}"
        for node, (rack, start) in enumerate(zip(plant.node_rack.tolist(), first, strict=True))
    ]


def _units(law: RandomFaults, scenario: Scenario, plant: Plant) -> tuple[list[Unit], Sequence[int]]:
    """Return the units of a law and, for accelerators and nodes, the rack of each."""
    sites = set(plant.site_names if law.sites is None else law.sites)
    if law.of == "link":
        links = scenario.topology.links
        near = [link for link in links if law.sites is None or {link.start, link.end} & sites]
        return [Unit(links=((link.start, link.end),)) for link in near], ()
    node_site = plant.rack_site[plant.node_rack]
    nodes = [node for node in range(len(plant.node_rack)) if _at(node_site[node], sites, plant)]
    if law.of == "node":
        return [_of_nodes(np.array([node]), plant) for node in nodes], plant.node_rack[
            nodes
        ].tolist()
    if law.of == "accelerator":
        return _accelerators(nodes, plant)
    group = plant.node_rack if law.of == "rack" else node_site
    found = sorted({int(group[node]) for node in nodes})
    return [_of_nodes(np.flatnonzero(group == number), plant) for number in found], ()


def _accelerators(nodes: Collection[int], plant: Plant) -> tuple[list[Unit], list[int]]:
    """Return a unit for each accelerator: the replica that has it, or nothing if it is spare."""
    units: list[Unit] = []
    racks: list[int] = []
    for node in nodes:
        here = np.flatnonzero(plant.placement_node == node)
        owners = np.repeat(plant.placement_replica[here], plant.placement_count[here]).tolist()
        spare = int(plant.node_spare[node])
        units += [Unit(weaker=(replica,)) for replica in owners] + [Unit()] * spare
        racks += [int(plant.node_rack[node])] * (len(owners) + spare)
    return units, racks


def _of_nodes(nodes: IntArray, plant: Plant) -> Unit:
    here = np.isin(plant.placement_node, nodes)
    return Unit(tuple(np.unique(plant.placement_replica[here]).tolist()))


def _at(site: int, sites: Collection[str], plant: Plant) -> bool:
    return plant.site_names[site] in sites
