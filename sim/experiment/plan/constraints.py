"""Constraints of a plan: limits in the metric's unit, and whether samples prove that they hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sim.errors import InputError, Problem, ScenarioError
from sim.experiment.statistics.intervals import t_quantile
from sim.scenario.schema.plan import Constraint, Plan
from sim.units import ENERGY, J_PER_KWH, POWER, SHARE, TIME, Kind, parse

# Unit of a metric by the end of its name, and the factor from SI to it.
_UNITS: tuple[tuple[str, Kind, float], ...] = (
    ("_kwh", ENERGY, 1.0 / J_PER_KWH),
    ("_kw", POWER, 1e-3),
    ("attainment", SHARE, 1.0),
    ("_share", SHARE, 1.0),
)
_LATENCY_PARTS = ("ttft_s", "tpot_s", "e2e_s", "queue_s", "network_s")
GROSS = 2.0  # a single run that misses a limit by this factor is proof enough
State = Literal["holds", "fails", "open"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A constraint that is ready to be checked.

    Attributes:
        metric: dotted name in the summary.
        limit: in the metric's unit.
        upper: whether the metric must not be greater (else not smaller).
        confidence: how sure the answer has to be.
        more: whether more capacity ``helps``, ``hurts`` or does ``neither``.
        relief: by how much to move the limit to find the price of relief.
    """

    metric: str
    limit: float
    upper: bool
    confidence: float
    more: str
    relief: float

    @property
    def relaxed(self) -> Bound:
        """The same with its limit moved by the relief."""
        moved = self.limit + self.relief if self.upper else self.limit - self.relief
        return Bound(self.metric, moved, self.upper, self.confidence, self.more, self.relief)

    def violation(self, value: float) -> float:
        """Return by how much a value misses the limit, as a share of it; at most 0 if it holds."""
        missed = value - self.limit if self.upper else self.limit - value
        if self.metric.endswith("attainment"):  # what counts there are the misses
            return missed / max(1.0 - self.limit, 1e-9)
        return missed / max(abs(self.limit), 1e-12)

    def state(self, values: Sequence[float]) -> State:
        """Return whether the mean of the samples holds the limit, fails it, or is still open.

        Args:
            values: one number per replication; a run in which it could not be measured fails.
        """
        numbers = np.asarray(values, dtype=float)
        if not len(numbers):
            return "open"
        if np.isnan(numbers).any():
            return "fails"
        miss = numbers - self.limit if self.upper else self.limit - numbers
        mean, count = float(miss.mean()), len(numbers)
        if self.violation(float(numbers.mean())) > GROSS - 1.0:
            return "fails"
        if count < 2:
            return "open"
        one_sided = t_quantile(count - 1, 2.0 * self.confidence - 1.0)
        half = one_sided * float(miss.std(ddof=1)) / math.sqrt(count)
        if mean + half <= 0.0:
            return "holds"
        return "fails" if mean - half > 0.0 else "open"

    def __str__(self) -> str:
        """Return the constraint in words."""
        return f"{self.metric} {'at most' if self.upper else 'at least'} {self.limit:g}"


def bounds_of(plan: Plan) -> list[Bound]:
    """Return the constraints of a plan.

    Raises:
        ScenarioError: a limit has no number or another unit, or two limits exclude each other.
    """
    problems: list[Problem] = []
    bounds: list[Bound] = []
    for place, constraint in enumerate(plan.constraints):
        try:
            bounds.append(_bound(constraint, f"plan.constraints[{place}]"))
        except InputError as error:
            problems += error.problems
    problems += _contradictions(bounds)
    if problems:
        raise ScenarioError(problems)
    return bounds


def _bound(constraint: Constraint, place: str) -> Bound:
    upper = constraint.at_most is not None
    key, given = ("at_most", constraint.at_most) if upper else ("at_least", constraint.at_least)
    limit = read_limit(constraint.metric, given, f"{place}.{key}")
    relief = 0.1 * abs(limit)
    if constraint.metric.endswith("attainment"):
        relief = 0.5 * (1.0 - limit)
    if constraint.relief is not None:
        relief = read_limit(constraint.metric, constraint.relief, f"{place}.relief")
    more = constraint.more or _effect_of_more(constraint.metric)
    return Bound(constraint.metric, limit, upper, constraint.confidence, more, relief)


def read_limit(metric: str, given: Any, place: str) -> float:
    """Return a limit in the unit of its metric.

    Args:
        metric: dotted name in the summary.
        given: a number in the metric's unit, or text with a unit.
        place: where it stands in the study, for messages.

    Raises:
        ScenarioError: it is neither.
    """
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return float(given)
    kind, factor = _unit_of(metric)
    expected = kind.expected if kind else "a number"
    if isinstance(given, str) and kind:
        try:
            return parse(given, kind) * factor
        except InputError as error:
            hint = error.problems[0].hint
            raise ScenarioError([Problem(place, repr(given), expected, hint=hint)]) from None
    raise ScenarioError([Problem(place, repr(given), expected)])


def _unit_of(metric: str) -> tuple[Kind | None, float]:
    if any(part in _LATENCY_PARTS for part in metric.split(".")):
        return TIME, 1.0
    return next(((kind, f) for end, kind, f in _UNITS if metric.endswith(end)), (None, 1.0))


def _effect_of_more(metric: str) -> str:
    """Return what more capacity does to a metric, as far as its name tells."""
    family = metric.split(".", 1)[0]
    if family in ("latency", "sla", "requests", "throughput"):
        return "helps"
    if family in ("power", "energy", "carbon", "cost", "price_usd_per_h"):
        return "hurts"
    return "neither"


def _contradictions(bounds: Sequence[Bound]) -> list[Problem]:
    problems = []
    for upper in bounds:
        for lower in bounds:
            same = upper.metric == lower.metric and upper.upper and not lower.upper
            if same and lower.limit > upper.limit:
                got = f"at least {lower.limit:g} and at most {upper.limit:g}"
                problems.append(Problem(upper.metric, got, "limits that leave something between"))
    return problems
