"""Windows and rate scaling of a trace: pure functions from trace to trace."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from sim.errors import Problem, TraceError
from sim.traffic.trace import Trace, concatenate, natural_span_s

LARGEST_SHIFT_S = 60.0
_LONGEST_S = 3.2e7
SESSION_COLUMNS = ("turn", "request_id", "parent_id")

ScaleMethod = Literal["auto", "thin", "superpose", "stretch"]


def window(trace: Trace, from_s: float, to_s: float) -> Trace:
    """Return the requests that arrive in [from_s, to_s), with ``from_s`` as the new zero.

    Args:
        trace: the trace.
        from_s: start of the window [s].
        to_s: end of the window [s]; the end of the trace where that comes first.
    """
    end_s = min(to_s, trace.span_s)
    inside = trace.take((trace.arrival_s >= from_s) & (trace.arrival_s < end_s))
    return replace(inside, arrival_s=inside.arrival_s - from_s, span_s=max(end_s - from_s, 0.0))


def observed(trace: Trace) -> Trace:
    """Return the trace from its first request on, where it starts after a long wait.

    A file whose clock starts a week before its first request would otherwise have a week of empty
    seconds. A first request within a tenth of the span stays where it is.

    Raises:
        TraceError: the trace spans more than a year, so its times are hardly seconds.
    """
    late = len(trace) > 0 and trace.arrival_s[0] > 0.1 * trace.span_s
    seen = window(trace, float(trace.arrival_s[0]), math.inf) if late else trace
    if seen.span_s > _LONGEST_S:
        got = f"a span of {seen.span_s:.4g} s"
        hint = "are the times in seconds?"
        raise TraceError([Problem("", got, "at most a year", trace.report.file, hint=hint)])
    return seen


def scale_rate(trace: Trace, factor: float, method: ScaleMethod, generator: Generator) -> Trace:
    """Return the trace at ``factor`` times its rate.

    A smaller rate is thinned: each request stays with probability ``factor``. A larger one is
    the trace plus shifted copies of itself, so second-scale bursts do not line up while the
    slow drift stays. Both keep the time axis; only ``stretch`` changes it.

    Args:
        trace: the trace.
        factor: multiple of its rate, above 0.
        method: ``auto`` thins below 1 and superposes above it.
        generator: source of randomness.

    Raises:
        TraceError: the method cannot give this factor.
    """
    if not (factor > 0 and math.isfinite(factor)):
        raise TraceError([Problem("scale", f"{factor:g}", "a finite factor above 0")])
    if method == "stretch":
        return replace(trace, arrival_s=trace.arrival_s / factor, span_s=trace.span_s / factor)
    if method == "thin" and factor > 1:
        hint = "method: superpose, or auto"
        raise TraceError([Problem("scale", f"{factor:g} by thinning", "at most 1", hint=hint)])
    if method == "superpose" and factor < 1:
        hint = "method: thin, or auto"
        raise TraceError(
            [Problem("scale", f"{factor:g} by superposition", "at least 1", hint=hint)]
        )
    if factor < 1:
        return thin(trace, factor, generator)
    return superpose(trace, factor, generator)


def thin(trace: Trace, share: float, generator: Generator) -> Trace:
    """Return the trace with each request kept with probability ``share``."""
    return trace.take(generator.random(len(trace)) < share)


def superpose(trace: Trace, factor: float, generator: Generator) -> Trace:
    """Return the trace plus shifted copies of it, the last one thinned to the remainder.

    Copies are shifted round the span by a uniform offset of at most `LARGEST_SHIFT_S` (a tenth
    of the span for short traces), so what leaves at one end enters at the other.
    """
    copies, share = int(factor), factor - int(factor)
    largest_s = min(LARGEST_SHIFT_S, trace.span_s / 10)
    offsets_s = generator.uniform(-largest_s, largest_s, size=copies)
    shifted, other = [], trace
    for offset_s in offsets_s:
        if other.blocks is not None:  # each copy stands for users of its own
            other = replace(other, blocks=other.blocks.apart())
        shifted.append(shift_round(other, float(offset_s)))
    remainder = [thin(shifted.pop(), share, generator)] if share > 0 else shifted[:0]
    return merge_traces([trace, *shifted[: copies - 1], *remainder])


def shift_round(trace: Trace, offset_s: float) -> Trace:
    """Return the trace moved by ``offset_s`` [s] round its span, in order of arrival again."""
    moved = np.mod(trace.arrival_s + offset_s, trace.span_s)
    moved[moved >= trace.span_s] = 0.0  # rounding of the smallest negative times
    order = np.argsort(moved, kind="stable")
    return replace(trace, arrival_s=moved).take(order)


def merge_traces(parts: list[Trace]) -> Trace:
    """Return all requests of several traces in order of arrival; ties keep the given order.

    Session columns are left out: they number rows of one trace and mean nothing in a mixture.
    """
    joined = concatenate(parts)
    extras = {name: c for name, c in joined.extras.items() if name not in SESSION_COLUMNS}
    labels = {name: column for name, column in joined.labels.items() if name != "session"}
    order = np.argsort(joined.arrival_s, kind="stable")
    return replace(joined, extras=extras, labels=labels).take(order)


def place_sessions(trace: Trace, rate_per_s: float, generator: Generator) -> Trace:
    """Return a trace whose sessions start at Poisson times instead of all at 0.

    Args:
        trace: a trace whose arrivals count from the start of their session.
        rate_per_s: rate at which sessions start [sessions/s].
        generator: source of randomness.

    Raises:
        TraceError: the trace has no sessions.
    """
    session = trace.labels.get("session")
    if session is None:
        raise TraceError("only a trace with sessions can have them placed")
    gaps_s = generator.standard_exponential(len(session.names)) / rate_per_s
    # Requests without a session keep their time.
    starts_s = np.append(np.cumsum(gaps_s), 0.0)
    moved = trace.arrival_s + starts_s[session.codes]
    placed = replace(trace, arrival_s=moved).take(np.argsort(moved, kind="stable"))
    report = replace(trace.report, closed_loop=False)
    return replace(placed, span_s=natural_span_s(placed.arrival_s), report=report)
