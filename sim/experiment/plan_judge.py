"""Runs candidates of a plan, each only until it is clear whether it satisfies the constraints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.experiment.intervals import Interval, replication_interval
from sim.experiment.numbers import numbers_of
from sim.experiment.plan_constraints import Bound, State
from sim.experiment.plan_screen import PRICE, Hopeless
from sim.experiment.plan_search import Verdict
from sim.experiment.plan_space import Space
from sim.experiment.point import Point, override_texts
from sim.experiment.stopping import Precision, Sample, next_size
from sim.experiment.task import Run, Task, perform

LOOKS = (2, 3, 5, 8, 12, 20, 32, 50, 80, 125, 200)
Screen = Callable[[Path, Sequence[str], Sequence[Bound]], Sequence[Hopeless]]


@dataclass(slots=True)
class Judge:
    """Judges candidates under common random numbers and remembers what they gave.

    Attributes:
        base: the scenario file.
        space: the candidates.
        bounds: the constraints.
        prices: rent of each candidate [USD/h], None where nobody asks for it.
        seed: seed of every run.
        most: replications after which an open constraint counts as not proven.
        executor: where runs take place.
        run: what runs a scenario.
        screen: finds the hopeless without a run.
        objectives: metrics of which the verdict's cost is the first.
        runs: runs so far.
    """

    base: Path
    space: Space
    bounds: Sequence[Bound]
    prices: NDArray[np.float64] | None
    seed: int
    most: int
    executor: Executor
    run: Run
    screen: Screen
    objectives: Sequence[str] = (PRICE,)
    runs: int = 0
    samples: dict[int, list[Sample]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    hopeless: dict[int, Sequence[Hopeless]] = field(default_factory=dict)

    def with_bounds(self, bounds: Sequence[Bound]) -> Judge:
        """Return a judge of other limits that shares everything that was run."""
        return replace(self, bounds=bounds, hopeless={})

    def __call__(self, candidate: int) -> Verdict:
        """Return the verdict on a candidate, with as few runs as it takes."""
        if reasons := self._screened(candidate):
            return _bad(reason.more for reason in reasons)
        for size in self._looks(candidate):
            self.replicate(candidate, size)
            if candidate in self.errors:
                return Verdict(feasible=False)
            states = self.states(candidate)
            failed = [bound for bound, state in states if state == "fails"]
            if failed:
                return _bad(bound.more for bound in failed)
            if all(state == "holds" for _, state in states):
                return Verdict(feasible=True, cost=self.cost(candidate, self.objectives[0]))
        return _bad(bound.more for bound, state in self.states(candidate) if state == "open")

    def states(self, candidate: int) -> list[tuple[Bound, State]]:
        """Return what the runs so far prove about each constraint."""
        return [(bound, bound.state(self.values(candidate, bound.metric))) for bound in self.bounds]

    def values(self, candidate: int, metric: str) -> list[float]:
        """Return a number of each run so far; NaN where a run does not have it."""
        return [sample.get(metric, float("nan")) for sample in self.samples.get(candidate, [])]

    def interval(self, candidate: int, metric: str) -> Interval:
        """Return the interval of a number over the runs so far."""
        return replication_interval(self.values(candidate, metric))

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
            self.runs += 1
            if outcome.error:
                self.errors[candidate] = outcome.error
            done.append(numbers_of(outcome.summary) | self._price(candidate))

    def check(self, candidate: int, precision: Precision) -> bool:
        """Run a candidate until every constraint's number is precise, and return if all hold."""
        metrics = [bound.metric for bound in self.bounds]
        while True:
            watched = [
                {m: s.get(m, float("nan")) for m in metrics} for s in self.samples[candidate]
            ]
            size = next_size(watched, precision)
            if size <= len(watched):
                break
            self.replicate(candidate, size)
        return all(state == "holds" for _, state in self.states(candidate))

    def _looks(self, candidate: int) -> list[int]:
        done = len(self.samples.get(candidate, []))
        return sorted({max(done, min(look, self.most)) for look in LOOKS})

    def _screened(self, candidate: int) -> Sequence[Hopeless]:
        if candidate not in self.hopeless:
            overrides = override_texts(self.space.changes_of(candidate))
            self.hopeless[candidate] = self.screen(self.base, overrides, self.bounds)
        return self.hopeless[candidate]

    def _price(self, candidate: int) -> Sample:
        return {} if self.prices is None else {PRICE: float(self.prices[candidate])}


def _bad(effects: Iterable[str]) -> Verdict:
    found = set(effects)
    return Verdict(False, more_would_help="helps" in found, more_would_hurt="hurts" in found)
