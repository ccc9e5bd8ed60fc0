"""The cheapest fleet that satisfies every constraint, what binds it, and what relief would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InfeasibleError, InputError, Problem
from sim.experiment.executor import open_executor
from sim.experiment.intervals import Interval
from sim.experiment.plan_constraints import Bound, bounds_of
from sim.experiment.plan_judge import Judge, Screen
from sim.experiment.plan_screen import PRICE, rent_or_nan, screen_scenario
from sim.experiment.plan_search import Found, cheapest, front, not_dominated
from sim.experiment.plan_space import Space, space_of
from sim.experiment.point import override_texts
from sim.experiment.stopping import Precision
from sim.experiment.study import LoadedStudy, load_study
from sim.experiment.task import Run, simulate_scenario

if TYPE_CHECKING:
    import pandas as pd

RUNNERS_UP = 5
RELIEF_SHARE = 4  # a price of relief may cost this part of the plan's runs


@dataclass(frozen=True, slots=True)
class Check:
    """A constraint at the chosen fleet.

    Attributes:
        bound: the constraint.
        interval: its number there.
        slack: what is left, as a share of the limit.
        binds: whether a cheaper fleet fails because of it.
    """

    bound: Bound
    interval: Interval
    slack: float
    binds: bool


@dataclass(frozen=True, slots=True)
class Relief:
    """What moving one limit would bring.

    Attributes:
        bound: the constraint with its limit moved.
        fleet: the fleet that would then be chosen.
        objective: its objective.
        saved: how much less that is.
    """

    bound: Bound
    fleet: Mapping[str, str]
    objective: float
    saved: float


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The answer of a plan.

    Attributes:
        fleet: the chosen value of each variable; with several objectives the first of the front.
        changes: the same as changes to the scenario.
        objective: the first objective of the fleet.
        checks: every constraint at the fleet, with its interval.
        reliefs: what moving each binding limit would bring.
        candidates: a row per candidate that was judged, the feasible ones first by objective.
        pareto: the rows of `candidates` that no other beats in every objective.
        runs: runs that it took.
        considered: candidates there were.
        settled: False where the runs ran out, so that a cheaper fleet may have been missed.
    """

    fleet: Mapping[str, str]
    changes: Mapping[str, Any]
    objective: float
    checks: tuple[Check, ...]
    reliefs: tuple[Relief, ...]
    candidates: pd.DataFrame
    pareto: pd.DataFrame
    runs: int
    considered: int
    settled: bool

    @property
    def runners_up(self) -> pd.DataFrame:
        """The next best feasible fleets that were judged."""
        feasible = self.candidates[self.candidates["feasible"]]
        return feasible.iloc[1 : 1 + RUNNERS_UP]


def plan(
    study: str | Path | Mapping[str, Any] | LoadedStudy,
    *,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
    screen: Screen = screen_scenario,
    prices: Sequence[float] | None = None,
) -> PlanResult:
    """Find the cheapest fleet that satisfies the constraints of a study.

    Args:
        study: path of a study file with a ``plan`` section, or a mapping with its keys.
        executor: where runs take place.
        run: what runs a scenario.
        screen: finds hopeless candidates without a run.
        prices: rent of each candidate in the order of the space [USD/h]; from the catalogue by
            default.

    Raises:
        ScenarioError: the study is wrong, or two limits exclude each other.
        InfeasibleError: nothing satisfies all constraints; the text says which one is missed and
            by how much.
    """
    loaded = study if isinstance(study, LoadedStudy) else load_study(study)
    section = loaded.study.plan
    if section is None:
        expected = "a plan section with variables and constraints"
        raise InputError([Problem("plan", "none", expected, loaded.document.file)])
    space, bounds = space_of(section, loaded.study.set), bounds_of(section)
    needed = PRICE in (*section.minimise, *(bound.metric for bound in bounds))
    with open_executor(executor) as opened:
        rents = np.asarray(prices) if prices is not None else None
        if rents is None and needed:
            rents = _rents(loaded, space, opened)
        rule = loaded.study.replications
        judge = Judge(
            loaded.base,
            space,
            bounds,
            rents,
            loaded.study.seed,
            rule.most,
            opened,
            run,
            screen,
            section.minimise,
        )
        precision = Precision(rule.half_width or 0.05, rule.least, rule.most)
        return _answer(judge, precision, section.runs)


def _rents(loaded: LoadedStudy, space: Space, executor: Executor) -> NDArray[np.float64]:
    known = loaded.study.plan.rents if loaded.study.plan else {}
    changes = (override_texts(space.changes_of(each)) for each in range(len(space)))
    futures = [executor.submit(rent_or_nan, loaded.base, each, known) for each in changes]
    rents = np.array([future.result() for future in futures])
    return np.where(np.isnan(rents), np.inf, rents)


def _answer(judge: Judge, precision: Precision, runs: int) -> PlanResult:
    found = _search(judge, precision, runs)
    table = candidates_table(judge, found)
    if found.best is None:
        raise InfeasibleError(why_infeasible(judge, found))
    costs = table.loc[table["feasible"], list(judge.objectives)].to_numpy(float)
    binding = _binding(judge, found)
    objective = judge.cost(found.best, judge.objectives[0])
    reliefs = [_relief(judge, bound, objective, runs // RELIEF_SHARE) for bound in binding]
    return PlanResult(
        fleet=judge.space.described(found.best),
        changes=judge.space.changes_of(found.best),
        objective=objective,
        checks=tuple(_check(judge, found.best, bound, bound in binding) for bound in judge.bounds),
        reliefs=tuple(relief for relief in reliefs if relief is not None),
        candidates=table,
        pareto=table[table["feasible"]].iloc[not_dominated(costs)],
        runs=judge.runs,
        considered=len(judge.space),
        settled=found.settled,
    )


def _search(judge: Judge, precision: Precision, runs: int) -> Found:
    """Search, check the winner in full, and search on where it does not stand the check."""
    limit = judge.runs + runs
    while True:
        found = _one_search(judge, lambda: judge.runs < limit)
        if found.best is None or judge.check(found.best, precision) or judge.runs >= limit:
            return found


def _one_search(judge: Judge, may_go_on: Any) -> Found:
    if len(judge.objectives) > 1:
        found = front(judge.space, judge, may_go_on)
        feasible = [each for each, verdict in found.verdicts.items() if verdict.feasible]
        first = judge.objectives[0]
        found.best = min(feasible, key=lambda each: judge.cost(each, first), default=None)
        return found
    known = judge.prices if judge.objectives[0] == PRICE else None
    return cheapest(judge.space, known, judge, may_go_on)


def candidates_table(judge: Judge, found: Found) -> pd.DataFrame:
    """Return a row per judged candidate: its values, verdict, objectives and constraints."""
    import pandas as pd

    rows = []
    for candidate, verdict in found.verdicts.items():
        told = {"feasible": verdict.feasible, "runs": len(judge.samples.get(candidate, []))}
        reasons = [each.reason for each in judge.hopeless.get(candidate, ())]
        reasons += [str(bound) for bound, state in judge.states(candidate) if state != "holds"]
        if candidate in judge.errors:
            reasons = [judge.errors[candidate]]
        metrics = dict.fromkeys((*judge.objectives, *(bound.metric for bound in judge.bounds)))
        numbers = {metric: judge.interval(candidate, metric).value for metric in metrics}
        why = "" if verdict.feasible else "; ".join(reasons)
        rows.append(judge.space.described(candidate) | told | numbers | {"why_not": why})
    table = pd.DataFrame(rows)
    order = ["feasible", judge.objectives[0]]
    return table.sort_values(order, ascending=[False, True], kind="stable", ignore_index=True)


def why_infeasible(judge: Judge, found: Found) -> str:
    """Return which constraint no candidate satisfies, and by how much the closest one misses it."""
    if not found.settled:
        return "no feasible fleet was found before the runs ran out; raise plan.runs"
    closest, missed = None, np.inf
    for candidate in found.verdicts:
        if judge.samples.get(candidate) and candidate not in judge.errors:
            worst = max(b.violation(judge.cost(candidate, b.metric)) for b in judge.bounds)
            if worst < missed:
                closest, missed = candidate, worst
    if closest is None:
        reasons = [each.reason for found_ in judge.hopeless.values() for each in found_]
        reasons += list(judge.errors.values())
        return "no fleet is feasible: " + "; ".join(dict.fromkeys(reasons))
    texts = [
        f"{bound}, got {judge.cost(closest, bound.metric):.4g}"
        for bound, state in judge.states(closest)
        if state != "holds"
    ]
    fleet = ", ".join(f"{name} {value}" for name, value in judge.space.described(closest).items())
    return f"no fleet is feasible; the closest ({fleet}) misses: " + "; ".join(texts)


def _check(judge: Judge, candidate: int, bound: Bound, binds: bool) -> Check:
    interval = judge.interval(candidate, bound.metric)
    return Check(bound, interval, -bound.violation(interval.value), binds)


def _binding(judge: Judge, found: Found) -> list[Bound]:
    """Return the constraints because of which cheaper candidates failed."""
    best = judge.cost(found.best, judge.objectives[0]) if found.best is not None else np.inf
    failed: list[Bound] = []
    for candidate, verdict in found.verdicts.items():
        if verdict.feasible or judge.cost_before_run(candidate) > best:
            continue
        if judge.samples.get(candidate):
            failed += [bound for bound, state in judge.states(candidate) if state != "holds"]
    return [bound for bound in judge.bounds if bound in failed]


def _relief(judge: Judge, bound: Bound, objective: float, runs: int) -> Relief | None:
    """Return what the plan would choose if one limit were moved, None where that saves nothing."""
    bounds = [each.relaxed if each is bound else each for each in judge.bounds]
    relaxed = judge.with_bounds(bounds)
    limit = relaxed.runs + runs
    found = _one_search(relaxed, lambda: relaxed.runs < limit)
    judge.runs = relaxed.runs
    if found.best is None:
        return None
    cost = relaxed.cost(found.best, judge.objectives[0])
    if cost >= objective:
        return None
    return Relief(bound.relaxed, judge.space.described(found.best), cost, objective - cost)
