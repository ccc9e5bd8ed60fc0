"""What a summary says of tiers, sites and power limits, as values with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.report import formats
from sim.report.charts.view import as_float, at

LEVELS = ("site", "hall", "row", "rack")
FATES = {
    "completed": "completed",
    "rejected": "rejected",
    "timed_out": "timed out",
    "failed": "failed",
    "in_flight": "undecided: in flight at the end",
}
MISSES = {
    "late_ttft": "first token late",
    "late_tpot": "tokens too slow",
    "late_e2e": "answer late",
    "failed": "failed",
    "rejected": "rejected",
    "timed_out": "timed out",
}


@dataclass(frozen=True, slots=True)
class TierSla:
    """How a tier did against its target; ``target`` is None where the scenario gives none."""

    name: str
    attainment: float
    target: float | None

    @property
    def met(self) -> bool | None:
        """Return whether the target was met, None without a target."""
        return None if self.target is None else self.attainment >= self.target

    @property
    def against(self) -> str:
        """Return attainment and target, with as many digits as tell them apart."""
        if self.target is None:
            return formats.share(self.attainment, 2)
        shown = formats.share_beside(self.attainment, self.target)
        return f"{shown} of {formats.share(self.target, 2)}"


@dataclass(frozen=True, slots=True)
class SitePower:
    """Peak power of a site against its limit [kW]."""

    name: str
    peak_kw: float
    limit_kw: float | None

    @property
    def fullness(self) -> float:
        """Return peak over limit, 0 without a limit."""
        return self.peak_kw / self.limit_kw if self.limit_kw else 0.0


@dataclass(frozen=True, slots=True)
class PlacesAbove:
    """The sites, halls, rows or racks that went above their power limit, the worst of them first.

    Attributes:
        level: what they are.
        count: how many there are.
        worst: name, ``limit_w``, ``peak_w`` and ``share_above`` of the worst.
    """

    level: str
    count: int
    worst: Sequence[Mapping[str, Any]]

    @property
    def fullness(self) -> float:
        """Return peak over limit of the worst."""
        return float(self.worst[0]["peak_w"]) / float(self.worst[0]["limit_w"])

    @property
    def named(self) -> str:
        """Return how many there are, in words."""
        return formats.plural(self.count, self.level)


def tier_slas(summary: Mapping[str, Any]) -> list[TierSla]:
    """Return the attainment of every tier that has one."""
    found = []
    for name, entry in (at(summary, "sla") or {}).items():
        attainment = as_float(at(entry, "attainment"))
        if attainment is not None:
            found.append(TierSla(str(name), attainment, as_float(at(entry, "targets", "target"))))
    return found


def missed_tiers(summary: Mapping[str, Any]) -> list[TierSla]:
    """Return the tiers below their target, the one that is furthest from it first."""
    missed = [sla for sla in tier_slas(summary) if sla.met is False]
    return sorted(missed, key=lambda sla: sla.attainment - (sla.target or 0.0))


def site_powers(summary: Mapping[str, Any]) -> list[SitePower]:
    """Return the peak power of every site, the fullest first."""
    found = [
        SitePower(str(name), peak, as_float(at(entry, "limit_kw")))
        for name, entry in (at(summary, "power") or {}).items()
        if (peak := as_float(at(entry, "peak_kw"))) is not None
    ]
    return sorted(found, key=lambda site: -site.fullness)


def places_above(summary: Mapping[str, Any]) -> list[PlacesAbove]:
    """Return the levels at which something went above its power limit, from site to rack."""
    found = at(summary, "above_limit") or {}
    return [
        PlacesAbove(level, int(found[level]["count"]), found[level]["worst"])
        for level in LEVELS
        if level in found
    ]


def misses(summary: Mapping[str, Any], tier: str) -> dict[str, int]:
    """Return why requests of a tier missed their SLO, the most frequent reason first."""
    found = at(summary, "sla", tier, "missed") or {}
    known = {reason: int(found.get(reason) or 0) for reason in MISSES}
    return {
        reason: number for reason, number in sorted(known.items(), key=lambda i: -i[1]) if number
    }
