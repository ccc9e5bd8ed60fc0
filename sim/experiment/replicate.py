"""One scenario, several independent replications: every number with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ModelLimitError
from sim.experiment.intervals import Interval, replication_interval
from sim.experiment.numbers import numbers_of
from sim.experiment.stopping import Precision
from sim.experiment.sweep import SweepResult, sweep
from sim.experiment.task import Run, simulate_scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Replicated:
    """What the replications of one scenario found.

    Attributes:
        summary: the keys of summary.json with ``{value, ci95, n, method}`` for every number.
        runs: a row per replication with every number by its dotted name.
        result: the study behind it.
    """

    summary: dict[str, Any]
    runs: pd.DataFrame
    result: SweepResult

    def interval(self, name: str) -> Interval:
        """Return the interval of a number by its dotted name."""
        return replication_interval(self.runs[name].to_numpy(float))


def replicate(
    scenario: str | Path,
    replications: int | Precision = 10,
    *,
    metrics: Sequence[str] = (),
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
) -> Replicated:
    """Run independent replications of a scenario.

    Args:
        scenario: a scenario file, or the name of a shipped experiment.
        replications: how many, or the precision at which to stop.
        metrics: dotted names (``*`` stands for anything) that have to reach that precision.
        seed: seed that all replications share; each is an independent family of streams.
        overrides: changes to the scenario by dotted path.
        out: folder for the runs, which a second call finds again.
        executor: where they run, see `sim.experiment.executor.open_executor`.
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
        "base": str(scenario),
        "set": dict(overrides or {}),
        "replications": rule,
        "metrics": list(metrics),
        "seed": seed,
    }
    result = sweep(study, out, executor=executor, run=run)
    good = result.runs[result.runs["status"] == "completed"]
    if good.empty:
        raise ModelLimitError(f"no replication succeeded: {result.runs['error'].iloc[0]}")
    return Replicated(with_intervals(result.summaries()), good, result)


def with_intervals(summaries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the first summary with every measured number replaced by its interval over all.

    Args:
        summaries: of the replications of one scenario, at least one.
    """
    samples = [numbers_of(summary) for summary in summaries]
    intervals = {
        name: replication_interval([sample.get(name, float("nan")) for sample in samples])
        for name in samples[0]
    }
    return {key: _replaced(key, value, intervals) for key, value in summaries[0].items()}


def _replaced(name: str, value: Any, intervals: Mapping[str, Interval]) -> Any:
    if isinstance(value, Mapping):
        return {key: _replaced(f"{name}.{key}", item, intervals) for key, item in value.items()}
    return intervals[name].as_dict() if name in intervals else value
