"""The cheapest fleet that satisfies every constraint, what binds it, and what relief would cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InfeasibleError, InputError, Problem
from sim.experiment.execution.executor import open_executor
from sim.experiment.execution.stored import StoredRun
from sim.experiment.execution.task import Run, simulate_scenario
from sim.experiment.plan.answer import (
    PlanResult,
    Relief,
    binding,
    candidates_table,
    check_of,
    thrown_out,
    why_infeasible,
)
from sim.experiment.plan.check import check_plan
from sim.experiment.plan.constraints import Bound, bounds_of
from sim.experiment.plan.judge import Judge
from sim.experiment.plan.parts import Surveyor, parts_of, survey_space
from sim.experiment.plan.screen import PRICE
from sim.experiment.plan.search import Found, cheapest, front, not_dominated
from sim.experiment.plan.space import space_of
from sim.experiment.plan.survey import survey_scenarios
from sim.experiment.plan.uncertain import input_spread
from sim.experiment.statistics.stopping import Precision
from sim.experiment.study.study import LoadedStudy, load_study

RELIEF_SHARE = 4  # a price of relief may cost this part of the plan's runs


def plan(
    study: str | Path | Mapping[str, Any] | LoadedStudy,
    *,
    uncertain: int = 0,
    out: str | Path | None = None,
    executor: str | Executor = "processes",
    run: Run = simulate_scenario,
    survey: Surveyor | None = survey_scenarios,
    prices: Sequence[float] | None = None,
) -> PlanResult:
    """Find the cheapest fleet that satisfies the constraints of a study.

    Args:
        study: path of a study file with a ``plan`` section, or a mapping with its keys.
        uncertain: samples of the uncertain numbers behind the chosen fleet, for an interval beside
            that of sampling; none by default.
        out: folder for the runs, which a second call finds again; none are kept without it.
        executor: where runs take place.
        run: what runs a scenario.
        survey: what is known of fleets without a run; None for nothing.
        prices: rent of each candidate in the order of the space [USD/h]; from the survey by
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
    if survey is not None:
        check_plan(loaded, space)
    if out is not None:
        run = StoredRun(run, loaded.base, Path(out))
    rule = loaded.study.replications
    with open_executor(executor) as opened:
        judge = Judge(
            loaded.base,
            space,
            bounds,
            None if prices is None else np.asarray(prices, dtype=float),
            loaded.study.seed,
            Precision(rule.half_width or 0.05, rule.least, rule.most),
            opened,
            run,
            objectives=section.minimise,
        )
        if survey is not None:
            judge = _surveyed(judge, survey, section.rents)
        found = _search(judge, section.runs)
        answer = _answer(loaded, judge, found, section.runs)
        if not uncertain or found.best is None:
            return answer
        spread = input_spread(judge, found.best, uncertain, section.rents)
        return replace(answer, spread=spread)


def _surveyed(judge: Judge, survey: Surveyor, rents: Mapping[str, float]) -> Judge:
    """Return the judge with what is known of its candidates before any run."""
    surveyed = survey_space(judge.space, judge.base, rents, survey, judge.executor)
    space = replace(judge.space, parts=parts_of(judge.space, surveyed))
    asked = PRICE in (*judge.objectives, *(bound.metric for bound in judge.bounds))
    prices = judge.prices
    if prices is None and asked:
        prices = _prices(surveyed.rents_usd_per_h())
    return replace(judge, space=space, surveyed=surveyed, prices=prices)


def _prices(rents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rents with inf where one is unknown.

    Raises:
        InputError: none is known.
    """
    if np.isnan(rents).all():
        expected = "the rent of an accelerator by name, since the catalogue has none"
        raise InputError([Problem("plan.rents", "nothing for any fleet", expected)])
    return np.where(np.isnan(rents), np.inf, rents)


def _answer(loaded: LoadedStudy, judge: Judge, found: Found, runs: int) -> PlanResult:
    if found.best is None:
        raise InfeasibleError(why_infeasible(judge, found))
    best = found.best
    table = candidates_table(judge, found)
    costs = table.loc[table["feasible"], list(judge.objectives)].to_numpy(float)
    binds = binding(judge, found)
    objective = judge.cost(best, judge.objectives[0])
    out = thrown_out(judge, found)
    reliefs = [_relief(judge, bound, best, runs // RELIEF_SHARE) for bound in binds]
    return PlanResult(
        loaded=loaded,
        fleet=judge.space.described(best),
        changes=judge.space.changes_of(best),
        objective=objective,
        cost={name: judge.interval(best, name) for name in judge.objectives},
        checks=tuple(check_of(judge, best, bound, bound in binds) for bound in judge.bounds),
        reliefs=tuple(reliefs),
        candidates=table,
        pareto=table[table["feasible"]].iloc[not_dominated(costs)],
        thrown_out=out,
        runs=judge.runs,
        considered=len(judge.space),
        settled=found.settled,
        summary=judge.first_summary(best),
    )


def _search(judge: Judge, runs: int) -> Found:
    """Search, check the winner in full, and search on where it does not stand the check."""
    limit = judge.runs + runs
    while True:
        found = _one_search(judge, lambda: judge.runs < limit)
        if found.best is None or judge.check(found.best):
            return found
        if judge.runs >= limit:  # the answer has to hold even if a better one may exist
            found.settled = False
            found.best = _first_that_holds(judge, found)
            return found


def _first_that_holds(judge: Judge, found: Found) -> int | None:
    good = [each for each, verdict in found.verdicts.items() if verdict.feasible]
    ranked = sorted(good, key=lambda each: judge.cost(each, judge.objectives[0]))
    return next((each for each in ranked if judge.check(each)), None)


def _one_search(judge: Judge, may_go_on: Callable[[], bool]) -> Found:
    hopeful = judge.hopeful()
    helped = [bound for bound in judge.bounds if bound.more == "helps"]
    probe = judge.with_bounds(helped)
    if len(judge.objectives) > 1:
        found = front(judge.space, judge.insist, may_go_on, hopeful, probe)
        feasible = [each for each, verdict in found.verdicts.items() if verdict.feasible]
        first = judge.objectives[0]
        found.best = min(feasible, key=lambda each: judge.cost(each, first), default=None)
        return found
    known = judge.prices if judge.objectives[0] == PRICE else None
    return cheapest(judge.space, known, judge, may_go_on, hopeful, judge.insist, probe)


def _relief(judge: Judge, bound: Bound, best: int, runs: int) -> Relief:
    """Return what the plan would choose if one limit were moved."""
    bounds = [each.relaxed if each is bound else each for each in judge.bounds]
    relaxed = judge.with_bounds(bounds)
    limit = relaxed.runs + runs
    found = _one_search(relaxed, lambda: relaxed.runs < limit)
    objective = judge.cost(best, judge.objectives[0])
    chosen, cost = best, objective
    if found.best is not None and relaxed.cost(found.best, judge.objectives[0]) < objective:
        chosen, cost = found.best, relaxed.cost(found.best, judge.objectives[0])
    fleet = judge.space.described(chosen)
    moved = bound.relaxed
    return Relief(str(moved), fleet, cost, objective - cost, found.settled, moved)
