"""One study of what an answer depends on: tornado, Monte Carlo and Sobol indices together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, Problem
from sim.experiment.execution.executor import open_executor
from sim.experiment.execution.point import override_texts
from sim.experiment.execution.task import Run, simulate_scenario
from sim.experiment.sensitivity.sensitivity import (
    Ranges,
    TwoIntervals,
    columns_of,
    sobol_design,
    sobol_indices,
    tornado,
    tornado_points,
)
from sim.experiment.sensitivity.uncertain import (
    Uncertain,
    draws,
    given_inputs,
    spread_interval,
    uncertain_inputs,
)
from sim.experiment.statistics.intervals import replication_interval
from sim.experiment.statistics.numbers import matching
from sim.experiment.study.study import find_scenario
from sim.experiment.study.sweep import SweepResult, sweep
from sim.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema.scenario import Scenario

TOP = 6  # inputs that get Sobol indices, which cost many runs each


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What numbers of a scenario depend on.

    Attributes:
        inputs: what is uncertain.
        metrics: the numbers that were asked for.
        intervals: each number with both of its intervals.
        tornado: a row per number and input: metric, path, kind, low_end, high_end, value_low,
            value_high, swing with low and high, verdict; the widest swing of a number first.
        sobol: metric, path, first_order and total of the inputs with the widest swings; empty
            unless asked for.
        result: the runs: the middle of all inputs, then the tornado, then the samples.
    """

    inputs: tuple[Uncertain, ...]
    metrics: tuple[str, ...]
    intervals: Mapping[str, TwoIntervals]
    tornado: pd.DataFrame
    sobol: pd.DataFrame
    result: SweepResult


def sensitivity(  # noqa: PLR0913 - what a study of one question needs to know
    scenario: str | Path | Scenario,
    metrics: Sequence[str],
    *,
    ranges: Ranges | None = None,
    kinds: Collection[str] = (),
    samples: int = 32,
    replications: int = 3,
    sobol: int = 0,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    out: str | Path | Workspace | None = None,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
) -> Sensitivity:
    """Vary the uncertain numbers behind a scenario and return what that does to its results.

    Args:
        scenario: a scenario, its file, or the name of a shipped experiment.
        metrics: dotted names in the summary, ``*`` for any part.
        ranges: low and high end of numbers of the scenario, by dotted path; without it the
            catalogue numbers that the scenario uses, and the step times of its pools.
        kinds: kinds of those numbers; guess, analyst and vendor by default.
        samples: Monte Carlo samples over all inputs at once.
        replications: runs per sample, with common random numbers.
        sobol: samples for Sobol indices of the `TOP` inputs, a power of two; none by default.
        overrides: changes to the scenario by dotted path.
        seed: seed of runs and samples.
        out: folder for the runs, which a second call finds again.
        executor: where they run, see `sim.experiment.execution.executor.open_executor`.
        run: what runs a scenario.

    Raises:
        ScenarioError: the scenario or a range is wrong.
        InputError: nothing is uncertain, or there is no such number.
    """
    base, changes = find_scenario(scenario), dict(overrides or {})
    inputs: list[Uncertain] = (
        given_inputs(ranges) if ranges else uncertain_inputs(base, override_texts(changes), kinds)
    )
    if not inputs:
        expected = "ranges, or a scenario that uses numbers with a range"
        raise InputError([Problem("inputs", "none", expected)])
    ends = {each.path: (each.at(0.0), each.at(1.0)) for each in inputs}
    middle = {each.path: each.at(0.5) for each in inputs} | {"label": "middle"}
    points = [middle, *tornado_points(ends), *draws(inputs, samples, seed)]
    study = {
        "name": "sensitivity",
        "base": str(base),
        "set": changes,
        "replications": replications,
        "seed": seed,
    }
    with open_executor(executor) as opened:
        result = sweep(study | {"sweep": {"list": points}}, out, executor=opened, run=run)
        names = _names(result, metrics)
        moved = _tornado(result, inputs, ends, names)
        indices = [
            _sobol(study, _widest(moved, metric, inputs), metric, sobol, opened, run)
            for metric in names
            if sobol
        ]
    return Sensitivity(
        tuple(inputs),
        tuple(names),
        {name: _both(result, name, 1 + 2 * len(inputs)) for name in names},
        moved,
        _together(indices),
        result,
    )


def _names(result: SweepResult, metrics: Sequence[str]) -> list[str]:
    described = {"variant", "label", "replication", "status", "error"}
    numbers = [name for name in result.runs.columns if name not in described]
    names = matching(numbers, metrics) if metrics else []
    if not names:
        got = ", ".join(metrics) or "none"
        expected = "numbers of the summary, such as latency.all.ttft_s.p99"
        raise InputError([Problem("metric", got, expected)])
    return [name for name in names if result.runs[name].notna().any()]


def _both(result: SweepResult, metric: str, first_sample: int) -> TwoIntervals:
    """Return the sampling interval at the middle of the inputs, and that of the inputs."""
    columns = columns_of(result, metric)
    means = [float(column.mean()) for column in columns[first_sample:]]
    return TwoIntervals(replication_interval(columns[0]), spread_interval(means))


def _tornado(
    result: SweepResult, inputs: Sequence[Uncertain], ends: Ranges, metrics: Sequence[str]
) -> pd.DataFrame:
    kinds = {each.path: each.kind for each in inputs}
    tables = []
    for metric in metrics:
        table = tornado(result, ends, metric, first=1)
        table.insert(0, "metric", metric)
        table.insert(2, "kind", [kinds[path] for path in table["path"]])
        tables.append(table)
    return _together(tables)


def _widest(moved: pd.DataFrame, metric: str, inputs: Sequence[Uncertain]) -> list[Uncertain]:
    table = moved[(moved["metric"] == metric) & (moved["swing"] != 0.0)]
    by_path = {each.path: each for each in inputs}
    return [by_path[path] for path in table["path"].head(TOP)]


def _sobol(
    study: Mapping[str, Any],
    inputs: Sequence[Uncertain],
    metric: str,
    samples: int,
    executor: Executor,
    run: Run,
) -> pd.DataFrame:
    """Return the indices of some inputs, the others at their middle."""
    import pandas as pd

    if not inputs:
        return pd.DataFrame(columns=["metric", "path", "first_order", "total"])
    design = sobol_design(inputs, samples)
    points = {"sweep": {"list": [dict(point) for point in design.points]}}
    result = sweep({**study, **points}, executor=executor, run=run)
    values = [float(column.mean()) for column in columns_of(result, metric)]
    table = sobol_indices(design, np.array(values))
    table.insert(0, "metric", metric)
    return table


def _together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    if not tables:
        return pd.DataFrame(columns=["metric", "path", "first_order", "total"])
    return pd.concat(tables, ignore_index=True)
