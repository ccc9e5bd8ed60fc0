"""Clocks that tick: traces whose time stamps lie on a grid, and how to undo it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from sim.interfaces import FloatArray
from sim.traffic.trace import Trace

#: Steps that clocks of published traces have, from coarse to fine [s].
_STEPS_S = (60.0, 30.0, 15.0, 10.0, 5.0, 3.0, 2.0, 1.0, 0.5, 0.1, 0.01, 0.001)
_OFF_GRID_SHARE = 0.001
_LEAST_ARRIVALS = 50


def grid_step_s(arrival_s: FloatArray) -> float:
    """Return the step of the grid on which arrival times lie [s], 0 where there is none.

    The largest step counts on whose grid all but one in a thousand arrivals lie. A clock that is
    merely printed with few digits has a step too; `is_coarse` tells whether it matters.
    """
    if len(arrival_s) < _LEAST_ARRIVALS:
        return 0.0
    times = arrival_s - arrival_s[0]
    gaps = np.diff(times)
    distinct = np.unique(np.round(gaps[gaps > 0], 6))
    for step_s in (*_own_steps(distinct), *_STEPS_S):
        if step_s > 0 and _on_grid(times, step_s):
            return float(step_s)
    return 0.0


def _own_steps(distinct: FloatArray) -> tuple[float, ...]:
    """Return the smallest gap, if it is large enough to be a tick of an unusual clock."""
    return (float(distinct[0]),) if len(distinct) and distinct[0] > _STEPS_S[-1] else ()


def _on_grid(times: FloatArray, step_s: float) -> bool:
    ticks = times / step_s
    # Times themselves are rounded, so a share of a millisecond off the grid is still on it.
    off = np.abs(ticks - np.rint(ticks)) * step_s > max(1e-6, step_s * 1e-4)
    return bool(off.mean() <= _OFF_GRID_SHARE)


def is_coarse(arrival_s: FloatArray, step_s: float) -> bool:
    """Tell whether a grid distorts the statistics: many requests share a tick."""
    if step_s <= 0 or len(arrival_s) < 2:
        return False
    return bool((np.diff(arrival_s) < step_s / 2).mean() > 0.02)


def de_jitter(trace: Trace, step_s: float, generator: Generator) -> Trace:
    """Return the trace with each arrival moved to a uniform place inside its tick.

    Args:
        trace: a trace on a grid.
        step_s: the step of the grid [s].
        generator: source of randomness.
    """
    moved = trace.arrival_s + generator.random(len(trace)) * step_s
    order = np.argsort(moved, kind="stable")
    span_s = max(trace.span_s, float(moved[order[-1]]) if len(moved) else 0.0)
    return replace(trace, arrival_s=moved, span_s=span_s).take(order)


def smooth(trace: Trace, generator: Generator) -> Trace:
    """Return the trace, its arrivals spread inside each tick if the clock is too coarse."""
    step_s = grid_step_s(trace.arrival_s)
    return de_jitter(trace, step_s, generator) if is_coarse(trace.arrival_s, step_s) else trace
