"""What a worker does with one point: load, simulate, keep, answer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import EnvironmentLimitError, LoadbankError
from sim.experiment.execution.point import Point, override_texts
from sim.experiment.execution.run_folders import (
    FAILURE,
    SUMMARY,
    Outcome,
    write_json,
    written_aside,
)

Run = Callable[[Path, Sequence[str], int, int], Any]
"""Runs a scenario file with overrides, seed and replication, and returns a `sim.Result`."""
Page = Callable[[Any, Path], Any]
"""Writes the page of a `sim.Result` to a path, such as `sim.report.write_report`."""


@dataclass(frozen=True, slots=True)
class Task:
    """A point and what has to be known to run it anywhere.

    Attributes:
        base: the scenario file.
        point: what to run.
        folder: folder of this run, None to write nothing.
        keep: parts of the result to keep beside the summary.
        run: what runs it; a function that workers can import.
        page: what writes the page of a run, where one is kept; a function that workers can import.
    """

    base: Path
    point: Point
    folder: Path | None
    keep: tuple[str, ...]
    run: Run
    page: Page | None = None


def simulate_scenario(base: Path, overrides: Sequence[str], seed: int, replication: int) -> Any:
    """Load a scenario with overrides and simulate one replication of it."""
    from sim.load import load_scenario
    from sim.simulate import simulate

    scenario = load_scenario(base, overrides=list(overrides))
    return simulate(scenario, seed=seed, replication=replication)


def perform(task: Task) -> Outcome:
    """Run a point; a failure is an outcome too, so that one bad point does not end a study."""
    start = time.perf_counter()
    settled = True
    try:
        result = task.run(
            task.base,
            override_texts(task.point.changes),
            task.point.seed,
            task.point.replication,
        )
        outcome = Outcome(dict(result.summary), wall_s=time.perf_counter() - start)
    except Exception as error:
        outcome = Outcome(error=_said(error), wall_s=time.perf_counter() - start)
        result, settled = None, _of_the_input(error)
    if task.folder is not None and settled:
        _keep(task, outcome, result)
    return outcome


def failed(error: BaseException) -> Outcome:
    """Return the outcome of a point whose worker could not even answer."""
    return Outcome(error=_said(error))


def _of_the_input(error: Exception) -> bool:
    """Return whether the same point would fail again: then its failure is kept, too."""
    return isinstance(error, LoadbankError) and not isinstance(error, EnvironmentLimitError)


def _said(error: BaseException) -> str:
    if isinstance(error, LoadbankError):
        return str(error)
    places = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{where}"


def _keep(task: Task, outcome: Outcome, result: Any) -> None:
    if task.folder is None:
        return
    with written_aside(task.folder) as folder:
        if outcome.error:
            write_json(folder / FAILURE, {"error": outcome.error, **_described(task.point)})
            return
        _keep_parts(result, folder, task)
        write_json(folder / "point.json", _described(task.point))
        write_json(folder / SUMMARY, outcome.summary)


def _keep_parts(result: Any, folder: Path, task: Task) -> None:
    for part in ("requests", "series"):
        if part in task.keep:
            getattr(result, part).to_parquet(folder / f"{part}.parquet", index=False)
    if "report" in task.keep and task.page is not None:
        task.page(result, folder / "report.html")


def _described(point: Point) -> Mapping[str, Any]:
    return {"changes": dict(point.changes), "seed": point.seed, "replication": point.replication}
