"""One run, from a scenario to a result: load it, build its world, let it run, collect.

scenario -> traffic -> routing -> serving <-> facility -> metrics -> result
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim import load
from sim.collect import collect
from sim.interfaces import PlacementPolicy
from sim.processes import Process, start_processes
from sim.result import Result
from sim.routing.policies import PLACEMENTS
from sim.scenario.kinds import describes_topology
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Topology
from sim.traffic.formats import TRACE_FORMATS
from sim.world import Progress, World


def load_scenario(
    source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()
) -> Scenario:
    """Return the scenario that a file, a shipped experiment's name or a mapping describes.

    Args:
        source: what to load.
        overrides: changes as ``dotted.path=value``, made before anything is checked.

    Raises:
        ScenarioError: with every problem of the scenario, its topology and its catalogue files.
    """
    return load.load_scenario(
        source, overrides, policies=PLACEMENTS.names(), trace_formats=TRACE_FORMATS.names()
    )


def load_any(
    source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()
) -> Scenario | Topology:
    """Return the scenario or, if the file or name is that of a topology, the topology.

    Raises:
        ScenarioError: with every problem of the file.
    """
    if describes_topology(source):
        return load.load_topology(source)
    return load_scenario(source, overrides)


def simulate(
    scenario: Scenario,
    seed: int = 0,
    *,
    replication: int = 0,
    policy: PlacementPolicy | None = None,
    spool: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    processes: Sequence[Process] = (),
) -> Result:
    """Run a scenario and return what happened.

    Args:
        scenario: the validated scenario.
        seed: seed of all random streams; the same seed gives the same result.
        replication: index of an independent repetition under the same seed.
        policy: a placement policy object to use instead of the one that the scenario names.
        spool: Parquet file for request rows while the run lasts, so that memory stays bounded;
            without it they are kept in memory.
        progress: told now and then how far the run is.
        stop: asked now and then whether to end the run early; the result is then partial.
        processes: your own SimPy processes, generator functions that get a `RunControl`: they
            read the run and act on it (docs/processes.md).

    Raises:
        ScenarioError: the scenario cannot be placed on its hardware.
        TraceError: a trace file is wrong.
        PolicyError: a policy name is unknown, or a policy or process failed.
    """
    world = World(scenario, seed, replication, policy, spool)
    start_processes(world, processes)
    with _without_garbage_collection():
        world.run(progress, stop)
    return collect(world)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the cycle collector: a run makes no cycles, and looking for them costs a tenth."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
