"""The search along one axis of load: margins to limits, and where each reaches zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

GROWTH = 1.5
LEAST_SCALE = 1.0 / 64.0
# A facility holds its power limits by slowing racks down, and its racks stay cool by switching off:
# these are the shares of rack time capped and of heat not carried away at which that counts.
CAPPED_SHARE, UNMET_SHARE = 0.01, 0.001
BEYOND_FIRST = 4.0  # limits that hold this far past the first break are not searched for


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that may break.

    Attributes:
        kind: ``sla``, ``power``, ``capping`` or ``cooling``.
        name: of the tier or site.
        bound: the target share, the limit in kW, or the greatest share of time or heat.
    """

    kind: str
    name: str
    bound: float


Margins = Mapping[Limit, float]
"""What is left of each limit as a share of what is allowed; below 0 it is broken."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Margins by scale, as far as one replication was searched."""

    margins: Mapping[float, Margins]

    @property
    def limits(self) -> list[Limit]:
        """The limits that any of its runs reported."""
        return list(dict.fromkeys(limit for at in self.margins.values() for limit in at))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row per scale and limit, by growing scale."""
        for scale in sorted(self.margins):
            for limit, margin in self.margins[scale].items():
                named = {"scale": scale, "kind": limit.kind, "name": limit.name}
                yield named | {"bound": limit.bound, "margin": margin}

    def bracket(self, limit: Limit) -> tuple[float, float] | None:
        """Return the least broken scale of a limit and the one before it, None without either."""
        scales = sorted(scale for scale, at in self.margins.items() if limit in at)
        for before, scale in pairwise(scales):
            if self.margins[scale][limit] < 0.0 <= self.margins[before][limit]:
                return before, scale
        return None

    def break_scale(self, limit: Limit) -> float:
        """Return the scale at which the margin is 0; inf where it holds, 0 where it never did."""
        bracket = self.bracket(limit)
        if bracket is not None:
            low, high = bracket
            return _zero(low, high, self.margins[low][limit], self.margins[high][limit])
        least = min(self.margins)
        return math.inf if self.margins[least].get(limit, 0.0) >= 0.0 else 0.0


def margins_of(summary: Mapping[str, Any]) -> dict[Limit, float]:
    """Return the margin of every SLO target, power limit and limit of the cooling.

    The margin of a target counts misses: 1 - misses / allowed misses. It runs from 1 (none missed)
    through 0 (exactly the target) to below 0, for a target of 99.9 % as for one of 90 %.

    Args:
        summary: of a run.
    """
    margins = {}
    for tier, view in summary.get("sla", {}).items():
        target, attained = view.get("targets", {}).get("target"), view.get("attainment")
        if target is not None and attained is not None:
            allowed = max(1.0 - target, 1e-9)
            margins[Limit("sla", tier, target)] = 1.0 - (1.0 - attained) / allowed
    for site, view in summary.get("power", {}).items():
        limit_kw, peak_kw = view.get("limit_kw"), view.get("peak_kw")
        if limit_kw is not None and peak_kw is not None and math.isfinite(limit_kw):
            margins[Limit("power", site, limit_kw)] = 1.0 - peak_kw / limit_kw
    for site, view in summary.get("facility", {}).items():
        capped, unmet_kwh = view.get("capped_share"), view.get("unmet_heat_kwh")
        if capped is not None:
            margins[Limit("capping", site, CAPPED_SHARE)] = 1.0 - capped / CAPPED_SHARE
        if unmet_kwh is not None and view.get("it_kwh"):
            share = unmet_kwh / view["it_kwh"]
            margins[Limit("cooling", site, UNMET_SHARE)] = 1.0 - share / UNMET_SHARE
    return margins


def explore(margins: Callable[[float], Margins], tolerance: float, greatest: float) -> Curve:
    """Return margins at enough scales to bracket where every limit breaks.

    Scales grow (for what is broken today, shrink) by a constant factor until every limit is
    bracketed; then each bracket is cut near the straight line through its ends. A cut keeps away
    from both ends, because at a knee the line alone would creep. All limits share the runs.

    Args:
        margins: runs the scenario at a scale.
        tolerance: relative width of the final brackets.
        greatest: scale at which growing ends.
    """
    known = {1.0: margins(1.0)}
    while min(known) > LEAST_SCALE and _any(known[min(known)], broken=True):
        low = min(known) / GROWTH
        known[low] = margins(low)
    top = 1.0
    while top < greatest and _any(known[top], broken=False):
        if _any(known[top], broken=True):
            first = min(scale for scale, at in known.items() if _any(at, broken=True))
            greatest = min(greatest, max(1.0, BEYOND_FIRST * first))
        top = min(greatest, top * GROWTH)
        if top not in known:
            known[top] = margins(top)
    curve = Curve(known)
    for limit in curve.limits:
        while (ends := curve.bracket(limit)) and ends[1] > ends[0] * (1.0 + tolerance):
            scale = _cut(*ends, known[ends[0]][limit], known[ends[1]][limit])
            known[scale] = margins(scale)
    return curve


def _any(margins: Margins, *, broken: bool) -> bool:
    return any((margin < 0.0) == broken for margin in margins.values())


def _zero(low: float, high: float, above: float, below: float) -> float:
    return low + (high - low) * above / (above - below)


def _cut(low: float, high: float, above: float, below: float) -> float:
    inset = 0.25 * (high - low)
    return min(max(_zero(low, high, above, below), low + inset), high - inset)
