"""What the simulator understood of a scenario, before it runs: load, capacity, power, warnings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sim.explain.fit import fitting, length_warnings
from sim.explain.links import link_views, link_warnings
from sim.explain.load import load_views, load_warnings, site_load_views
from sim.explain.pools import mean_lengths, pool_views
from sim.explain.power import place_views, site_views
from sim.explain.views import Explanation
from sim.facility.metering.bounds import bounds_of_hardware
from sim.scenario.checks.plausible import unusual_values
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Topology
from sim.serving.queues.pool_model import pool_warnings
from sim.world import World

SAMPLE_BLOCKS = 25  # of traffic; a block is some thousands of requests


def explain_topology(topology: Topology) -> Explanation:
    """Return what a topology comes to, without a scenario."""
    from sim.catalog.catalog import load_catalog
    from sim.plant.hardware import expand

    hardware = expand(topology, load_catalog())
    bounds = bounds_of_hardware(hardware)
    return Explanation(
        topology.name,
        tuple(site_views(hardware, bounds)),
        "accelerators idle, and all at their TDP",
        tuple(place_views(bounds)),
        links=tuple(link_views(topology)),
        warnings=(*bounds.warnings(), *link_warnings(topology)),
    )


def explain(scenario: Scenario) -> Explanation:
    """Return what a scenario comes to: sites, pools, load and warnings.

    Load is measured on the first requests of the traffic itself, so it is right for any mixture
    of traces and generators, and says nothing of what a trace does later.

    Raises:
        ScenarioError: the scenario cannot be placed on its hardware.
        TraceError: a trace file is wrong.
    """
    return explain_world(World(scenario, seed=0))


def explain_world(world: World) -> Explanation:
    """Return what a world that has not run comes to, as `explain`."""
    scenario = world.scenario
    offered = list(islice(world.workload.blocks(), SAMPLE_BLOCKS))
    sample = fitting(world, offered)
    lengths = mean_lengths(sample, len(world.models))
    pools = tuple(pool_views(world, lengths))
    bounds = world.power_bounds()
    loads = tuple(load_views(world, sample, lengths, pools))
    warnings = (
        *unusual_values(scenario),
        *length_warnings(world, offered),
        *load_warnings(scenario, loads, pools),
        *bounds.warnings(),
        *link_warnings(scenario.topology),
        *_source_notes(world),
    )
    return Explanation(
        scenario.name,
        tuple(site_views(world.plant, bounds)),
        "replicas idle, and all in prefill",
        tuple(place_views(bounds)),
        pools,
        loads,
        tuple(site_load_views(world, sample, pools)),
        tuple(link_views(scenario.topology)),
        warnings,
    )


def _source_notes(world: World) -> Iterator[str]:
    for numbers, name in zip(world.pool_numbers, world.scenario.pools, strict=True):
        limit = numbers.section.batching.max_num_seqs
        for warning in pool_warnings(numbers, limit):
            yield f"pool {name}: {warning}"
    yield from world.workload.notes
    for name, entry in world.scenario.traffic.items():
        if entry.system_prompt_tokens and not world.scenario.prefix_block_tokens:
            yield (
                f"traffic {name}: its system prompt is processed for every request, because no "
                f"pool has a prefix cache"
            )
        if entry.sessions is not None:
            yield f"traffic {name}: the rate of sessions follows from the run, so it is not in load"
