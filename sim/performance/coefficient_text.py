"""Writes fitted step times and power curves as text: coefficient files, and a fit in words."""

from __future__ import annotations

from math import ceil, floor, inf, isfinite

from sim.performance.coefficient_file import (
    CONFIGURATION,
    LAYOUT,
    POWERS,
    SHAPE,
    STEP_TIMES,
    TERM_FACTORS,
    TERM_TIMES,
)
from sim.performance.configuration import Coefficients, Configuration
from sim.performance.power import PhasePower
from sim.performance.steptime import StepTime
from sim.performance.terms import AcceleratorTerms
from sim.units import POWER, TIME, render

WRITTEN_IN = {"a": "ms", "b": "us", "c": "ns", "d": "us", "e": "ns", "f": "us"}
DIGITS = 5
ELSEWHERE = ("interval", "context", "engine")  # told apart from the coefficients
LEGEND = (
    "a fixed, b per new token, c per token of context, d per root of the batch, e per prompt token "
    "and token before it, f per decoding sequence"
)


def write_coefficients(coefficients: Coefficients) -> str:
    """Return the text of a coefficient file."""
    lines = ["version: 1"]
    if coefficients.step_times:
        lines.append("step_times:")
        for key, step in sorted(coefficients.step_times.items()):
            lines += _entry(_names(key), _step_text(step), step)
    if coefficients.powers:
        lines.append("powers:")
        for key, power in sorted(coefficients.powers.items()):
            lines += _entry(_names(key), _power_text(power), power)
    if coefficients.accelerators:
        lines.append("accelerators:")
        for name, terms in sorted(coefficients.accelerators.items()):
            lines += _entry(
                f"accelerator: {name}, engine: {terms.engine}", _term_text(terms), terms
            )
    return "\n".join(lines) + "\n"


def describe_fit(key: Configuration, step: StepTime) -> str:
    """Return a fitted step time in words: its coefficients and the loads that it is good for."""
    parts = [part for part in _step_text(step) if not part.startswith(ELSEWHERE)]
    low, high = 100.0 * step.time_low, 100.0 * step.time_high
    return (
        f"{key}: {', '.join(parts)}; batches {step.batch_low:.0f} to {step.batch_high:.0f}, "
        f"contexts to {step.context_high:.0f} tokens; true time {low:.3g} to {high:.3g} % of it"
    )


def _names(key: Configuration) -> str:
    shown = (*CONFIGURATION, *(name for name in LAYOUT if getattr(key, name) > 1))
    names = [f"{name}: {getattr(key, name)}" for name in shown]
    return ", ".join([*names, f"engine: {key.engine}"])


def _entry(
    names: str, values: list[str], entry: StepTime | PhasePower | AcceleratorTerms
) -> list[str]:
    high = "" if entry.batch_high == inf else f", {ceil(entry.batch_high)}"
    quoted = entry.source.replace('"', "'")
    return [
        f"  - {{{names},",
        f"     {', '.join(values)},",
        f'     batch: [{floor(entry.batch_low)}{high}], kind: {entry.kind}, source: "{quoted}"}}',
    ]


def _step_text(step: StepTime) -> list[str]:
    parts = []
    for name, attribute in STEP_TIMES.items():
        seconds = getattr(step, attribute)
        if seconds or name in "ab":
            unit = WRITTEN_IN[name]
            parts.append(f"{name}: {seconds / float(TIME.units[unit]):.{DIGITS}g} {unit}")
    for name, curve in (("curve", step.curve), ("batch_curve", step.batch_curve)):
        if curve:
            points = (f"[{n:.6g}, {1e3 * s:.{DIGITS}g} ms]" for n, s in curve)
            parts.append(f"{name}: [{', '.join(points)}]")
    return parts + _interval_text(step)


def _term_text(terms: AcceleratorTerms) -> list[str]:
    times = [f"{key}: {1e6 * getattr(terms, name):.4g} us" for key, name in TERM_TIMES.items()]
    factors = [f"{key}: {getattr(terms, name):.4g}" for key, name in TERM_FACTORS.items()]
    return times + factors + _interval_text(terms)


def _interval_text(entry: StepTime | AcceleratorTerms) -> list[str]:
    parts = []
    if entry.engine_version:
        parts.append(f'engine_version: "{entry.engine_version}"')
    if (entry.time_low, entry.time_high) != (1.0, 1.0):
        parts.append(f"interval: [{100 * entry.time_low:.3g} %, {100 * entry.time_high:.3g} %]")
    if isfinite(entry.context_high):
        parts.append(f"context: {ceil(entry.context_high)} tokens")
    return parts


def _power_text(power: PhasePower) -> list[str]:
    parts = [
        f"{name}: {render(getattr(power, attribute), POWER, DIGITS)}"
        for name, attribute in POWERS.items()
        if isfinite(getattr(power, attribute))
    ]
    parts += [f"{name}: {getattr(power, field):.4g}" for name, field in SHAPE.items()]
    if power.points:
        points = (f"[{n:.6g}, {render(w, POWER, DIGITS)}]" for n, w in power.points)
        parts.append(f"points: [{', '.join(points)}]")
    return parts
