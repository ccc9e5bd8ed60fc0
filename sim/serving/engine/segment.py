"""Closed forms of a segment: a stretch of engine steps whose times form an arithmetic series."""

from __future__ import annotations

from math import ceil, sqrt


def boundary_after(
    start_s: float, moment_s: float, first_s: float, growth_s: float
) -> tuple[int, float]:
    """Return the first step boundary of a segment that is not before ``moment_s``.

    The root of the quadratic is corrected to the exact step, so the answer is right although the
    root is rounded: ``start + elapsed(k) >= moment > start + elapsed(k - 1)``.

    Args:
        start_s: time at which the segment starts [s].
        moment_s: time of interest, not before the start [s].
        first_s: time of the first step, positive [s].
        growth_s: growth per step, not negative [s].

    Returns:
        The number of steps until then, and the time of the boundary [s].
    """
    wanted_s = moment_s - start_s
    if growth_s > 0.0:
        slope = first_s - 0.5 * growth_s
        steps = ceil(2.0 * wanted_s / (slope + sqrt(slope * slope + 2.0 * growth_s * wanted_s)))
    else:
        steps = ceil(wanted_s / first_s)
    # The time of ``steps`` steps is written out three times: this runs for nearly every request.
    when_s = start_s + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5)
    while when_s < moment_s:
        steps += 1
        when_s = start_s + (steps * first_s + growth_s * (steps * (steps - 1)) * 0.5)
    while steps > 0:
        fewer = steps - 1
        before_s = start_s + (fewer * first_s + growth_s * (fewer * (fewer - 1)) * 0.5)
        if before_s < moment_s:
            break
        steps, when_s = fewer, before_s
    return steps, when_s
