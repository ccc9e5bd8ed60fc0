"""From a scenario's traffic section to the stream of requests that a run consumes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sim.errors import InputError, Problem, TraceError
from sim.interfaces import ArrivalBlock, Workload
from sim.rng import Streams
from sim.scenario import schema_traffic as schema
from sim.scenario.schema import Scenario
from sim.traffic.arrivals import ArrivalProcess, GammaRenewal, Poisson
from sim.traffic.demand import Demand, ReplayDemand, SyntheticDemand
from sim.traffic.lengths import (
    ConstantLengths,
    EmpiricalLengths,
    LengthLaw,
    Lognormal,
    LognormalLengths,
)
from sim.traffic.reader import find_trace, read_trace
from sim.traffic.trace import ReadReport, Trace
from sim.traffic.transforms import scale_rate, window
from sim.traffic.workload import NamedWorkload, Shares, merge


@dataclass(frozen=True, slots=True)
class Traffic:
    """All requests of a run; itself a `Workload`.

    Attributes:
        workload: the merged stream.
        model_names: models that are asked for; `ArrivalBlock.model` points into it.
        reports: what the reader did, by workload, for those that replay a trace.
    """

    workload: Workload
    model_names: tuple[str, ...]
    reports: Mapping[str, ReadReport]

    def blocks(self) -> Iterator[ArrivalBlock]:
        """Yield the requests of all workloads in time order."""
        return self.workload.blocks()


def build_workload(scenario: Scenario, streams: Streams) -> Traffic:
    """Return the requests that a scenario asks for.

    Trace files are read here, so everything that is wrong with them is told before the run.

    Args:
        scenario: the validated scenario.
        streams: the run's random streams.

    Raises:
        TraceError: with the problems of all trace files.
    """
    models = tuple(dict.fromkeys(entry.model for entry in scenario.traffic.values()))
    until_s = scenario.run.duration_s or math.inf
    parts: list[Workload] = []
    reports: dict[str, ReadReport] = {}
    problems: list[Problem] = []
    for name, entry in scenario.traffic.items():
        try:
            demand = _demand(scenario, name, entry, streams, until_s)
        except InputError as error:
            problems += error.problems
            continue
        if isinstance(demand, ReplayDemand):
            reports[name] = demand.trace.report
        parts.append(
            NamedWorkload(
                name=name,
                demand=demand,
                model=models.index(entry.model),
                tiers=Shares.of(entry.tiers, tuple(scenario.tiers)),
                regions=Shares.of(entry.regions, tuple(scenario.topology.regions)),
                streams=streams,
                until_s=until_s,
            )
        )
    if problems:
        raise TraceError(problems)
    return Traffic(merge(parts), models, reports)


def _demand(
    scenario: Scenario, name: str, entry: schema.Workload, streams: Streams, until_s: float
) -> Demand:
    where = f"traffic.{name}"
    if entry.trace is not None:
        trace = _replayed(entry.trace, scenario, where, until_s)
        chance = streams.generator("traffic", name, "scaling")
        scaled = scale_rate(trace, entry.trace.scale, entry.trace.method, chance)
        return ReplayDemand(scaled, entry.trace.loop)
    if entry.arrivals is None or entry.lengths is None:
        expected = "either trace, or arrivals and lengths"
        raise TraceError([Problem(where, "no requests", expected)])
    return SyntheticDemand(_arrivals(entry.arrivals), _lengths(entry.lengths, scenario, where))


def _replayed(replay: schema.TraceReplay, scenario: Scenario, where: str, until_s: float) -> Trace:
    path = find_trace(replay.path, scenario.base_dir, f"{where}.trace.path")
    to_s = math.inf if replay.to_s is None else replay.to_s
    if not replay.loop and replay.scale == 1:
        # A short run of a long trace reads no further than it has to.
        to_s = min(to_s, replay.from_s + until_s)
    trace = read_trace(path, replay.format or "", replay.bad_rows, replay.from_s, to_s)
    return window(trace, replay.from_s, to_s)


def _arrivals(arrivals: schema.Arrivals) -> ArrivalProcess:
    if isinstance(arrivals, schema.GammaArrivals):
        return GammaRenewal(arrivals.rate_per_s, arrivals.cv)
    return Poisson(arrivals.rate_per_s)


def _lengths(lengths: schema.Lengths, scenario: Scenario, where: str) -> LengthLaw:
    if lengths.constant is not None:
        return ConstantLengths(lengths.constant.input_tokens, lengths.constant.output_tokens)
    if lengths.lognormal is not None:
        prompt, answer = lengths.lognormal.input, lengths.lognormal.output
        return LognormalLengths(
            Lognormal(prompt.mean_tokens, prompt.cv), Lognormal(answer.mean_tokens, answer.cv)
        )
    path = find_trace(lengths.empirical or "", scenario.base_dir, f"{where}.lengths.empirical")
    return EmpiricalLengths.of(read_trace(path))
