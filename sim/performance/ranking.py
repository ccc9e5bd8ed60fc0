"""Whether an order of deployments rests on step times of one kind, or may turn with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.performance.steptime import StepTime


@dataclass(frozen=True, slots=True)
class Footing:
    """What the step times of a fleet rest on.

    Attributes:
        bases: of its pools: given, fitted, kernels, scaled, physical.
        low: lowest end of their intervals of true over predicted step time [1].
        high: highest end [1].
    """

    bases: frozenset[str]
    low: float
    high: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{' and '.join(sorted(self.bases))} step times ({self.low:.2f} to {self.high:.2f})"


def footing(steps: Iterable[StepTime]) -> Footing:
    """Return what the step times of pools rest on."""
    known = list(steps)
    return Footing(
        frozenset(step.basis for step in known),
        min(step.time_low for step in known),
        max(step.time_high for step in known),
    )


def footing_of(summary: Mapping[str, Any]) -> Footing | None:
    """Return what a run's step times rest on, None if its summary does not tell."""
    told = [pool.get("step_time") or {} for pool in (summary.get("pools") or {}).values()]
    if not told or not all("basis" in each and "interval" in each for each in told):
        return None
    return Footing(
        frozenset(str(each["basis"]) for each in told),
        min(float(each["interval"][0]) for each in told),
        max(float(each["interval"][1]) for each in told),
    )


def may_turn(better: Footing, worse: Footing, ratio: float) -> bool:
    """Return whether the worse of two may be the better one in truth.

    Step times of one kind are wrong alike, so that their order is kept; those of two kinds are
    wrong each in their own way. A number that follows step time, such as cost per token, then
    orders two fleets only if they differ by more than both intervals.

    Args:
        better: footing of the one with the lower number.
        worse: of the other one.
        ratio: its number over the lower one, at least 1.
    """
    return better.bases != worse.bases and ratio * worse.low < better.high
