"""What a study answers: which decision keeps which promise, and how far.

Axes are decisions (replicas, racks, routing: a designer chooses them) or scenarios (traffic,
weather, prices, faults: they happen). A decision reaches a value of the one numeric scenario axis
if it keeps the promise there and at every lower value; with other scenario axes it keeps it in so
many of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.study.axes import StudyAxis, axes_of
from sim.report import formats
from sim.report.answers.holding import Promise, Reading, promises, summary_of
from sim.report.answers.words import axis_phrase, is_scenario
from sim.report.charts.view import as_float, at

if TYPE_CHECKING:
    from sim.experiment.study.sweep import SweepResult

COSTS = ("ledger.cost_usd_per_h", "cost.fleet_usd", "cost.total_usd", "energy.it_kwh")
Places = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A decision under every scenario.

    Attributes:
        words: the decision in a sentence.
        readings: of one promise in the order of the scenarios; None where nothing was measured.
        cost: what the decision costs under the first scenario; infinite where unknown.
    """

    words: str
    readings: tuple[Reading | None, ...]
    cost: float

    @property
    def reach(self) -> int:
        """Return how many scenarios hold before the first that does not."""
        held = [reading is not None and reading.state.holds for reading in self.readings]
        return held.index(False) if False in held else len(held)

    @property
    def held(self) -> int:
        """Return in how many scenarios the promise is kept."""
        return sum(reading is not None and reading.state.holds for reading in self.readings)


@dataclass(frozen=True, slots=True)
class Table:
    """How far each decision keeps one promise.

    Attributes:
        promise: the promise.
        scenarios: what may happen, in words; a single empty text where nothing is varied.
        cases: the decisions.
        ordered: whether the scenarios ascend along one axis.
    """

    promise: Promise
    scenarios: tuple[str, ...]
    cases: tuple[Case, ...]
    ordered: bool

    def score(self, case: Case) -> int:
        """Return how well a decision keeps the promise."""
        return case.reach if self.ordered else case.held

    @property
    def best(self) -> Case:
        """Return the decision that keeps it furthest, the cheapest of several."""
        return min(self.cases, key=lambda case: (-self.score(case), case.cost))


def study_tables(result: SweepResult) -> list[Table]:
    """Return how far each decision of a study keeps each promise."""
    axes = axes_of(result.loaded.study, result.variants)
    sampled = any(axis.sampled for axis in axes)  # then no two points share a value to compare at
    happens = [axis for axis in axes if is_scenario(axis.paths) and not sampled]
    chosen = [axis for axis in axes if axis not in happens]
    ordered = len(happens) == 1 and happens[0].numbers is not None
    scenarios, decisions = _combinations(happens), _combinations(chosen)
    if sampled:
        decisions = [_where(chosen, variant.index) for variant in result.variants]
    at_variant = {
        (_where(chosen, each.index), _where(happens, each.index)): each.index
        for each in result.variants
    }
    price = _price(result)
    tables = []
    for promise in promises(result):
        cases = []
        for decision in decisions:
            variants = [at_variant.get((decision, scenario)) for scenario in scenarios]
            readings = tuple(None if v is None else promise.readings.get(v) for v in variants)
            if any(readings):
                known = [price(v) for v in variants if v is not None]
                cost = min(known, default=np.inf)
                cases.append(Case(_said(chosen, decision) or "the base", readings, cost))
        if cases:
            names = tuple(_said(happens, scenario) for scenario in scenarios)
            tables.append(Table(promise, names, tuple(cases), ordered))
    return tables


def study_answers(result: SweepResult) -> list[str]:
    """Return what the study answers in sentences, the promise that is hardest to keep first."""
    tables = study_tables(result)
    tables.sort(key=lambda table: table.score(table.best))
    return [_sentence(table) for table in tables]


def _sentence(table: Table) -> str:
    best, total = table.best, len(table.scenarios)
    score = table.score(best)
    if not score:
        return _none(table)
    many = best.words[:1].isdigit() and not best.words.startswith("1 ")
    said = f"{best.words} {'hold' if many else 'holds'} {table.promise.words}"
    if total == 1:
        said += f" ({best.readings[0]}){_rank(table)}"
    elif table.ordered:
        said += f" through {table.scenarios[score - 1]} ({best.readings[score - 1]})"
        ahead = (
            f"; at {table.scenarios[score]} it is {best.readings[score]}" if score < total else ""
        )
        said += ahead or ", the most that was tried"
    elif score < total:
        said += f" in {score} of {total} scenarios, not with {_first_missed(table, best)}"
    else:
        worst = min((each for each in best.readings if each), key=lambda each: each.value)
        said += f" in all {total} scenarios ({worst} at worst)"
    certain = "" if _certain(best, table.ordered) else "; not yet certain"
    return f"{said[:1].upper()}{said[1:]}{certain}."


def _rank(table: Table) -> str:
    """Return how a decision stands among those that keep the promise."""
    keep = sum(bool(table.score(case)) for case in table.cases)
    if len(table.cases) == 1:
        return ""
    if keep == 1:
        return ", alone of all tried"
    return f", {'the cheapest' if np.isfinite(table.best.cost) else 'one'} of {keep} that do"


def _none(table: Table) -> str:
    nearest = max(table.cases, key=lambda case: _attained(case.readings[0]))
    where = f" at {table.scenarios[0]}" if table.scenarios[0] else ""
    words = f"{table.promise.words}{where}"
    if len(table.cases) > 1:
        said = f"Nothing that was tried holds {words}; nearest: {nearest.words}"
    else:
        said = f"{nearest.words[:1].upper()}{nearest.words[1:]} misses {words}"
    reading = nearest.readings[0]
    return f"{said} ({reading})." if reading else f"{said}."


def _attained(reading: Reading | None) -> float:
    return reading.value if reading else -np.inf


def _first_missed(table: Table, case: Case) -> str:
    pairs = zip(table.scenarios, case.readings, strict=True)
    return next(f"{name} ({reading})" for name, reading in pairs if not _holds(reading))


def _holds(reading: Reading | None) -> bool:
    return reading is not None and reading.state.holds


def _certain(case: Case, ordered: bool) -> bool:
    counted = case.readings[: case.reach] if ordered else case.readings
    return all(not _holds(each) or each.state == "met" for each in counted if each)


def _combinations(axes: Sequence[StudyAxis]) -> list[Places]:
    """Return every combination of places, numbers ascending; the first axis changes slowest."""
    return list(product(*(_ascending(axis) for axis in axes)))


def _ascending(axis: StudyAxis) -> list[int]:
    places = range(len(axis.texts))
    numbers = axis.numbers
    return sorted(places, key=lambda place: numbers[place]) if numbers else list(places)


def _where(axes: Sequence[StudyAxis], variant: int) -> Places:
    return tuple(axis.places[variant] for axis in axes)


def _said(axes: Sequence[StudyAxis], places: Places) -> str:
    return ", ".join(axis_phrase(axis, place) for axis, place in zip(axes, places, strict=True))


def _price(result: SweepResult) -> Callable[[int], float]:
    """Return what says what a variant costs, by the first number of money that is known."""
    for metric in COSTS:
        costs = {
            variant.index: as_float(at(summary_of(result, variant.index), *metric.split(".")))
            for variant in result.variants
        }
        known = {variant: cost for variant, cost in costs.items() if cost is not None}
        if known:
            return lambda variant: known.get(variant, np.inf)
    return lambda _: np.inf


def met_text(reading: Reading | None) -> str:
    """Return a cell: the sign of the state and the share with its interval."""
    return f"{reading.state.sign} {reading}" if reading else formats.NOTHING
