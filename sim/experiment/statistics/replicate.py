"""One scenario, several independent replications: every number with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ModelLimitError
from sim.experiment.execution.point import override_texts
from sim.experiment.execution.task import Run, simulate_scenario
from sim.experiment.sensitivity.uncertain import around, draws, spread_interval, uncertain_inputs
from sim.experiment.statistics.intervals import Interval, interval_of
from sim.experiment.statistics.numbers import numbers_of
from sim.experiment.statistics.stopping import Precision
from sim.experiment.study.study import find_scenario
from sim.experiment.study.sweep import SweepResult, sweep

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.schema.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Replicated:
    """What the replications of one scenario found.

    Attributes:
        summary: the keys of summary.json with ``{value, ci95, n, method}`` for every number, and
            ``inputs95`` where the inputs were varied too.
        runs: a row per replication with every number by its dotted name.
        result: the study behind it.
    """

    summary: dict[str, Any]
    runs: pd.DataFrame
    result: SweepResult

    def interval(self, name: str) -> Interval:
        """Return the interval of a number by its dotted name."""
        return interval_of(name, self.runs[name].to_numpy(float))


def replicate(  # noqa: PLR0913 - what a study of one scenario needs to know
    scenario: str | Path | Scenario,
    replications: int | Precision = 10,
    *,
    metrics: Sequence[str] = (),
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    uncertain: int = 0,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
) -> Replicated:
    """Run independent replications of a scenario.

    Args:
        scenario: a scenario, its file, or the name of a shipped experiment.
        replications: how many, or the precision at which to stop.
        metrics: dotted names (``*`` stands for anything) that have to reach that precision.
        seed: seed that all replications share; each is an independent family of streams.
        overrides: changes to the scenario by dotted path.
        uncertain: samples of the uncertain numbers behind the scenario (see
            `sim.experiment.sensitivity.uncertain`), for an interval beside that of sampling;
            none by default.
        out: folder for the runs, which a second call finds again.
        executor: where they run, see `sim.experiment.execution.executor.open_executor`.
        run: what runs a scenario.

    Raises:
        ScenarioError: the scenario or a change to it is wrong.
        ModelLimitError: no replication succeeded; the text has the first reason.
    """
    rule: Any = replications
    if isinstance(replications, Precision):
        rule = {"least": replications.least, "most": replications.most}
        rule["half_width"] = replications.relative
    study = {
        "name": "replications",
        "base": str(find_scenario(scenario)),
        "set": dict(overrides or {}),
        "replications": rule,
        "metrics": list(metrics),
        "seed": seed,
    }
    result = sweep(study, out, executor=executor, run=run)
    good = result.runs[result.runs["status"] == "completed"]
    if good.empty:
        raise ModelLimitError(f"no replication succeeded: {result.runs['error'].iloc[0]}")
    summaries = result.summaries()
    spreads = _spreads(study, uncertain, summaries, executor, run) if uncertain else {}
    return Replicated(with_intervals(summaries, spreads), good, result)


def _spreads(
    study: Mapping[str, Any],
    samples: int,
    before: Sequence[Mapping[str, Any]],
    executor: str | Executor,
    run: Run,
) -> dict[str, Interval]:
    """Return the spread of every number over samples of the inputs, one run each."""
    base = find_scenario(study["base"])
    inputs = uncertain_inputs(base, override_texts(study["set"]))
    if not inputs:
        return {}
    points = {"sweep": {"list": draws(inputs, samples, study["seed"])}, "replications": 1}
    varied = sweep({**study, **points}, executor=executor, run=run)
    numbers = [numbers_of(summary) for v in range(samples) for summary in varied.summaries(v)]
    names = dict.fromkeys(name for each in numbers for name in each)
    plain = [numbers_of(summary) for summary in before]
    found = {}
    for name in names:
        values = [each.get(name, float("nan")) for each in numbers]
        known = [each.get(name, float("nan")) for each in plain]
        if all(math.isfinite(value) for value in (*values, *known)):
            found[name] = spread_interval(around(values, known[0], sum(known) / len(known)))
    return found


def with_intervals(
    summaries: Sequence[Mapping[str, Any]], spreads: Mapping[str, Interval] | None = None
) -> dict[str, Any]:
    """Return the first summary with every measured number replaced by its interval over all.

    Args:
        summaries: of the replications of one scenario, at least one.
        spreads: of numbers over their uncertain inputs, by dotted name.
    """
    samples = [numbers_of(summary) for summary in summaries]
    intervals = {
        name: interval_of(name, [sample.get(name, float("nan")) for sample in samples])
        for name in samples[0]
    }
    written = {name: interval.as_dict() for name, interval in intervals.items()}
    for name, spread in (spreads or {}).items():
        written.setdefault(name, {})["inputs95"] = spread.as_dict()["ci95"]
    return {key: _replaced(key, value, written) for key, value in summaries[0].items()}


def _replaced(name: str, value: Any, written: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(f"{name}.{key}", item, written) for key, item in value.items()}
    return written.get(name, value)
