"""The search for the cheapest candidate that is feasible, with as few runs as possible.

More capacity never hurts a latency and never lowers a peak of power. So one verdict settles many
candidates: what fails a latency also fails with less of everything, what breaks a power limit also
breaks it with more, and what is feasible makes everything dearer pointless.

First each part of a fleet is tried beside the strongest others: what fails even there fails
everywhere. Then the next candidate is the one whose verdict is sure to settle the most: bisection,
in a partial order. What is too close to a limit to tell is put aside until it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.experiment.plan.space import BoolArray, Part, Space

LOOKED_AT = 128  # candidates among which the next one is chosen
LESS = "no more of anything than a fleet that was too slow"
MORE = "no less of anything than a fleet that broke a limit"
DEARER = "no cheaper than a fleet that is good enough"
WEAK = "a part that is too weak even beside the strongest others"
Judge = Callable[[int], "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a candidate.

    Attributes:
        feasible: whether it satisfies every constraint.
        more_would_help: whether it fails something that more capacity would help.
        more_would_hurt: whether it fails something that more capacity makes worse.
        cost: the objective, where it comes out of the run (else nan).
        close: whether it could not be told with the runs that a first look may take.
    """

    feasible: bool
    more_would_help: bool = False
    more_would_hurt: bool = False
    cost: float = float("nan")
    close: bool = False


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        best: the cheapest feasible candidate, None without one.
        verdicts: the candidates that were judged, in this order.
        settled: False where the search ran out of runs before all candidates were settled.
        spared: how many candidates needed no verdict, by reason.
    """

    best: int | None = None
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    settled: bool = True
    spared: dict[str, int] = field(default_factory=dict)


def cheapest(
    space: Space,
    cost: NDArray[np.float64] | None,
    judge: Judge,
    may_go_on: Callable[[], bool] = lambda: True,
    hopeful: BoolArray | None = None,
    insist: Judge | None = None,
    probe: Judge | None = None,
) -> Found:
    """Return the cheapest feasible candidate.

    Args:
        space: the candidates.
        cost: the objective of each where it is known without a run, shape (candidates,); None
            where each run tells it, which then has to grow with capacity.
        judge: runs a candidate; its verdicts have to be monotone, as the module says.
        may_go_on: asked before each verdict whether there are runs left.
        hopeful: which candidates are looked at; all by default.
        insist: judges what was too close to tell with all the runs that it takes.
        probe: judges by the constraints alone that more capacity helps.
    """
    search = _Search(space, cost, judge, may_go_on, hopeful)
    if probe is not None:
        search.try_parts(probe)
    close: list[int] = []
    while (candidate := search.next()) is not None:
        if search.look(candidate, judge).close:
            close.append(candidate)
    if insist is not None:
        for candidate in sorted(close, key=search.cost_of):
            if search.cost_of(candidate) < search.least and search.may():
                search.look(candidate, insist)
    return search.found


def front(
    space: Space,
    judge: Judge,
    may_go_on: Callable[[], bool] = lambda: True,
    hopeful: BoolArray | None = None,
    probe: Judge | None = None,
) -> Found:
    """Judge every candidate that no other verdict rules out, for a choice among objectives."""
    search = _Search(space, None, judge, may_go_on, hopeful, keep_dearer=True)
    if probe is not None:
        search.try_parts(probe)
    while (candidate := search.next()) is not None:
        search.look(candidate, judge)
    return search.found


@dataclass(slots=True)
class _Search:
    """The state of a search: which candidates are still undecided, and what was found."""

    space: Space
    cost: NDArray[np.float64] | None
    judge: Judge
    may_go_on: Callable[[], bool]
    hopeful: BoolArray | None
    keep_dearer: bool = False
    found: Found = field(default_factory=Found)
    least: float = np.inf
    undecided: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        """Begin with every candidate that is worth a look."""
        everything = np.ones(len(self.space), dtype=bool)
        self.undecided = everything if self.hopeful is None else self.hopeful.copy()

    def may(self) -> bool:
        """Return whether there are runs left; if not, the search is not settled."""
        if not self.may_go_on():
            self.found.settled = False
        return self.found.settled

    def next(self) -> int | None:
        """Return the candidate to look at next, None at the end."""
        if not self.undecided.any() or not self.may():
            return None
        return _next(self.space, self.cost, self.undecided)

    def cost_of(self, candidate: int) -> float:
        """Return what a candidate costs, as far as that is known before its run."""
        if self.cost is not None:
            return float(self.cost[candidate])
        return -np.inf

    def look(self, candidate: int, judge: Judge) -> Verdict:
        """Judge a candidate and settle what follows."""
        verdict = self.found.verdicts[candidate] = judge(candidate)
        self.undecided[candidate] = False
        if verdict.feasible:
            price = verdict.cost if self.cost is None else float(self.cost[candidate])
            if price < self.least:
                self.found.best, self.least = candidate, price
            if not self.keep_dearer:
                self._settle(_no_better(self.space, self.cost, candidate), DEARER)
        elif not verdict.close:
            if verdict.more_would_help:
                self._settle(self.space.no_more_than(candidate), LESS)
            if verdict.more_would_hurt:
                self._settle(self.space.no_less_than(candidate), MORE)
        return verdict

    def try_parts(self, probe: Judge) -> None:
        """Judge the combinations of each part beside the strongest others, by bisection."""
        for part, beside in beside_the_strongest(self.space):
            left = np.array([self.undecided[part.combo == combo].any() for combo in part.range])
            while left.any() and self.may():
                combo = _middle(part.no_more, left)
                candidate = int(beside[combo])
                verdict = probe(candidate)
                left[combo] = False
                if verdict.more_would_help and not verdict.close:
                    self.found.verdicts.setdefault(candidate, verdict)
                    self._settle(self.space.no_more_than(candidate), WEAK)
                    left &= ~part.no_more[:, combo]
                else:
                    left &= ~part.no_more[combo]

    def _settle(self, which: BoolArray, reason: str) -> None:
        """Take away what follows from a verdict."""
        gone = self.undecided & which
        spared = self.found.spared
        spared[reason] = spared.get(reason, 0) + int(gone.sum())
        self.undecided &= ~gone


def beside_the_strongest(space: Space) -> Iterator[tuple[Part, NDArray[np.int64]]]:
    """Yield each part with the candidate of each of its combinations, the others the strongest."""
    sizes = [len(part.no_more) for part in space.parts]
    strongest = [int(part.no_more.sum(axis=0).argmax()) for part in space.parts]
    if len(space.parts) < 2:
        return
    combos = np.ravel_multi_index(tuple(part.combo for part in space.parts), tuple(sizes))
    candidate_at = np.empty(len(space), dtype=np.int64)
    candidate_at[combos] = np.arange(len(space))
    for place, part in enumerate(space.parts):
        rows = [
            part.range if other == place else np.full(sizes[place], best)
            for other, best in enumerate(strongest)
        ]
        yield part, candidate_at[np.ravel_multi_index(tuple(rows), tuple(sizes))]


def _middle(no_more: BoolArray, left: BoolArray) -> int:
    """Return the combination whose verdict settles the most others in the worse case."""
    below = (no_more & left[:, None]).sum(axis=0)
    above = (no_more & left[None, :]).sum(axis=1)
    return int(np.where(left, np.minimum(below, above), -1).argmax())


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
