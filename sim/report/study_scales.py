"""Axes for the numbers and the varied values of a study."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sim.experiment.study_axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.axes import Axis, LinearScale, LogScale, log_axis, range_axis, value_axis
from sim.report.formats import BY_UNIT

WIDE = 20.0  # values that differ by more than this factor get a logarithmic axis
NEAR_ONE = 0.9
LETTERS = 14
SHARES = ("attainment", "attained", "accelerator_busy", "share_above", "kv_used")


def unit_of(metric: str) -> str:
    """Return the unit in which a number of the summary is written, by its name."""
    parts = metric.split(".")
    if any(part.endswith("_s") and not part.endswith("per_s") for part in parts):
        return "duration"
    return "share" if parts[-1] in SHARES else "number"


def writer(metric: str) -> Callable[[float | None], str]:
    """Return what writes a number of the summary with its unit."""
    return BY_UNIT[unit_of(metric)]


def bounded(metric: str, ends: FloatArray) -> FloatArray:
    """Return ends of intervals within what the number can be: no time below 0, no share above 1."""
    unit = unit_of(metric)
    if unit == "number":
        return ends
    return np.clip(ends, 0.0, 1.0 if unit == "share" else np.inf)


def metric_axis(metric: str, low: FloatArray, value: FloatArray, high: FloatArray) -> Axis:
    """Return an axis that holds values and, as far as they are sensible, their intervals."""
    unit = unit_of(metric)
    known = value[np.isfinite(value)]
    if not len(known):
        return value_axis(1.0, unit)
    ends = np.concatenate((known, low[np.isfinite(low)], high[np.isfinite(high)]))
    if unit == "share":
        least = float(np.clip(ends, 0.0, 1.0).min())
        return range_axis(least if least > NEAR_ONE else 0.0, 1.0, unit)
    if known.min() > 0 and known.max() > WIDE * known.min():
        return log_axis(float(known.min()), float(ends.max()), unit)
    if known.min() > 0.5 * ends.max():
        return range_axis(float(ends.min()), float(ends.max()), unit)
    return value_axis(float(ends.max()), unit)


def design_axis(axis: StudyAxis) -> tuple[Axis, FloatArray]:
    """Return the axis of a varied value and the place of each of its values on it.

    Numbers stand where they belong, other values side by side.
    """
    if axis.numbers is None or len(set(axis.numbers)) < len(axis.numbers):
        numbers = np.arange(len(axis.texts), dtype=np.float64)
        scale = LinearScale(-0.4, len(axis.texts) - 0.6)
        ticks = tuple(zip(numbers.tolist(), map(shortened, axis.texts), strict=True))
        return Axis(scale, ticks, "number"), numbers
    numbers = np.array(axis.numbers)
    low, high = float(numbers.min()), float(numbers.max())
    if axis.sampled:
        return range_axis(low, high, "number"), numbers
    ticks = tuple(zip(axis.numbers, map(shortened, axis.texts), strict=True))
    if low > 0 and high > WIDE * low:
        return Axis(LogScale(low, high), ticks, "number"), numbers
    return Axis(LinearScale(low, high), ticks, "number"), numbers


def shortened(text: str) -> str:
    """Return a text that fits under an axis."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
