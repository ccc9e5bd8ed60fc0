"""Which variants of a study keep which promise: targets, and how sure it is that they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sim.experiment.study.results_table import intervals_table
from sim.report import formats
from sim.report.charts.view import as_float, at

if TYPE_CHECKING:
    from sim.experiment.study.sweep import SweepResult

LATENCIES = ("ttft_s", "tpot_s", "e2e_s")


class State(StrEnum):
    """What the runs say of a promise."""

    MET = "met"
    LIKELY = "met on average"
    UNLIKELY = "missed on average"
    MISSED = "missed"

    @property
    def holds(self) -> bool:
        """Return whether the mean keeps the promise."""
        return self in (State.MET, State.LIKELY)

    @property
    def sign(self) -> str:
        """Return a sign that tells states apart without colour."""
        return {State.MET: "✓", State.LIKELY: "(✓)", State.UNLIKELY: "(✗)"}.get(self, "✗")


@dataclass(frozen=True, slots=True)
class Reading:
    """An attainment with its 95 % interval; the ends are NaN where there are too few runs."""

    value: float
    low: float
    high: float
    target: float

    @property
    def state(self) -> State:
        """Return what it says of the target."""
        if self.value >= self.target:
            return State.MET if self.low >= self.target else State.LIKELY
        return State.MISSED if self.high < self.target else State.UNLIKELY

    def __str__(self) -> str:
        """Return the share with its interval, with the digits that tell it from the target."""
        told = formats.share_beside(self.value, self.target)
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return told
        low, high = (
            formats.share(end).replace(f"{formats.GAP}%", "") for end in (self.low, self.high)
        )
        return f"{told}, {low} to {high}{formats.GAP}%"


@dataclass(frozen=True, slots=True)
class Promise:
    """The target of a tier.

    Attributes:
        tier: its name.
        readings: by variant; variants in which the tier has no target or no request are left out.
    """

    tier: str
    readings: Mapping[int, Reading]

    @property
    def words(self) -> str:
        """Return the promise as it stands in a sentence, such as ``premium at 99 %``."""
        targets = {reading.target for reading in self.readings.values()}
        if len(targets) > 1:
            return f"{self.tier} at its target"
        return f"{self.tier} at {formats.share(targets.pop(), 2)}"


def promises(result: SweepResult) -> list[Promise]:
    """Return the targets of all tiers with what the runs attained, whatever the study lists."""
    rows = intervals_table(result.variants, result.outcomes, ("sla.*.attainment",))
    found: dict[str, dict[int, Reading]] = {}
    for row in rows.to_dict("records"):
        tier, variant = str(row["metric"])[4:-11], int(row["variant"])
        target = as_float(at(summary_of(result, variant), "sla", tier, "targets", "target"))
        if target is not None and math.isfinite(row["value"]):
            reading = Reading(row["value"], row["low"], row["high"], target)
            found.setdefault(tier, {})[variant] = reading
    return [Promise(tier, readings) for tier, readings in found.items()]


def limit_of(result: SweepResult, metric: str) -> float | None:
    """Return the limit of a number that all variants share: a target, an SLO; None without one."""
    limits = {_limit(summary_of(result, variant.index), metric) for variant in result.variants}
    limits.discard(None)
    return limits.pop() if len(limits) == 1 else None


def _limit(summary: Mapping[str, Any], metric: str) -> float | None:
    parts = metric.split(".")
    if parts[0] == "sla" and parts[-1] == "attainment":
        return as_float(at(summary, "sla", ".".join(parts[1:-1]), "targets", "target"))
    if parts[:2] == ["latency", "tiers"] and parts[-2] in LATENCIES:
        return as_float(at(summary, "sla", ".".join(parts[2:-2]), "targets", parts[-2]))
    return None


def summary_of(result: SweepResult, variant: int) -> Mapping[str, Any]:
    """Return the summary of the first good run of a variant, empty without one."""
    runs = result.outcomes.get(variant, {})
    return next((run.summary for _, run in sorted(runs.items()) if not run.error), {})
