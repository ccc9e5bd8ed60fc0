"""Axes: scales that map values to 0..1, and ticks where people expect them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from sim.interfaces import FloatArray
from sim.report.formats import BY_UNIT, DAY_S, GAP, HOUR_S, MINUTE_S, number

TIME_STEPS_S = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(MINUTE_S * count for count in (1, 2, 5, 10, 15, 30)),
    *(HOUR_S * count for count in (1, 2, 3, 6, 12)),
    *(DAY_S * count for count in (1, 2, 7, 14, 28, 91, 182, 364)),
)
LADDER = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)


class Scale(Protocol):
    """Maps a value to its place between 0 (left, bottom) and 1 (right, top)."""

    @property
    def kind(self) -> str:
        """Name of the mapping; report.js inverts it for read-outs."""
        ...

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends in the mapped unit, in which places are proportional to distance."""
        ...

    def place(self, values: ArrayLike) -> FloatArray:
        """Return the place of each value, clipped to 0..1."""
        ...


def _place(mapped: FloatArray, ends: tuple[float, float]) -> FloatArray:
    low, high = ends
    return np.clip((mapped - low) / (high - low), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class LinearScale:
    """Places proportional to the value."""

    low: float
    high: float
    kind: str = "linear"

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends [unit of the value]."""
        return self.low, self.high

    def place(self, values: ArrayLike) -> FloatArray:
        """Return the place of each value, clipped to 0..1."""
        return _place(np.asarray(values, dtype=np.float64), self.ends)


@dataclass(frozen=True, slots=True)
class LogScale:
    """Places proportional to the decimal logarithm; both ends are above 0."""

    low: float
    high: float
    kind: str = "log"

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends as decimal logarithms."""
        return math.log10(self.low), math.log10(self.high)

    def place(self, values: ArrayLike) -> FloatArray:
        """Return the place of each value, clipped to 0..1."""
        bounded = np.maximum(np.asarray(values, dtype=np.float64), self.low)
        return _place(np.log10(bounded), self.ends)


@dataclass(frozen=True, slots=True)
class NinesScale:
    """Places a share p by -log10(1 - p): 90, 99 and 99.9 % are equally far apart."""

    nines: float
    kind: str = "nines"

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends in nines, from a share of 0."""
        return 0.0, self.nines

    def place(self, values: ArrayLike) -> FloatArray:
        """Return the place of each share, clipped to 0..1."""
        rest = np.maximum(1.0 - np.asarray(values, dtype=np.float64), 10.0 ** -(self.nines + 1))
        return _place(-np.log10(rest), self.ends)


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its ticks as (value, label) and the unit in which read-outs are written."""

    scale: Scale
    ticks: tuple[tuple[float, str], ...]
    unit: str


def nice_step(length: float, at_most: int) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten with ``at_most`` steps in ``length``."""
    rough = length / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * (1 - 1e-9))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def value_axis(high: float, unit: str, at_most: int = 5) -> Axis:
    """Return a linear axis from 0 that ends on a tick at or above ``high``."""
    high = high if math.isfinite(high) and high > 0 else 1.0
    step = nice_step(high, at_most)
    top = step * math.ceil(high / step - 1e-9)
    write = BY_UNIT[unit]
    ticks = tuple((tick, write(tick) if tick else "0") for tick in _multiples(0.0, top, step))
    return Axis(LinearScale(0.0, top), ticks, unit)


def range_axis(low: float, high: float, unit: str, at_most: int = 5) -> Axis:
    """Return a linear axis over ``low .. high`` that need not begin at 0, ends on ticks."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    step = nice_step(max(high - low, 1e-6 * max(abs(high), 1.0)), at_most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    write = short_celsius if unit == "celsius" else BY_UNIT[unit]
    ticks = tuple((step * count, write(step * count)) for count in range(first, last + 1))
    return Axis(LinearScale(first * step, last * step), ticks, unit)


def short_celsius(degrees: float | None) -> str:
    """Return the label of a tick [degC], without a decimal that says nothing."""
    return f"{number(degrees, 4)}{GAP}°C"


def time_axis(low_s: float, high_s: float, at_most: int = 6) -> Axis:
    """Return a linear axis of simulated time [s] with ticks on whole clock units."""
    high_s = high_s if high_s > low_s else low_s + 1.0
    length_s = high_s - low_s
    if length_s < at_most:
        step_s = nice_step(length_s, at_most)
    else:
        step_s = next((s for s in TIME_STEPS_S if length_s / s <= at_most), length_s / at_most)
    ticks = _multiples(low_s, high_s, step_s)
    return Axis(
        LinearScale(low_s, high_s), tuple((t, _clock_label(t, step_s)) for t in ticks), "span"
    )


def _clock_label(time_s: float, step_s: float) -> str:
    """Return a tick's time in the unit of the ticks' step, so that all of them share it."""
    if time_s == 0:
        return "0"
    for factor, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if step_s >= factor:
            return f"{number(time_s / factor, 4)}{GAP}{unit}"
    return f"{number(time_s, 4)}{GAP}s"


def log_axis(low: float, high: float, unit: str, at_most: int = 6) -> Axis:
    """Return a logarithmic axis over ``low .. high`` (above 0), ends moved to round values."""
    exponent_low, exponent_high = math.floor(math.log10(low)), math.ceil(math.log10(high))
    mantissas = (1.0, 2.0, 5.0)
    grid = [m * 10.0**e for e in range(exponent_low, exponent_high + 1) for m in mantissas]
    below = max(value for value in grid if value <= low * (1 + 1e-9))
    above = min(value for value in grid if value >= high * (1 - 1e-9) and value > below)
    inside = [value for value in grid if below <= value <= above]
    if len(inside) > at_most:
        inside = [v for v in inside if abs(math.log10(v) - round(math.log10(v))) < 1e-9]
        inside = inside[:: math.ceil(len(inside) / at_most)]
    write = BY_UNIT[unit]
    return Axis(LogScale(below, above), tuple((value, write(value)) for value in inside), unit)


def ladder_axis(nines: float) -> Axis:
    """Return the axis of a cumulative distribution whose percentiles form a ladder."""
    top = 1 - 10.0**-nines
    ticks = tuple((p, f"{100 * p:g}{GAP}%") for p in LADDER if p <= top + 1e-9)
    return Axis(NinesScale(nines), ticks, "share")
