"""How far the answer of a plan could be off because the numbers behind it are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.execution.point import Point, override_texts
from sim.experiment.execution.task import Task, perform
from sim.experiment.plan.judge import Judge
from sim.experiment.plan.screen import PRICE
from sim.experiment.plan.survey import survey_scenarios
from sim.experiment.sensitivity.uncertain import (
    Uncertain,
    around,
    places,
    rank_correlations,
    spread_interval,
    uncertain_inputs,
    values_at,
)
from sim.experiment.statistics.intervals import Interval
from sim.experiment.statistics.numbers import numbers_of
from sim.experiment.statistics.stopping import Sample

if TYPE_CHECKING:
    import pandas as pd

REPLICATIONS = 2  # per sample, with common random numbers
DRIVERS = 5  # inputs that are named per number
NOTABLE = 0.3  # rank correlation below which an input is not named
CHANCE = 2.0  # times 1 / sqrt(samples - 1): what chance alone gives one time in twenty


@dataclass(frozen=True, slots=True)
class InputSpread:
    """The chosen fleet under other values of its uncertain inputs.

    Attributes:
        inputs: how many numbers are uncertain.
        samples: how often all of them were drawn.
        intervals: median and central 95 % of each constraint's number and of each objective.
        holds: share of the samples in which each constraint holds, in their order.
        all_hold: share in which all do.
        drivers: what moves each number most: metric, path, kind, correlation (of ranks).
    """

    inputs: int
    samples: int
    intervals: Mapping[str, Interval]
    holds: tuple[float, ...]
    all_hold: float
    drivers: pd.DataFrame


def input_spread(
    judge: Judge, candidate: int, samples: int, rents: Mapping[str, float]
) -> InputSpread | None:
    """Run a fleet with samples of its uncertain inputs; None where nothing is uncertain.

    Args:
        judge: knows the fleet.
        candidate: the fleet.
        samples: how many.
        rents: rents that the study gives, which are not uncertain [USD/h].
    """
    changes = judge.space.changes_of(candidate)
    inputs = uncertain_inputs(judge.base, override_texts(changes), rents=judge.prices is not None)
    if not inputs:
        return None
    unit = places(len(inputs), samples, judge.seed)
    drawn = [changes | values_at(inputs, row) for row in unit]
    numbers = _numbers(judge, candidate, drawn, rents)
    metrics = dict.fromkeys((*judge.objectives, *(bound.metric for bound in judge.bounds)))
    columns = {}
    for metric in metrics:
        values = [each.get(metric, float("nan")) for each in numbers]
        before = float(np.mean(judge.values(candidate, metric)[:REPLICATIONS]))
        columns[metric] = around(values, before, judge.cost(candidate, metric))
    held = np.array([[b.violation(v) <= 0.0 for v in columns[b.metric]] for b in judge.bounds])
    return InputSpread(
        len(inputs),
        samples,
        {metric: spread_interval(values) for metric, values in columns.items()},
        tuple(float(row.mean()) for row in held),
        float(held.all(axis=0).mean()),
        _drivers(inputs, unit, columns),
    )


def _numbers(
    judge: Judge, candidate: int, drawn: Sequence[Mapping[str, Any]], rents: Mapping[str, float]
) -> list[Sample]:
    """Return the mean over replications of every number, by sample."""
    tasks = [
        Task(judge.base, Point(candidate, changes, judge.seed, r, ""), None, (), judge.run)
        for changes in drawn
        for r in range(REPLICATIONS)
    ]
    futures = [judge.executor.submit(perform, task) for task in tasks]
    found = [numbers_of(future.result().summary) for future in futures]
    means = []
    for at, changes in enumerate(drawn):
        runs = found[at * REPLICATIONS : (at + 1) * REPLICATIONS]
        names = dict.fromkeys(name for each in runs for name in each)
        mean = {n: float(np.mean([each.get(n, np.nan) for each in runs])) for n in names}
        if judge.prices is not None:
            (survey,) = survey_scenarios(judge.base, [override_texts(changes)], rents)
            known = [pool.rent_usd_per_h or 0.0 for pool in survey.pools.values()]
            mean[PRICE] = float(sum(known))
        means.append(mean)
    return means


def _drivers(
    inputs: Sequence[Uncertain], unit: Any, columns: Mapping[str, Sequence[float]]
) -> pd.DataFrame:
    import pandas as pd

    kinds = {each.path: each.kind for each in inputs}
    rows = []
    for metric, values in columns.items():
        if not np.isfinite(values).all():
            continue
        ranked = list(rank_correlations(inputs, unit, values).items())[:DRIVERS]
        rows += [
            {"metric": metric, "path": path, "kind": kinds[path], "correlation": correlation}
            for path, correlation in ranked
            if abs(correlation) >= max(NOTABLE, CHANCE / math.sqrt(len(values) - 1))
        ]
    return pd.DataFrame(rows, columns=["metric", "path", "kind", "correlation"])
