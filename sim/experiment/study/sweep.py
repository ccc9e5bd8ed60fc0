"""Runs a study: every variant as often as it takes, on any executor, and never twice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError, Problem
from sim.experiment.execution.executor import open_executor, workers_of
from sim.experiment.execution.point import Fingerprints, Point, point_key, program_version
from sim.experiment.execution.run_folders import Outcome, forget, read_outcome, run_folder
from sim.experiment.execution.task import Page, Run, Task, failed, perform, simulate_scenario
from sim.experiment.statistics.numbers import matching, numbers_of
from sim.experiment.statistics.stopping import Precision, next_size
from sim.experiment.study import results_table
from sim.experiment.study.check import check_variants
from sim.experiment.study.design import Variant, expand
from sim.experiment.study.study import LoadedStudy, load_study
from sim.workspace import Workspace, workspace

if TYPE_CHECKING:
    import pandas as pd

QUEUED_PER_WORKER = 3  # keeps workers busy while answers are booked


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is.

    Attributes:
        done: runs with an outcome, found or made.
        planned: runs known to be needed so far; sequential stopping may add more.
        found: runs that were there already.
        failed: runs that failed.
        elapsed_s: wall time since the start [s].
    """

    done: int
    planned: int
    found: int
    failed: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a study found.

    Attributes:
        loaded: the study.
        variants: its design.
        runs: a row per run: variant, label, the changed paths, replication, status, error, and
            every number of the summary by its dotted name.
        intervals: a row per variant and number with its 95 % interval.
        timings: wall time of each run, which is never part of a result.
        progress: how many runs were found, made and failed.
        outcomes: the outcome of each run by variant and replication.
    """

    loaded: LoadedStudy
    variants: list[Variant]
    runs: pd.DataFrame
    intervals: pd.DataFrame
    timings: pd.DataFrame
    progress: Progress
    outcomes: results_table.Outcomes

    def summaries(self, variant: int = 0) -> list[Mapping[str, Any]]:
        """Return the summaries of the successful runs of a variant, by replication."""
        runs = self.outcomes.get(variant, {})
        return [outcome.summary for _, outcome in sorted(runs.items()) if not outcome.error]

    @property
    def failures(self) -> pd.DataFrame:
        """The rows of the runs that failed."""
        return self.runs[self.runs["status"] == "failed"]


def sweep(
    study: str | Path | Mapping[str, Any] | LoadedStudy,
    out: str | Path | Workspace | None = None,
    *,
    executor: str | Executor = "processes",
    shard: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    report: Callable[[Progress], None] | None = None,
    run: Run = simulate_scenario,
    page: Page | None = None,
) -> SweepResult:
    """Run a study and return its tables.

    Args:
        study: path of a study file, or a mapping with its keys.
        out: folder for the runs and tables; a second call finds what the first one finished.
            Nothing is written without it.
        executor: where runs take place, see `sim.experiment.execution.executor.open_executor`.
        shard: (i, n) runs the i-th of n equal parts of the design, counted from 1.
        retry_failed: run again what failed before.
        report: is told of the progress after every run.
        run: what runs a scenario; a function that workers can import.
        page: what writes the page of a run, for studies that keep a report; likewise.

    Raises:
        ScenarioError: the study, or a value that it puts into the base scenario, is wrong.
    """
    loaded = study if isinstance(study, LoadedStudy) else load_study(study)
    if "report" in loaded.study.keep and page is None:
        expected = "page=sim.report.write_report beside it, which writes the pages"
        raise InputError([Problem("keep", "report", expected, loaded.document.file)])
    variants = _part(expand(loaded.study), shard)
    if run is simulate_scenario:
        check_variants(loaded, variants)
    folder = out.folder if isinstance(out, Workspace) else Path(out) if out else None
    job = _Job(loaded, variants, folder, retry_failed, report, run, page)
    with _room(out, shard) as room:
        try:
            with open_executor(executor) as opened:
                job.work(opened, QUEUED_PER_WORKER * workers_of(executor))
        finally:  # what is done is in the tables also after an interrupt
            result = job.result()
            if room is not None:
                results_table.save(result, room, shard)
    return result


def _room(
    out: str | Path | Workspace | None, shard: tuple[int, int]
) -> AbstractContextManager[Workspace | None]:
    """Return the locked folder of a study; shards of one study share it."""
    if out is None or isinstance(out, Workspace):
        return nullcontext(out)
    return workspace(out, "" if shard == (1, 1) else f"shard-{shard[0]}-of-{shard[1]}")


def _part(variants: list[Variant], shard: tuple[int, int]) -> list[Variant]:
    number, of = shard
    if not 1 <= number <= of:
        expected = "i/n with i from 1 to n, such as 2/8"
        raise InputError([Problem("shard", f"{number}/{of}", expected)])
    return variants[number - 1 :: of]


@dataclass(slots=True)
class _Job:
    """The state of a running study: which runs are wanted, under way and done."""

    loaded: LoadedStudy
    variants: list[Variant]
    out: Path | None
    retry_failed: bool
    report: Callable[[Progress], None] | None
    run: Run
    page: Page | None = None
    outcomes: dict[int, dict[int, Outcome]] = field(default_factory=dict)
    planned: dict[int, int] = field(default_factory=dict)
    done: int = 0
    found: int = 0
    failed: int = 0
    start_s: float = field(default_factory=time.perf_counter)

    def work(self, executor: Executor, window: int) -> None:
        """Run everything that is missing."""
        wanted = deque(self._first_points())
        under_way: dict[Future[Outcome], Point] = {}
        while wanted or under_way:
            while wanted and len(under_way) < window:
                point = wanted.popleft()
                outcome = self._stored(point)
                if outcome is None:
                    under_way[executor.submit(perform, self._task(point))] = point
                else:
                    self.found += 1
                    wanted.extend(self._book(point, outcome))
            ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ready:
                point = under_way.pop(future)
                wanted.extend(self._book(point, _outcome_of(future)))

    def progress(self) -> Progress:
        """Return how far the study is."""
        return Progress(
            done=self.done,
            planned=sum(self.planned.values()),
            found=self.found,
            failed=self.failed,
            elapsed_s=time.perf_counter() - self.start_s,
        )

    def result(self) -> SweepResult:
        """Return the tables of what is done."""
        study = self.loaded.study
        runs = results_table.runs_table(self.variants, self.outcomes)
        return SweepResult(
            loaded=self.loaded,
            variants=self.variants,
            runs=runs,
            intervals=results_table.intervals_table(self.variants, self.outcomes, study.metrics),
            timings=results_table.timings_table(self.outcomes),
            progress=self.progress(),
            outcomes=self.outcomes,
        )

    def _first_points(self) -> Iterator[Point]:
        fingerprints = Fingerprints(self.loaded.base)
        version, seed = program_version(), self.loaded.study.seed
        least = self.loaded.study.replications.least
        for variant in self.variants:
            self.outcomes[variant.index], self.planned[variant.index] = {}, least
        for variant in self.variants:
            key = point_key(fingerprints.of(variant.changes), variant.changes, seed, version)
            for replication in range(least):
                yield Point(variant.index, variant.changes, seed, replication, key)

    def _task(self, point: Point) -> Task:
        keep = self.loaded.study.keep
        return Task(self.loaded.base, point, self._folder(point), keep, self.run, self.page)

    def _folder(self, point: Point) -> Path | None:
        return run_folder(self.out, point.key, point.replication) if self.out else None

    def _stored(self, point: Point) -> Outcome | None:
        folder = self._folder(point)
        outcome = read_outcome(folder) if folder else None
        if folder and outcome and outcome.error and self.retry_failed:
            forget(folder)
            return None
        return outcome

    def _book(self, point: Point, outcome: Outcome) -> list[Point]:
        """Note an outcome and return the further replications that its variant needs."""
        done = self.outcomes[point.variant]
        done[point.replication] = outcome
        self.done += 1
        self.failed += bool(outcome.error)
        if self.report:
            self.report(self.progress())
        if len(done) < self.planned[point.variant]:
            return []
        size = max(len(done), self._size(done))
        self.planned[point.variant] = size
        return [
            Point(point.variant, point.changes, point.seed, replication, point.key)
            for replication in range(len(done), size)
        ]

    def _size(self, done: Mapping[int, Outcome]) -> int:
        rule = self.loaded.study.replications
        if rule.half_width is None or any(outcome.error for outcome in done.values()):
            return len(done)
        numbers = [numbers_of(done[replication].summary) for replication in sorted(done)]
        watched = matching(numbers[0], self.loaded.study.metrics)
        samples = [{name: each.get(name, float("nan")) for name in watched} for each in numbers]
        return next_size(samples, Precision(rule.half_width, rule.least, rule.most))


def _outcome_of(future: Future[Outcome]) -> Outcome:
    error = future.exception()
    return failed(error) if error is not None else future.result()
