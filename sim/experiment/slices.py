"""A long replay cut into time slices that run side by side and are merged again.

Each slice starts early, by an overlap in which the site fills up and nothing is counted, and runs
on until the last request that arrived in it is answered. Latencies belong to the slice of the
arrival, energy to the slice of the time. What this changes against one long run is measured by
`difference`, not assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, Problem
from sim.experiment.executor import open_executor
from sim.experiment.point import override_texts
from sim.experiment.study import find_scenario
from sim.experiment.task import Run, simulate_scenario
from sim.metrics.quantiles import LogHistogram

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")
LEVELS = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Slice:
    """One stretch of a replay.

    Attributes:
        start_s: where it starts in the replay, without its overlap [s].
        length_s: how long it is [s].
        overlap_s: how much earlier its run starts [s].
    """

    start_s: float
    length_s: float
    overlap_s: float


@dataclass(frozen=True, slots=True)
class Portion:
    """What one slice adds to the whole.

    Attributes:
        statuses: requests by fate.
        energy_j: IT energy of the stretch [J].
        latencies: histogram of each latency by ``TIER.NAME`` (and ``all.NAME``) as bucket values
            and counts.
    """

    statuses: Mapping[str, int]
    energy_j: float
    latencies: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def cut(from_s: float, to_s: float, slices: int, overlap_s: float) -> list[Slice]:
    """Return equal slices of a replay; an overlap never reaches back before its start.

    Args:
        from_s: start of the replay [s].
        to_s: end of the replay [s].
        slices: how many.
        overlap_s: how much earlier each run starts [s].
    """
    edges = np.linspace(from_s, to_s, slices + 1).tolist()
    return [
        Slice(start, end - start, min(overlap_s, start - from_s)) for start, end in pairwise(edges)
    ]


def replay_in_slices(
    scenario: str | Path,
    to_s: float,
    *,
    slices: int,
    overlap_s: float,
    seed: int = 0,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
) -> dict[str, Any]:
    """Replay the traces of a scenario in slices and return the merged figures.

    A trace at scale 1 has exactly the arrivals of the unsliced run. One that is scaled by shifted
    copies is shifted within each slice, so its arrivals agree in number only on average.

    Args:
        scenario: a scenario file whose traffic is traces only, or a shipped experiment's name.
        to_s: end of the replay, counted in the time of the traces [s].
        slices: how many.
        overlap_s: warm-up of each slice [s].
        seed: seed of every slice; each is a replication of its own.
        executor: where the slices run.
        run: what runs a scenario.

    Raises:
        InputError: some of the traffic is generated, so that it has no stretch to cut out.
    """
    from sim.scenario.load import load_scenario

    base = find_scenario(scenario)
    paths = trace_paths(load_scenario(base))
    with open_executor(executor) as opened:
        futures = [
            opened.submit(run_slice, base, part, paths, seed, number, run)
            for number, part in enumerate(cut(0.0, to_s, slices, overlap_s))
        ]
        return merged([future.result() for future in futures])


def trace_paths(scenario: Scenario) -> tuple[str, ...]:
    """Return the dotted path of each trace of a scenario.

    Raises:
        InputError: some of the traffic is generated, or a trace starts again when it ends.
    """
    problems = [
        Problem(f"traffic.{name}", "generated or looped traffic", "a trace that is replayed once")
        for name, workload in scenario.traffic.items()
        if workload.trace is None or workload.trace.loop
    ]
    if problems:
        raise InputError(problems)
    return tuple(f"traffic.{name}.trace" for name in scenario.traffic)


def run_slice(
    base: Path, part: Slice, paths: Sequence[str], seed: int, number: int, run: Run
) -> Portion:
    """Run one slice and return its portion.

    Args:
        base: the scenario file.
        part: the stretch.
        paths: dotted path of each trace.
        seed: seed of the run.
        number: which slice it is; its random streams are those of this replication.
        run: what runs a scenario.
    """
    begin_s, end_s = part.start_s - part.overlap_s, part.start_s + part.length_s
    changes: dict[str, Any] = {
        "run.warmup": f"{part.overlap_s!r} s",
        "run.duration": f"{end_s - begin_s!r} s",
        "run.drain": True,
    }
    for path in paths:
        changes |= {f"{path}.from": f"{begin_s!r} s", f"{path}.to": f"{end_s!r} s"}
    result = run(base, override_texts(changes), seed, number)
    return portion(result, part.overlap_s, part.overlap_s + part.length_s)


def portion(result: Any, start_s: float, end_s: float) -> Portion:
    """Return what a run's arrivals and power between two instants add to the whole.

    Args:
        result: a `sim.Result`.
        start_s: first instant that counts [s].
        end_s: first instant that no longer counts [s].
    """
    columns = ("arrival_s", "tier", "status", *LATENCIES)
    requests = result.request_columns(*columns)
    inside = (requests["arrival_s"] >= start_s) & (requests["arrival_s"] < end_s)
    requests = requests[inside]
    groups = [("all", requests), *requests.groupby("tier", observed=True)]
    latencies = {}
    for name, group in groups:
        for column in LATENCIES:
            values = group[column].to_numpy(float)
            histogram = LogHistogram()
            histogram.add(values[~np.isnan(values)])
            latencies[f"{name}.{column}"] = histogram.to_arrays()
    statuses = {str(key): int(n) for key, n in requests["status"].value_counts().items() if n}
    return Portion(statuses, energy_j(result.series, start_s, end_s), latencies)


def energy_j(series: Any, start_s: float, end_s: float) -> float:
    """Return the IT energy of all sites between two instants; bins that are cut count in part [J].

    Args:
        series: table of a run.
        start_s: first instant that counts [s].
        end_s: first instant that no longer counts [s].
    """
    total = 0.0
    for _, site in series[series["kind"] == "site"].groupby("name", observed=True):
        starts = site["time_s"].to_numpy(float)
        power = site["power_w"].to_numpy(float)
        if len(starts) < 2:
            continue
        ends = np.append(starts[1:], 2 * starts[-1] - starts[-2])
        inside = np.clip(np.minimum(ends, end_s) - np.maximum(starts, start_s), 0.0, None)
        total += float(np.nansum(power * inside))
    return total


def merged(portions: Sequence[Portion]) -> dict[str, Any]:
    """Return counts, energy and latencies of all portions together, keyed as in summary.json."""
    histograms: dict[str, LogHistogram] = {}
    statuses: dict[str, int] = {}
    for part in portions:
        for status, count in part.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        for name, arrays in part.latencies.items():
            histograms.setdefault(name, LogHistogram()).merge(LogHistogram.from_arrays(*arrays))
    latency: dict[str, Any] = {"all": {}, "tiers": {}}
    for name, histogram in histograms.items():
        tier, _, column = name.rpartition(".")
        place = latency["all"] if tier == "all" else latency["tiers"].setdefault(tier, {})
        if histogram.count:
            found = histogram.quantiles(list(LEVELS.values())).tolist()
            place[column] = dict(zip(LEVELS, found, strict=True)) | {"n": histogram.count}
    energy_kwh = sum(part.energy_j for part in portions) / JOULES_PER_KWH
    requests = {"arrived": sum(statuses.values()), **statuses}
    return {"requests": requests, "latency": latency, "energy": {"it_kwh": energy_kwh}}


def difference(sliced: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, float]:
    """Return by how much each number of the slices differs from the unsliced run, relatively."""
    from sim.experiment.numbers import numbers_of

    ours, theirs = numbers_of(sliced), numbers_of(whole)
    return {
        name: value / theirs[name] - 1.0
        for name, value in ours.items()
        if theirs.get(name) and not name.endswith(".n")
    }
