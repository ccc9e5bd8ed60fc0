"""The files of a first project: a commented scenario that holds its targets, and a study of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sim.catalog.catalog import Catalog, load_catalog
from sim.document.yaml_reader import parse_document
from sim.errors import Problem, ScenarioError
from sim.explain.degree import smallest_degree
from sim.explain.explanation import explain_world
from sim.simulate import load_scenario
from sim.start.requirements import Requirements
from sim.units import TIME, render
from sim.world import World

FILL = 0.6  # load over capacity that a first fleet is given
KV_ROOM = 32  # requests of mean length that a replica's memory holds at least
SECONDS_LEAST, REQUESTS = 300.0, 3000  # of the first run


@dataclass(frozen=True, slots=True)
class Fleet:
    """How much hardware the first scenario has.

    Attributes:
        rack: rack type.
        racks: how many.
        tensor_parallel: accelerators of a replica.
        replicas: how many.
        share: load over capacity without any target [1].
    """

    rack: str
    racks: int
    tensor_parallel: int
    replicas: int
    share: float


def first_fleet(needed: Requirements) -> Fleet:
    """Return a fleet that is at `FILL` of its capacity under the load that is needed.

    Raises:
        ScenarioError: the model does not fit on the chip, or no rack type has it.
    """
    catalog = load_catalog()
    rack = _rack(needed.chip, catalog)
    load = needed.workload
    tokens = KV_ROOM * (load.input_tokens + load.output_tokens)

    def make(degree: int) -> Any:
        return _data(needed, Fleet(rack, 1, degree, 1, 0.0))

    degree = smallest_degree(make, tokens)
    if not degree:
        expected = f"a model that fits on the accelerators which {rack} joins"
        raise ScenarioError([Problem("requirements", repr(needed.model), expected)])
    explained = explain_world(World(load_scenario(make(degree)), seed=0))
    capacity_per_s = float(explained.pools[0].capacity_per_s)
    offered_per_s = sum(view.requests_per_s for view in explained.loads)
    replicas = max(1, math.ceil(offered_per_s / (FILL * capacity_per_s)))
    nodes = catalog.racks[rack].nodes
    each = nodes * catalog.nodes[catalog.racks[rack].node].count // degree
    racks = math.ceil(replicas / max(each, 1))
    return Fleet(rack, racks, degree, replicas, offered_per_s / (replicas * capacity_per_s))


def scenario_text(needed: Requirements, fleet: Fleet) -> str:
    """Return the scenario as YAML with comments."""
    load = needed.workload
    targets = ", ".join(f"{name}: {_time(limit)}" for name, limit in needed.targets_s.items())
    return f"""\
# A first scenario of your own. Change it, then: loadbank validate, show, run, headroom, plan.
# Every key: loadbank schema scenario. Names of chips, racks, models, regions: loadbank catalog.
version: 1
name: my-fleet
description: {needed.rate_per_s:g} requests per second of {load.name} on {needed.model}.

topology:
  version: 1
  name: my-site
  regions:
    users: {{lat: 50.1, lon: 8.7}}            # where requests come from
  sites:
    main:
      kind: metro
      lat: 50.1
      lon: 8.6
      region_data: {needed.region}          # price, carbon and climate of the catalogue
      halls:
        hall:
          rows:
            row-1:
              racks: {{type: {fleet.rack}, count: {fleet.racks}}}
  links:
    - {{from: users, to: main, latency: 5 ms}}

tiers:
  users:
    slo: {{{targets}}}
    target: {100.0 * needed.share:g} %                   # of the requests that are to meet it

traffic:
  load:
    model: {needed.model}
    regions: {{users: 100 %}}
    tiers: {{users: 100 %}}
{_traffic(needed)}
pools:
  main:
    site: main
    model: {needed.model}
    tensor_parallel: {fleet.tensor_parallel}                  # accelerators of a replica
    replicas: {fleet.replicas}                        # {fleet.share:.0%} of capacity

routing: {{policy: least-loaded}}
facility: {{}}                            # cooling, losses and climate; see docs/facility.md
run: {_run(needed)}
"""


def study_text(needed: Requirements, fleet: Fleet) -> str:
    """Return a study that asks how many replicas hold the target at how much load."""
    counts = sorted({max(1, round(fleet.replicas * part)) for part in (0.6, 0.8, 1.0, 1.25)})
    rates = [f"{needed.rate_per_s * part:g} req/s" for part in (0.5, 1.0, 1.5)]
    scales = [0.5, 1.0, 1.5]
    path = "traffic.load.trace.scale" if needed.trace else "traffic.load.arrivals.rate"
    values = scales if needed.trace else rates
    racks = math.ceil(max(counts) / max(1, fleet.replicas) * fleet.racks)
    return f"""\
# How many replicas hold the target, and through how much load? loadbank sweep study.yaml
version: 1
name: my-study
description: How many replicas hold the target, and through how much load?
base: ./scenario.yaml
sweep:
  grid:
    {path}: [{", ".join(str(value) for value in values)}]
    pools.main.replicas: {counts}
    topology.sites.main.halls.hall.rows.row-1.racks.count: [{racks}]
metrics:
  - sla.users.attainment
  - latency.tiers.users.ttft_s.p99
  - ledger.usd_per_mtoken
  - energy.j_per_output_token
replications: 4
"""


def _run(needed: Requirements) -> str:
    """Return how long the first run is; a trace decides for itself."""
    if needed.trace:
        return "{warmup: 0 s}"
    duration_s = max(SECONDS_LEAST, 60.0 * math.ceil(REQUESTS / needed.rate_per_s / 60.0))
    return f"{{duration: {duration_s:g} s, warmup: {0.1 * duration_s:g} s}}"


def _traffic(needed: Requirements) -> str:
    load = needed.workload
    if needed.trace:
        return (
            f"    trace: {{path: {needed.trace}}}            # arrivals and lengths as recorded\n"
        )
    return f"""\
    arrivals: {{process: gamma, rate: {needed.rate_per_s:g} req/s, cv: {load.cv:g}}}
    lengths:                              # tokens of prompts and answers
      lognormal:
        input: {{mean: {load.input_tokens} tokens, cv: {load.cv:g}}}
        output: {{mean: {load.output_tokens} tokens, cv: {load.cv:g}}}
"""


def _data(needed: Requirements, fleet: Fleet) -> Any:
    """Return the scenario as data, as it will be read."""
    return parse_document(scenario_text(needed, fleet), "scenario.yaml").data


def _rack(chip: str, catalog: Catalog) -> str:
    racks = catalog.racks.items()
    mine = [name for name, rack in racks if catalog.nodes[rack.node].accelerator == chip]
    if not mine:
        expected = "a chip that a rack type of the catalogue has"
        raise ScenarioError([Problem("requirements", repr(chip), expected)])
    return mine[0]


def _time(seconds: float) -> str:
    return render(seconds, TIME)
