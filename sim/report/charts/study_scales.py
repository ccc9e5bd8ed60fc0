"""Axes for the numbers and the varied values of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.answers.words import axis_name
from sim.report.charts.axes import (
    Axis,
    LinearScale,
    LogScale,
    Scale,
    log_axis,
    range_axis,
    value_axis,
)
from sim.report.formats import BY_UNIT

WIDE = 20.0  # values that differ by more than this factor get a logarithmic axis
NEAR_ONE = 0.9
LETTERS = 14
CLOSEST = 0.09  # part of an axis that the text of a tick needs
LATENCIES = {
    "ttft_s": "TTFT",
    "tpot_s": "TPOT",
    "e2e_s": "E2E",
    "queue_s": "queueing",
    "network_s": "network",
}
TITLES = {
    "energy.it_kwh": "IT energy [kWh]",
    "energy.facility_kwh": "facility energy [kWh]",
    "energy.j_per_output_token": "IT energy [J per output token]",
    "energy.pue": "PUE",
    "carbon.kg": "carbon [kg]",
    "cost.energy_usd": "energy [USD]",
    "cost.total_usd": "cost [USD]",
    "throughput.requests_per_s": "completed [req/s]",
    "throughput.output_tokens_per_s": "output tokens/s",
}
SHARES = ("attainment", "attained", "accelerator_busy", "share_above", "kv_used")


def unit_of(metric: str) -> str:
    """Return the unit in which a number of the summary is written, by its name."""
    parts = metric.split(".")
    if any(part.endswith("_s") and not part.endswith("per_s") for part in parts):
        return "duration"
    return "share" if parts[-1] in SHARES else "number"


def metric_title(metric: str) -> str:
    """Return what people call a number of the summary, with its unit; its name where they do not.

    ``latency.tiers.premium.ttft_s.p99`` is "TTFT p99, premium [s]".
    """
    parts = metric.split(".")
    if parts[0] == "latency" and parts[-2] in LATENCIES:
        of = f", {parts[2]}" if parts[1] == "tiers" else ""
        return f"{LATENCIES[parts[-2]]} {parts[-1].replace('_', '.')}{of} [s]"
    if parts[0] == "sla" and parts[-1] == "attainment":
        return f"within SLO, {parts[1]} [%]"
    if parts[0] == "power" and parts[-1].endswith("_kw"):
        return f"{parts[-1].removesuffix('_kw')} IT power, {parts[1]} [kW]"
    return TITLES.get(metric, metric)


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
        ticks = tuple(zip(numbers.tolist(), map(shortened, axis.texts), strict=True))
        return Axis(LinearScale(-0.4, len(axis.texts) - 0.6), ticks, "number"), numbers
    numbers = np.array(axis.numbers)
    low, high = float(numbers.min()), float(numbers.max())
    if axis.sampled:
        return range_axis(low, high, "number"), numbers
    wide = low > 0 and high > WIDE * low
    scale: Scale = LogScale(low, high) if wide else LinearScale(low, high)
    return Axis(scale, _apart(scale, axis.numbers, short_texts(axis)), "number"), numbers


def _apart(
    scale: Scale, numbers: Sequence[float], texts: Sequence[str]
) -> tuple[tuple[float, str], ...]:
    """Return ticks; one whose text would touch that of its neighbour to the left has none."""
    ticks: list[tuple[float, str]] = []
    last = -1.0
    for number, text in sorted(zip(numbers, texts, strict=True)):
        place = float(scale.place(number))
        shown = place - last >= CLOSEST
        ticks.append((number, text if shown else ""))
        last = place if shown else last
    return tuple(ticks)


def axis_title(axis: StudyAxis) -> str:
    """Return the name of an axis, with the unit that its numbers share."""
    unit = _shared_unit(axis)
    name = axis_name(axis)
    return f"{name} [{unit}]" if unit else name


def short_texts(axis: StudyAxis) -> list[str]:
    """Return the values of an axis as short as they can be: numbers without a shared unit."""
    unit = _shared_unit(axis)
    texts = (text.replace(f" {unit}", "") if unit else text for text in axis.texts)
    return [shortened(text) for text in texts]


def _shared_unit(axis: StudyAxis) -> str:
    """Return the unit that all numbers of an axis carry, empty if there is none."""
    parts = [part for text in axis.texts for part in text.split(" + ")]
    units = {part.lstrip("+-.0123456789") for part in parts}
    return units.pop().strip() if axis.numbers is not None and len(units) == 1 else ""


def shortened(text: str) -> str:
    """Return a text that fits under an axis."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
