"""Closed forms of a segment: a stretch of engine steps whose times form an arithmetic series."""

from __future__ import annotations

from math import ceil, sqrt


def elapsed_s(steps: int, first_s: float, growth_s: float) -> float:
    """Return the time that the first ``steps`` steps of a segment take [s].

    Args:
        steps: number of steps, 0 or more.
        first_s: time of the first step [s].
        growth_s: by how much each step is longer than the one before [s].
    """
    return steps * first_s + growth_s * (steps * (steps - 1)) * 0.5


def steps_until(start_s: float, moment_s: float, first_s: float, growth_s: float) -> int:
    """Return the smallest number of steps after which a segment has reached ``moment_s``.

    The root of the quadratic is corrected to the exact step, so the answer is right although the
    root is rounded: ``start + elapsed(k) >= moment > start + elapsed(k - 1)``.

    Args:
        start_s: time at which the segment starts [s].
        moment_s: time of interest, not before the start [s].
        first_s: time of the first step, positive [s].
        growth_s: growth per step, not negative [s].
    """
    wanted_s = moment_s - start_s
    if growth_s > 0.0:
        slope = first_s - 0.5 * growth_s
        steps = ceil(2.0 * wanted_s / (slope + sqrt(slope * slope + 2.0 * growth_s * wanted_s)))
    else:
        steps = ceil(wanted_s / first_s)
    # `elapsed_s` is written out here: this runs for every second request.
    while start_s + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5) < moment_s:
        steps += 1
    while steps > 0:
        fewer = steps - 1
        if start_s + (fewer * first_s + growth_s * (fewer * (fewer - 1)) * 0.5) < moment_s:
            break
        steps = fewer
    return steps
