"""An anchor: one cell simulated at the load at which its target just holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sim.collect import collect
from sim.cost.ledger import Entry
from sim.economics.cells import POOL, TIER, Cell, scenario_of
from sim.errors import ScenarioError
from sim.experiment.headroom.knee import Limit, Margins, explore, margins_of
from sim.explain.degree import smallest_degree
from sim.facility.metering.nodes import loaded_racks_w
from sim.pricing import installed, standing_entries
from sim.scenario.schema.economics_study import EconomicsStudy, Pattern
from sim.serving.engine.saturation import saturated_rate_per_s
from sim.serving.queues.pool_model import PoolModel
from sim.simulate import load_scenario
from sim.world import World

FIRST_SHARE = 0.6  # of the estimated capacity at which the search begins
FULL = 0.97  # of the capacity: loads above it only look well because the run is short
TOLERANCE = 0.03  # relative width of the bracket around the load at which the target holds
GREATEST = 4.0
SERVICES = 20.0  # service times that a run lasts at least
SESSIONS = 3.0  # and lengths of a session
LEAST_S, MOST_S = 10.0, 3600.0
WARMUP = 0.25  # of a run
PAUSE_S = 5.0  # of a session between its turns, most of them by tools
KV_ROOM = 32  # requests of mean length that fit a replica's memory at least


@dataclass(frozen=True, slots=True)
class Anchor:
    """What was measured where the target just holds; one entry per replication in tuples.

    Attributes:
        cell: what was simulated.
        why_not: why there is no answer, empty where there is one.
        accelerators: that the simulated replicas use.
        tensor_parallel: of a replica.
        requests_per_s: completed in the window.
        input_tokens_per_s: prompt tokens of them.
        output_tokens_per_s: answer tokens.
        attainment: share of requests within the target.
        ttft_p99_s: 99th percentile of the time to the first token [s].
        e2e_p99_s: of the whole request [s].
        share_of_capacity: load over the capacity without any target [1].
        it_w: power of the racks' part that serves, cooling aside [W].
        rack_w: power of a whole rack that does alike [W].
        idle_w: power of the racks' part while nothing comes [W].
        basis: what step times rest on.
        time_low, time_high: interval of step times, as factors [1].
        standing: entries of the ledger by way to own, without energy.
        rent_usd_per_h: rent of the accelerators, None where unknown [USD/h].
        rated_w: IT power for which the hall around what serves is built [W].
    """

    cell: Cell
    why_not: str = ""
    accelerators: int = 0
    tensor_parallel: int = 0
    requests_per_s: tuple[float, ...] = ()
    input_tokens_per_s: tuple[float, ...] = ()
    output_tokens_per_s: tuple[float, ...] = ()
    attainment: tuple[float, ...] = ()
    ttft_p99_s: tuple[float, ...] = ()
    e2e_p99_s: tuple[float, ...] = ()
    share_of_capacity: tuple[float, ...] = ()
    it_w: tuple[float, ...] = ()
    rack_w: tuple[float, ...] = ()
    idle_w: float = 0.0
    basis: str = ""
    time_low: float = 1.0
    time_high: float = 1.0
    standing: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    rent_usd_per_h: float | None = None
    rated_w: float = 0.0

    def mean_rack_w(self, used: float) -> float:
        """Return the mean power of a whole rack at a share of the load [W], to the watt."""
        idle_w = self.idle_w * self.rack_w[0] / self.it_w[0]
        full_w = sum(self.rack_w) / len(self.rack_w)
        return float(round(idle_w + used * (full_w - idle_w)))

    def as_data(self) -> dict[str, Any]:
        """Return the anchor as JSON values; `from_data` reads them."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Anchor:
        """Return the anchor that `as_data` wrote."""
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in data.items()
        }
        values["cell"] = Cell(**data["cell"])
        values["standing"] = {
            how: tuple(Entry(**entry) for entry in entries)
            for how, entries in data["standing"].items()
        }
        return cls(**values)


def find_anchor(cell: Cell, study: EconomicsStudy) -> Anchor:
    """Return the anchor of a cell: independent searches for the load at which its target holds.

    Args:
        cell: what to simulate.
        study: the study that it belongs to; all cells see the same random numbers.
    """
    try:
        degree = _smallest_degree(cell, study)
    except ScenarioError as error:
        return Anchor(cell, why_not=error.problems[0].expected)
    if not degree:
        return Anchor(cell, why_not="the model does not fit on the accelerators of one group")
    search = _Search(cell, study, degree)
    found = [search.replication(number) for number in range(study.replications)]
    if missing := next((each for each in found if isinstance(each, str)), None):
        return Anchor(cell, why_not=missing)
    looks = [each for each in found if not isinstance(each, str)]
    world = search.world
    numbers = world.pool_numbers[0]
    return Anchor(
        cell,
        accelerators=degree * world.pools[0].replicas,
        tensor_parallel=degree,
        **_by_name(looks),
        idle_w=_rack_w(world, world.replicas[0].engine.idle_w) * _share(world),
        basis=numbers.step_time.basis,
        time_low=numbers.step_time.time_low,
        time_high=numbers.step_time.time_high,
        standing={how: tuple(_standing(search, how)) for how in study.ownership},
        rent_usd_per_h=_rent(search),
        rated_w=_rated_w(search),
    )


def _by_name(looks: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the figures of all replications by their names."""
    return {name: tuple(look[name] for look in looks) for name in looks[0]}


class _Search:
    """One cell with everything that its runs have in common.

    Args:
        cell: what to simulate.
        study: the study.
        degree: accelerators of a replica.
    """

    def __init__(self, cell: Cell, study: EconomicsStudy, degree: int) -> None:
        self._cell, self._study, self._degree = cell, study, degree
        self._pattern = study.patterns[cell.pattern]
        probe = self._world(1.0, LEAST_S, 0.0)
        work = _mean_request(self._pattern)
        numbers = probe.pool_numbers[0]
        per_replica_s, _ = saturated_rate_per_s(numbers, work.new_tokens, work.output_tokens)
        self._capacity_per_s = float(per_replica_s) * probe.pools[0].replicas
        self._rate_per_s = FIRST_SHARE * self._capacity_per_s / work.per_start
        service_s = _service_s(numbers, work)
        # Clumps average out more slowly: the variance of a count grows with the square of the cv.
        requests = study.requests * max(1.0, self._pattern.cv)
        needed_s = [SERVICES * service_s, requests / (self._rate_per_s * work.per_start)]
        if work.per_start > 1.0:
            needed_s.append(SESSIONS * work.per_start * (service_s + PAUSE_S))
        window_s = float(min(max(LEAST_S, *needed_s), MOST_S))
        self._duration_s, self._warmup_s = window_s / (1.0 - WARMUP), window_s * WARMUP
        self._capacity_known = work.per_start == 1.0  # prefix caches move that of sessions
        self._near = 1.0
        self.world = self._world(self._rate_per_s, self._duration_s, self._warmup_s)

    def standing_world(self, cost: Mapping[str, Any], facility: str) -> World:
        """Return the cell with another way to own, not to be run."""
        data = self._data(self._rate_per_s, self._duration_s, self._warmup_s)
        data["pools"][POOL]["cost"] = dict(cost)
        data["economics"]["facility"] = facility
        return World(_loaded(data), self._study.seed)

    def replication(self, number: int) -> dict[str, float] | str:
        """Return the figures of the greatest load at which the target holds, or why none does."""
        figures: dict[float, dict[str, float]] = {}

        def margins(scale: float) -> Margins:
            figures[scale], left = self._look(self._near * scale, number)
            return {Limit("load", POOL, 1.0): left}

        curve = explore(margins, TOLERANCE, GREATEST)
        (limit,) = curve.limits
        broken = [scale for scale, left in curve.margins.items() if left[limit] < 0.0]
        # The greatest load below the first one that breaks: luck above it does not count.
        kept = [scale for scale in curve.margins if scale < min(broken, default=math.inf)]
        if not kept:
            return "no load is small enough for the target: a request alone misses it"
        self._near *= max(kept)  # where the next replication begins to look
        return figures[max(kept)]

    def _look(self, scale: float, replication: int) -> tuple[dict[str, float], float]:
        """Run the cell at a multiple of the first load; return figures and the least margin."""
        rate_per_s = self._rate_per_s * scale
        world = self._world(rate_per_s, self._duration_s, self._warmup_s, replication)
        energy = _EnergyOfArrivals(world)
        world.run(None, None)
        summary = collect(world).summary
        kept = [left for limit, left in margins_of(summary).items() if limit.kind == "sla"]
        figures = _figures(world, summary, self._capacity_per_s, energy.mean_w())
        if self._capacity_known:
            kept.append(1.0 - figures["share_of_capacity"] / FULL)
        return figures, min(kept, default=-1.0)

    def _data(self, rate_per_s: float, duration_s: float, warmup_s: float) -> dict[str, Any]:
        return scenario_of(
            self._cell,
            self._study,
            tensor_parallel=self._degree,
            rate_per_s=rate_per_s,
            duration_s=duration_s,
            warmup_s=warmup_s,
        )

    def _world(
        self, rate_per_s: float, duration_s: float, warmup_s: float, replication: int = 0
    ) -> World:
        scenario = _loaded(self._data(rate_per_s, duration_s, warmup_s))
        return World(scenario, self._study.seed, replication)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a mean request of a pattern is.

    Attributes:
        new_tokens: prompt tokens that no cache holds.
        context_tokens: prompt tokens that a step reads.
        output_tokens: answer.
        per_start: requests of a session, 1 without sessions.
    """

    new_tokens: float
    context_tokens: float
    output_tokens: float
    per_start: float = 1.0


def _mean_request(pattern: Pattern) -> _Work:
    first, answer = float(pattern.input_tokens), float(pattern.output_tokens)
    if pattern.arrivals != "sessions":
        return _Work(first, first, answer)
    turns = float(pattern.turns)
    new = (first + (turns - 1.0) * pattern.new_input_tokens) / turns
    added = pattern.new_input_tokens + answer
    return _Work(new, first + 0.5 * turns * added, answer, turns)


def _service_s(numbers: PoolModel, work: _Work) -> float:
    """Return the time of a mean request on an empty replica [s]."""
    first_s = numbers.step_s(work.new_tokens, 0.0, 0.0, work.new_tokens * work.context_tokens / 2.0)
    step_s = numbers.step_s(0.0, work.context_tokens, 1.0) / numbers.tokens_per_step
    return float(first_s + work.output_tokens * step_s)


def _loaded(data: Mapping[str, Any]) -> Any:
    return load_scenario(data)


class _EnergyOfArrivals:
    """Reads the meter at both ends of the time in which what is measured arrives.

    Args:
        world: that is about to run.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._readings: list[tuple[float, float]] = []
        for when_s in (world.scenario.run.warmup_s, world.arrivals_end_s):
            world.clock.call_at(when_s, self._read)

    def mean_w(self) -> float:
        """Return the mean power of an accelerator that serves, between the readings [W]."""
        (start_s, start_j), (end_s, end_j) = self._readings
        return (end_j - start_j) / (end_s - start_s)

    def _read(self, _event: Any) -> None:
        self._world.flush()
        energy_j = float(self._world.meter.replica_j.mean())
        self._readings.append((self._world.clock.now, energy_j))


def _figures(
    world: World, summary: Mapping[str, Any], capacity_per_s: float, accelerator_w: float
) -> dict[str, float]:
    """Return the figures of a run, by the attributes of `Anchor`."""
    statistics = world.recorder.statistics
    usage = statistics.usage
    latency = summary["latency"]["tiers"][TIER]
    arrivals_s = world.arrivals_end_s - world.scenario.run.warmup_s
    arrived = float(statistics.measured_fates.sum())
    rack_w = _rack_w(world, accelerator_w)
    return {
        "requests_per_s": arrived / arrivals_s,
        "input_tokens_per_s": float(usage.input_tokens.sum()) / arrivals_s,
        "output_tokens_per_s": float(usage.output_tokens.sum()) / arrivals_s,
        "attainment": summary["sla"][TIER]["attainment"] or 0.0,
        "ttft_p99_s": _number(latency["ttft_s"]["p99"]),
        "e2e_p99_s": _number(latency["e2e_s"]["p99"]),
        "share_of_capacity": arrived / arrivals_s / capacity_per_s,
        "it_w": rack_w * _share(world),
        "rack_w": rack_w,
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _rack_w(world: World, accelerator_w: float) -> float:
    """Return the mean power of the rack if all of its accelerators did alike [W].

    Args:
        world: that has run.
        accelerator_w: mean power of each accelerator [W].
    """
    plant = world.plant
    full_w = [float(kind.wall_w(kind.count * accelerator_w)) for kind in plant.node_types]
    nodes_w = np.array(full_w)
    return float(loaded_racks_w(plant, nodes_w[plant.node_type]).sum())


def _share(world: World) -> float:
    """Return the part of the rack's accelerators that the pool uses [1]."""
    serving = world.plant.pool_replicas(0) * world.pool_numbers[0].section.tensor_parallel
    return serving / float(world.plant.node_accelerators.sum())


def _smallest_degree(cell: Cell, study: EconomicsStudy) -> int:
    """Return the least number of accelerators that hold the model and some requests; 0 for none.

    Raises:
        ScenarioError: the cell is wrong for another reason.
    """
    work = _mean_request(study.patterns[cell.pattern])

    def make(degree: int) -> dict[str, Any]:
        return scenario_of(
            cell,
            study,
            tensor_parallel=degree,
            rate_per_s=1.0,
            duration_s=LEAST_S,
            warmup_s=0.0,
        )

    return smallest_degree(make, KV_ROOM * (work.context_tokens + work.output_tokens))


def _standing(search: _Search, how: str) -> list[Entry]:
    """Return capital and upkeep of what serves, by the way to own it."""
    if how == "rented":
        return []
    return standing_entries(search.standing_world({"basis": "owned"}, how))


def _rent(search: _Search) -> float | None:
    """Return the rent of the accelerators that serve [USD/h], None where none is known."""
    numbers = search.world.pool_numbers[0]
    rent = numbers.accelerator.rent_usd_per_h
    degree = numbers.section.tensor_parallel
    return None if rent is None else rent * degree * search.world.pools[0].replicas


def _rated_w(search: _Search) -> float:
    """Return the IT power for which a hall around the accelerators that serve is built [W]."""
    world = search.standing_world({"basis": "owned"}, "owned")
    return float(sum(site.it_w for site in installed(world)))
