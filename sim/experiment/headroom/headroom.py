"""How much more traffic a scenario takes until the first limit breaks, and which one that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ModelLimitError
from sim.experiment.execution.executor import open_executor
from sim.experiment.execution.point import override_texts
from sim.experiment.execution.stored import StoredRun
from sim.experiment.execution.task import Run, simulate_scenario
from sim.experiment.headroom.knee import Curve, Limit, Margins, explore, margins_of
from sim.experiment.sensitivity.uncertain import around, draws, spread_interval, uncertain_inputs
from sim.experiment.statistics.intervals import Interval, replication_interval
from sim.experiment.study.study import find_scenario

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Stream:
    """How the traffic of one workload is scaled: a dotted path, its value today, its unit."""

    path: str
    value: float
    unit: str = ""

    def at(self, scale: float) -> Mapping[str, Any]:
        """Return the change that multiplies this workload."""
        number = self.value * scale
        return {self.path: f"{number!r} {self.unit}" if self.unit else number}


@dataclass(frozen=True, slots=True)
class BreakingPoint:
    """Where one limit breaks.

    Attributes:
        limit: what breaks.
        scale: factor on today's traffic at which it does, with its interval; inf where it holds as
            far as the search went.
        inputs: median and central 95 % of the factor over samples of the uncertain numbers behind
            the scenario, if that was asked for.
    """

    limit: Limit
    scale: Interval
    inputs: Interval | None = None


@dataclass(frozen=True, slots=True)
class Headroom:
    """What a search for headroom found.

    Attributes:
        breaking: the limits in the order in which they break.
        curve: the knee plot: a row per replication, scale and limit with the margin left, as a
            share of the limit (below 0 it is broken).
    """

    breaking: tuple[BreakingPoint, ...]
    curve: pd.DataFrame

    @property
    def first(self) -> BreakingPoint:
        """The limit that breaks first."""
        return self.breaking[0]


@dataclass(frozen=True, slots=True)
class Search:
    """What one replication of the search needs to know."""

    base: Path
    streams: tuple[Stream, ...]
    seed: int
    tolerance: float
    greatest: float
    run: Run
    changes: Mapping[str, Any] = field(default_factory=dict)


def headroom(  # noqa: PLR0913 - what a search needs to know
    scenario: str | Path | Scenario,
    *,
    replications: int = 5,
    tolerance: float = 0.02,
    greatest: float = 32.0,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    uncertain: int = 0,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
    streams: Sequence[Stream] | None = None,
) -> Headroom:
    """Find the factor on all traffic at which each SLO target, power and cooling limit breaks.

    Each replication is searched on its own, with the same random numbers at every factor, so the
    spread of its answers is the interval of the answer.

    Args:
        scenario: a scenario, its file, or the name of a shipped experiment.
        replications: independent searches.
        tolerance: relative width to which each breaking point is bracketed.
        greatest: factor at which the search ends.
        seed: seed of all replications.
        overrides: changes to the scenario by dotted path.
        uncertain: samples of the uncertain numbers behind the scenario, each searched once; none
            by default.
        out: folder for the runs, which a second call finds again; none are kept without it.
        executor: where the replications run.
        run: what runs a scenario.
        streams: what is scaled; all traffic of the scenario by default.

    Raises:
        ScenarioError: the scenario is wrong.
        ModelLimitError: it states no target and no limit, or a run failed.
    """
    import pandas as pd

    base = find_scenario(scenario)
    changes = dict(overrides or {})
    if out is not None:
        run = StoredRun(run, base, Path(out))
    scaled = tuple(streams if streams is not None else traffic_streams(base, changes))
    search = Search(base, scaled, seed, tolerance, greatest, run, changes)
    inputs = uncertain_inputs(base, override_texts(changes)) if uncertain else []
    drawn = draws(inputs, uncertain, seed) if inputs else []
    others = [replace(search, changes=changes | each) for each in drawn]
    with open_executor(executor) as opened:
        futures = [opened.submit(search_replication, search, r) for r in range(replications)]
        samples = [opened.submit(search_replication, other, 0) for other in others]
        curves = [future.result() for future in futures]
        sampled = [future.result() for future in samples]
    limits = list(dict.fromkeys(limit for curve in curves for limit in curve.limits))
    if not limits:
        raise ModelLimitError("the scenario has no SLO target and no power limit that could break")
    found = (
        BreakingPoint(limit, _interval(limit, curves), _over_inputs(limit, sampled, curves))
        for limit in limits
    )
    rows = [{"replication": r} | row for r, curve in enumerate(curves) for row in curve.rows()]
    return Headroom(tuple(sorted(found, key=lambda each: each.scale.value)), pd.DataFrame(rows))


def search_replication(search: Search, replication: int) -> Curve:
    """Return the margins that one replication found on its way to every breaking point."""

    def margins(scale: float) -> Margins:
        scaled = {path: v for stream in search.streams for path, v in stream.at(scale).items()}
        texts = override_texts({**search.changes, **scaled})
        result = search.run(search.base, texts, search.seed, replication)
        return margins_of(result.summary)

    return explore(margins, search.tolerance, search.greatest)


def traffic_streams(base: Path, changes: Mapping[str, Any] | None = None) -> list[Stream]:
    """Return how the traffic of a scenario is scaled: rates of generators, scales of traces.

    Raises:
        ModelLimitError: a workload has neither.
    """
    from sim.load import load_scenario

    streams = []
    for name, workload in load_scenario(base, override_texts(changes or {})).traffic.items():
        rate = getattr(workload.arrivals, "rate_per_s", None)
        if workload.trace is not None:
            streams.append(Stream(f"traffic.{name}.trace.scale", workload.trace.scale))
        elif rate is not None:
            streams.append(Stream(f"traffic.{name}.arrivals.rate", rate, "req/s"))
        else:
            raise ModelLimitError(f"traffic.{name}: its arrivals have no rate that could be scaled")
    return streams


def _over_inputs(
    limit: Limit, sampled: Sequence[Curve], curves: Sequence[Curve]
) -> Interval | None:
    """Return the spread of a breaking point over samples of the inputs, None without any."""
    if not sampled:
        return None
    scales = sorted(curve.break_scale(limit) for curve in sampled)
    known = [curve.break_scale(limit) for curve in curves]
    if all(math.isfinite(scale) for scale in (*scales, *known)):
        return spread_interval(around(scales, known[0], sum(known) / len(known)))
    return Interval(scales[len(scales) // 2], scales[0], math.inf, len(scales), "input samples")


def _interval(limit: Limit, curves: Sequence[Curve]) -> Interval:
    scales = [curve.break_scale(limit) for curve in curves]
    if all(math.isfinite(scale) for scale in scales):
        return replication_interval(scales)
    return Interval(math.inf, min(scales), math.inf, len(scales), "replications")
