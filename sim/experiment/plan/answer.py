"""What a plan answers: the fleet, what binds it, what relief would bring, what was thrown out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.plan.constraints import Bound
from sim.experiment.plan.judge import Judge
from sim.experiment.plan.search import Found
from sim.experiment.plan.uncertain import InputSpread
from sim.experiment.statistics.intervals import Interval
from sim.experiment.study.study import LoadedStudy

if TYPE_CHECKING:
    import pandas as pd

RUNNERS_UP = 5


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
    """What moving one limit, or one more of something, would bring.

    Attributes:
        change: what is moved, in words.
        fleet: the fleet that would then be chosen; the same one where nothing is saved.
        objective: its objective.
        saved: how much less that is.
        settled: whether the search for it came to its end.
        bound: the moved limit.
    """

    change: str
    fleet: Mapping[str, str]
    objective: float
    saved: float
    settled: bool = True
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The answer of a plan.

    Attributes:
        loaded: the study.
        fleet: the chosen value of each variable; with several objectives the first of the front.
        changes: the same as changes to the scenario.
        objective: the first objective of the fleet.
        cost: every objective of the fleet with its interval.
        checks: every constraint at the fleet, with its interval.
        reliefs: what moving each binding limit would bring.
        candidates: a row per candidate that was judged, the feasible ones first by objective.
        pareto: the rows of `candidates` that no other beats in every objective.
        thrown_out: why candidates were never run: stage, reason, fleets.
        runs: runs that it took.
        considered: candidates there were.
        settled: False where the runs ran out, so that a cheaper fleet may have been missed.
        spread: the fleet under other values of its uncertain inputs, if that was asked for.
        summary: of the fleet's first run; its hardware and money stand there.
    """

    loaded: LoadedStudy
    fleet: Mapping[str, str]
    changes: Mapping[str, Any]
    objective: float
    cost: Mapping[str, Interval]
    checks: tuple[Check, ...]
    reliefs: tuple[Relief, ...]
    candidates: pd.DataFrame
    pareto: pd.DataFrame
    thrown_out: pd.DataFrame
    runs: int
    considered: int
    settled: bool
    spread: InputSpread | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runners_up(self) -> pd.DataFrame:
        """The next best feasible fleets that were judged."""
        feasible = self.candidates[self.candidates["feasible"]]
        return feasible.iloc[1 : 1 + RUNNERS_UP]


def check_of(judge: Judge, candidate: int, bound: Bound, binds: bool) -> Check:
    """Return a constraint at a candidate that has been run."""
    interval = judge.interval(candidate, bound.metric)
    return Check(bound, interval, -bound.violation(interval.value), binds)


def candidates_table(judge: Judge, found: Found) -> pd.DataFrame:
    """Return a row per judged candidate: its values, verdict, objectives and constraints.

    Each number stands there with the ends of its 95 % interval, in columns of its name with
    ``_low`` and ``_high``.
    """
    import pandas as pd

    metrics = dict.fromkeys((*judge.objectives, *(bound.metric for bound in judge.bounds)))
    names = [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high")]
    rows = []
    for candidate, verdict in found.verdicts.items():
        told = {"feasible": verdict.feasible, "runs": len(judge.samples.get(candidate, []))}
        reasons = [str(bound) for bound, state in judge.states(candidate) if state != "holds"]
        if candidate in judge.errors:
            reasons = [judge.errors[candidate]]
        numbers: dict[str, float] = {}
        for metric in metrics:
            interval = judge.interval(candidate, metric)
            ends = (interval.value, interval.low, interval.high)
            numbers |= dict(zip((metric, f"{metric}_low", f"{metric}_high"), ends, strict=True))
        why = "" if verdict.feasible else "; ".join(reasons)
        rows.append(judge.space.described(candidate) | told | numbers | {"why_not": why})
    columns = [*judge.space.names, "feasible", "runs", *names, "why_not"]
    table = pd.DataFrame(rows, columns=columns)
    order = ["feasible", judge.objectives[0]]
    return table.sort_values(order, ascending=[False, True], kind="stable", ignore_index=True)


def thrown_out(judge: Judge, found: Found) -> pd.DataFrame:
    """Return why candidates were never run: a row per reason; each counts under its first one."""
    import pandas as pd

    left = np.ones(len(judge.space), dtype=bool)
    rows = []
    for reason in judge.hopeless():
        which = left & reason.which
        rows.append({"stage": "screen", "reason": reason.reason, "fleets": int(which.sum())})
        left &= ~which
    if judge.prices is not None and not np.isfinite(judge.prices[left]).all():
        which = left & ~np.isfinite(judge.prices)
        rows.append({"stage": "screen", "reason": "no known rent", "fleets": int(which.sum())})
    rows += [
        {"stage": "search", "reason": reason, "fleets": count}
        for reason, count in found.spared.items()
    ]
    table = pd.DataFrame(rows, columns=["stage", "reason", "fleets"])
    return table[table["fleets"] > 0].reset_index(drop=True)


def binding(judge: Judge, found: Found) -> list[Bound]:
    """Return the constraints that alone keep a cheaper candidate out, else all that do."""
    best = judge.cost(found.best, judge.objectives[0]) if found.best is not None else np.inf
    alone: list[Bound] = []
    together: list[Bound] = []
    for candidate, verdict in found.verdicts.items():
        if verdict.feasible or judge.cost_before_run(candidate) >= best:
            continue
        if judge.samples.get(candidate):
            missed = [bound for bound, state in judge.states(candidate) if state != "holds"]
            together += missed
            alone += missed if len(missed) == 1 else []
    return [bound for bound in judge.bounds if bound in (alone or together)]


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
        found_hopeless = judge.hopeless()
        all_out = [reason for reason in found_hopeless if reason.which.all()]
        reasons = [reason.closest for reason in all_out or found_hopeless]
        reasons += list(judge.errors.values())
        return "no fleet is feasible: " + "; ".join(dict.fromkeys(reasons))
    texts = [
        f"{bound}, got {judge.cost(closest, bound.metric):.4g}"
        for bound, state in judge.states(closest)
        if state != "holds"
    ]
    fleet = ", ".join(f"{name} {value}" for name, value in judge.space.described(closest).items())
    return f"no fleet is feasible; the closest ({fleet}) misses: " + "; ".join(texts)
