"""What went above its power limit, from racks to sites, and the power of rows against theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sim.facility.metering.levels import LEVELS
from sim.facility.metering.meter import PowerMeter

MOST_PLACES = 20  # of a level that are named


def above_limits(meter: PowerMeter, length_s: float) -> dict[str, dict[str, Any]]:
    """Return how many racks, rows, halls and sites went above their limit, and the worst of each.

    Args:
        meter: after the run.
        length_s: length of the measuring window [s].

    Returns:
        By level, only of levels where something did: ``count``, and ``worst`` with name, limit and
        peak [W] and the share of the window above the limit, by peak over limit.
    """
    points = meter.points
    found: dict[str, dict[str, Any]] = {}
    for level in LEVELS:
        first = points.spans[level].start
        above = first + np.flatnonzero(meter.above_s[points.spans[level]] > 0.0)
        fullness = meter.peak_w[above] / points.limit_w[above]
        worst = above[np.argsort(-fullness, kind="stable")[:MOST_PLACES]].tolist()
        if worst:
            places = [{"name": points.names[at], **_figures(meter, at, length_s)} for at in worst]
            found[level] = {"count": len(above), "worst": places}
    return found


def limit_warnings(above: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a warning per level at which something went above its limit, see `above_limits`."""
    for level, found in above.items():
        worst, count = found["worst"][0], found["count"]
        who, most = f"{level} {worst['name']}", "it"
        if count > 1:
            who, most = f"{count} {level}s", f"{worst['name']}, the worst,"
        yield (
            f"{who} went above the power limit: {most} drew up to {worst['peak_w'] / 1e3:.4g} kW "
            f"against {worst['limit_w'] / 1e3:.4g} kW and was above for "
            f"{100.0 * worst['share_above']:.3g} % of the time"
        )


def row_figures(meter: PowerMeter, length_s: float) -> dict[str, dict[str, float]]:
    """Return the power of every row: mean, peak, limit, headroom [W] and share of time above."""
    points = meter.points
    return {
        points.names[at]: _figures(meter, at, length_s)
        for at in range(points.spans["row"].start, points.spans["row"].stop)
    }


def _figures(meter: PowerMeter, at: int, length_s: float) -> dict[str, float]:
    limit_w, peak_w = float(meter.points.limit_w[at]), float(meter.peak_w[at])
    window_s = length_s or float("nan")
    return {
        "limit_w": limit_w,
        "mean_w": float(meter.energy_j[at]) / window_s,
        "peak_w": peak_w,
        "headroom_w": limit_w - peak_w,
        "share_above": float(meter.above_s[at]) / window_s,
    }
