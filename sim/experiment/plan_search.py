"""The search for the cheapest candidate that is feasible, with as few runs as possible.

More capacity never hurts a latency and never lowers a peak of power. So one verdict settles many
candidates: what fails a latency also fails with less of everything, what breaks a power limit also
breaks it with more, and what is feasible makes everything dearer pointless. The next candidate is
the one whose verdict is sure to settle the most: bisection, in a partial order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.experiment.plan_space import BoolArray, Space

LOOKED_AT = 128  # candidates among which the next one is chosen


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a candidate.

    Attributes:
        feasible: whether it satisfies every constraint.
        more_would_help: whether it fails something that more capacity would help.
        more_would_hurt: whether it fails something that more capacity makes worse.
        cost: the objective, where it comes out of the run (else nan).
    """

    feasible: bool
    more_would_help: bool = False
    more_would_hurt: bool = False
    cost: float = float("nan")


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        best: the cheapest feasible candidate, None without one.
        verdicts: the candidates that were judged, in this order.
        settled: False where the search ran out of runs before all candidates were settled.
    """

    best: int | None = None
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    settled: bool = True


def cheapest(
    space: Space,
    cost: NDArray[np.float64] | None,
    judge: Callable[[int], Verdict],
    may_go_on: Callable[[], bool] = lambda: True,
) -> Found:
    """Return the cheapest feasible candidate.

    Args:
        space: the candidates.
        cost: the objective of each where it is known without a run, shape (candidates,); None
            where each run tells it, which then has to grow with capacity.
        judge: runs a candidate; its verdicts have to be monotone, as the module says.
        may_go_on: asked before each verdict whether there are runs left.
    """
    found = Found()
    least = np.inf
    undecided = np.ones(len(space), dtype=bool)
    while undecided.any():
        if not may_go_on():
            found.settled = False
            break
        candidate = _next(space, cost, undecided)
        verdict = found.verdicts[candidate] = judge(candidate)
        undecided[candidate] = False
        if not verdict.feasible:
            undecided &= ~_as_bad(space, candidate, verdict)
            continue
        price = verdict.cost if cost is None else float(cost[candidate])
        if price < least:
            found.best, least = candidate, price
        undecided &= ~_no_better(space, cost, candidate)
    return found


def front(
    space: Space,
    judge: Callable[[int], Verdict],
    may_go_on: Callable[[], bool] = lambda: True,
) -> Found:
    """Judge every candidate that no other verdict rules out, for a choice among objectives."""
    found = Found()
    undecided = np.ones(len(space), dtype=bool)
    while undecided.any():
        if not may_go_on():
            found.settled = False
            break
        candidate = _next(space, None, undecided)
        verdict = found.verdicts[candidate] = judge(candidate)
        undecided[candidate] = False
        if not verdict.feasible:
            undecided &= ~_as_bad(space, candidate, verdict)
    return found


def not_dominated(costs: NDArray[np.float64]) -> list[int]:
    """Return the rows that no other row beats or equals in every column while beating it in one.

    Args:
        costs: objectives, all to be small, shape (n, objectives).
    """
    kept = []
    for row, own in enumerate(costs):
        no_worse = (costs <= own).all(axis=1)
        if not (no_worse & (costs < own).any(axis=1)).any():
            kept.append(row)
    return kept


def _as_bad(space: Space, candidate: int, verdict: Verdict) -> BoolArray:
    settled = np.zeros(len(space), dtype=bool)
    if verdict.more_would_help:
        settled |= space.no_more_than(candidate)
    if verdict.more_would_hurt:
        settled |= space.no_less_than(candidate)
    return settled


def _no_better(space: Space, cost: NDArray[np.float64] | None, candidate: int) -> BoolArray:
    if cost is None:
        return space.no_less_than(candidate)
    dearer: BoolArray = cost >= cost[candidate]
    return dearer


def _next(space: Space, cost: NDArray[np.float64] | None, undecided: BoolArray) -> int:
    """Return the undecided candidate whose verdict settles the most others in the worse case."""
    open_ones = np.flatnonzero(undecided)
    ranked = open_ones if cost is None else open_ones[np.argsort(cost[open_ones], kind="stable")]
    places = np.linspace(0, len(ranked) - 1, min(LOOKED_AT, len(ranked))).astype(int)
    best, most = int(ranked[0]), -1
    for candidate in ranked[np.unique(places)].tolist():
        if_bad = int((space.no_more_than(candidate) & undecided).sum())
        if_good = int((_no_better(space, cost, candidate) & undecided).sum())
        if min(if_bad, if_good) > most:
            best, most = candidate, min(if_bad, if_good)
    return best
