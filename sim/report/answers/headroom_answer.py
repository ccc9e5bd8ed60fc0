"""What a search for headroom answers: which limit breaks first, at how much more traffic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.report import formats

if TYPE_CHECKING:
    from sim.experiment.headroom.headroom import BreakingPoint, Headroom
    from sim.experiment.headroom.knee import Limit

NOUNS = {"sla": "SLO of", "power": "power of", "capping": "capping at", "cooling": "cooling of"}


def limit_words(limit: Limit) -> str:
    """Return a limit in words."""
    bound = (
        formats.power_kw(limit.bound) if limit.kind == "power" else formats.share(limit.bound, 2)
    )
    return f"{NOUNS[limit.kind]} {limit.name} ({bound})"


def looked_to(found: Headroom, limit: Limit) -> float:
    """Return the greatest factor on traffic at which a limit was looked at."""
    curve = found.curve
    rows = curve[(curve["kind"] == limit.kind) & (curve["name"] == limit.name)]
    return float(rows["scale"].max())


def headroom_answers(found: Headroom) -> list[str]:
    """Return a sentence per limit in the order in which they break, those that hold at the end."""
    broken = [each for each in found.breaking if math.isfinite(each.scale.value)]
    held = [each for each in found.breaking if each not in broken]
    said = [_breaks(each, place) for place, each in enumerate(broken)]
    for each in held:
        far = formats.number(looked_to(found, each.limit))
        holds = (
            f"{limit_words(each.limit)} holds up to {far} × traffic, as far as the search looked"
        )
        said.append(f"{holds[:1].upper()}{holds[1:]}.")
    return said


def _breaks(point: BreakingPoint, place: int) -> str:
    scale = point.scale
    name = limit_words(point.limit)
    if scale.value <= 0.0:
        return f"{name[:1].upper()}{name[1:]} is broken at any load."
    said = f"{name} breaks {'first' if place == 0 else 'next'} at {formats.number(scale.value)} × "
    said += f"traffic ({formats.number(scale.low)} to {formats.number(scale.high)}"
    if point.inputs:
        ends = (formats.number(point.inputs.low), formats.number(point.inputs.high))
        said += f"; over the uncertain inputs {ends[0]} to {ends[1]}"
    broken = ", so it is broken today" if scale.value < 1.0 else ""
    return f"{said[:1].upper()}{said[1:]}){broken}."
