"""Runs candidates of a plan, each only until it is clear whether it satisfies the constraints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiment.execution.point import Point
from sim.experiment.execution.task import Run, Task, perform
from sim.experiment.plan.constraints import Bound, State
from sim.experiment.plan.parts import Surveyed
from sim.experiment.plan.screen import PRICE, Hopeless, hopeless
from sim.experiment.plan.search import Verdict
from sim.experiment.plan.space import BoolArray, Space
from sim.experiment.statistics.intervals import Interval, interval_of
from sim.experiment.statistics.numbers import numbers_of
from sim.experiment.statistics.stopping import Precision, Sample, next_size

FIRST_LOOK = 12  # runs after which a candidate that is still open is put aside
LOOKS = (2, 4, 6, 8, 12, 20, 32, 50, 80, 126, 200)  # even: most machines have two cores or more


@dataclass(slots=True)
class Judge:
    """Judges candidates under common random numbers and remembers what they gave.

    Attributes:
        base: the scenario file.
        space: the candidates.
        bounds: the constraints.
        prices: rent of each candidate [USD/h], None where nobody asks for it.
        seed: seed of every run.
        precision: how well the number of each constraint has to be known; what is neither proven
            nor refuted by then counts as not proven.
        executor: where runs take place.
        run: what runs a scenario.
        surveyed: what is known of the candidates without a run, None where nothing is.
        objectives: metrics of which the verdict's cost is the first.
        samples: the numbers of each run by candidate.
        errors: why a candidate could not be run.
    """

    base: Path
    space: Space
    bounds: Sequence[Bound]
    prices: NDArray[np.float64] | None
    seed: int
    precision: Precision
    executor: Executor
    run: Run
    surveyed: Surveyed | None = None
    objectives: Sequence[str] = (PRICE,)
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """Runs so far, those of judges with other bounds included."""
        return sum(len(samples) for samples in self.samples.values())

    def with_bounds(self, bounds: Sequence[Bound]) -> Judge:
        """Return a judge of other limits that shares everything that was run."""
        return replace(self, bounds=bounds)

    def hopeless(self) -> list[Hopeless]:
        """Return the reasons to throw out candidates before any run."""
        return hopeless(self.surveyed, self.bounds, self.prices) if self.surveyed else []

    def hopeful(self) -> BoolArray:
        """Return which candidates are worth a run."""
        hopeful = np.ones(len(self.space), dtype=bool)
        if self.prices is not None:
            hopeful &= np.isfinite(self.prices)
        for reason in self.hopeless():
            hopeful &= ~reason.which
        return hopeful

    def __call__(self, candidate: int) -> Verdict:
        """Return a first verdict on a candidate, with as few runs as it takes."""
        return self._judged(candidate, min(FIRST_LOOK, self.precision.most))

    def insist(self, candidate: int) -> Verdict:
        """Return the last verdict on a candidate: what stays open is not proven."""
        return self._judged(candidate, self.precision.most)

    def _judged(self, candidate: int, most: int) -> Verdict:
        for size in self._looks(candidate, most):
            self.replicate(candidate, size)
            if candidate in self.errors:
                return Verdict(feasible=False)
            states = self.states(candidate)
            failed = [bound for bound, state in states if state == "fails"]
            if failed:
                return _bad(bound.more for bound in failed)
            enough = size >= min(self.precision.least, most)
            if enough and all(state == "holds" for _, state in states):
                return Verdict(feasible=True, cost=self.cost(candidate, self.objectives[0]))
            unproven = [bound for bound, state in states if state == "open"]
            if enough and all(self._is_precise(candidate, bound) for bound in unproven):
                return _bad(bound.more for bound in unproven)
        return replace(_bad(bound.more for bound in unproven), close=most < self.precision.most)

    def _is_precise(self, candidate: int, bound: Bound) -> bool:
        """Return whether a number is known as well as the plan asks for, yet proves nothing."""
        width = self.interval(candidate, bound.metric).relative_half_width
        return width <= self.precision.relative

    def states(self, candidate: int) -> list[tuple[Bound, State]]:
        """Return what the runs so far prove about each constraint."""
        return [(bound, bound.state(self.values(candidate, bound.metric))) for bound in self.bounds]

    def values(self, candidate: int, metric: str) -> list[float]:
        """Return a number of each run so far; NaN where a run does not have it."""
        return [sample.get(metric, float("nan")) for sample in self.samples.get(candidate, [])]

    def interval(self, candidate: int, metric: str) -> Interval:
        """Return the interval of a number over the runs so far."""
        return interval_of(metric, self.values(candidate, metric))

    def cost(self, candidate: int, objective: str) -> float:
        """Return an objective of a candidate that has been run."""
        return self.interval(candidate, objective).value

    def cost_before_run(self, candidate: int) -> float:
        """Return the rent of a candidate, -inf where nobody asks for rents [USD/h]."""
        return -np.inf if self.prices is None else float(self.prices[candidate])

    def replicate(self, candidate: int, size: int) -> None:
        """Run a candidate until it has this many replications."""
        done = self.samples.setdefault(candidate, [])
        changes = self.space.changes_of(candidate)
        points = [Point(candidate, changes, self.seed, r, "") for r in range(len(done), size)]
        tasks = [Task(self.base, point, None, (), self.run) for point in points]
        futures = [self.executor.submit(perform, task) for task in tasks]
        for future in futures:
            outcome = future.result()
            if outcome.error:
                self.errors[candidate] = outcome.error
            done.append(numbers_of(outcome.summary) | self._price(candidate))

    def first_summary(self, candidate: int) -> Mapping[str, Any]:
        """Return the summary of a candidate's first replication, which is run again for it."""
        point = Point(candidate, self.space.changes_of(candidate), self.seed, 0, "")
        return perform(Task(self.base, point, None, (), self.run)).summary

    def check(self, candidate: int) -> bool:
        """Run a candidate until every constraint's number is precise, and return if all hold."""
        metrics = [bound.metric for bound in self.bounds]
        while True:
            watched = [
                {m: s.get(m, float("nan")) for m in metrics} for s in self.samples[candidate]
            ]
            size = next_size(watched, self.precision)
            if size <= len(watched):
                break
            self.replicate(candidate, size)
        return all(state == "holds" for _, state in self.states(candidate))

    def _looks(self, candidate: int, most: int) -> list[int]:
        done = len(self.samples.get(candidate, []))
        return sorted({max(done, min(look, most)) for look in LOOKS})

    def _price(self, candidate: int) -> Sample:
        return {} if self.prices is None else {PRICE: float(self.prices[candidate])}


def _bad(effects: Iterable[str]) -> Verdict:
    found = set(effects)
    return Verdict(False, more_would_help="helps" in found, more_would_hurt="hurts" in found)
