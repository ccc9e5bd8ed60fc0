"""Axes for the numbers and the varied values of a study."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.answers.words import axis_name
from sim.report.charts.xy import Scale
from sim.report.formats import BY_UNIT

WIDE = 20.0  # values that differ by more than this factor get a logarithmic axis
NEAR_ONE = 0.9
LETTERS = 14
FAR = 3.0  # a limit that is more times than this away from the data is not shown
LATENCIES = {
    "ttft_s": "TTFT",
    "tpot_s": "TPOT",
    "e2e_s": "E2E",
    "queue_s": "queueing",
    "network_s": "network",
}
TITLES = {
    "price_usd_per_h": "price of the fleet [USD/h]",
    "ledger.cost_usd_per_h": "cost, all in [USD/h]",
    "ledger.usd_per_mtoken": "cost, all in [USD per million output tokens]",
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
SHARES = ("attainment", "accelerator_busy", "share_above", "kv_used")


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


def plain_title(metric: str) -> str:
    """Return what people call a number, without a unit that its formatter writes anyway."""
    return re.sub(r" \[(s|%)\]$", "", metric_title(metric))


def writer(metric: str) -> Callable[[float | None], str]:
    """Return what writes a number of the summary with its unit."""
    return BY_UNIT[unit_of(metric)]


def bounded(metric: str, ends: FloatArray) -> FloatArray:
    """Return ends of intervals within what the number can be: no time below 0, no share above 1."""
    unit = unit_of(metric)
    if unit == "number":
        return ends
    return np.clip(ends, 0.0, 1.0 if unit == "share" else np.inf)


def metric_scale(
    metric: str,
    low: FloatArray,
    value: FloatArray,
    high: FloatArray,
    limit: float | None = None,
) -> Scale:
    """Return an axis that holds values, their sensible intervals and a limit that is near."""
    unit, title = unit_of(metric), plain_title(metric)
    known = value[np.isfinite(value)]
    if not len(known):
        return Scale(title, unit)
    ends = np.concatenate((known, low[np.isfinite(low)], high[np.isfinite(high)]))
    if limit is not None and known.min() / FAR <= limit <= FAR * known.max():
        ends = np.append(ends, limit)
    if unit == "share":
        least = float(np.clip(ends, 0.0, 1.0).min())
        return Scale(title, unit, low=_floor_of_share(least), high=1.0)
    if known.min() > 0 and known.max() > WIDE * known.min():
        return Scale(title, unit, log=True)
    if known.min() > 0.5 * ends.max():
        room = 0.06 * (ends.max() - ends.min())
        return Scale(title, unit, low=_round(ends.min() - room), high=_round(ends.max() + room))
    return Scale(title, unit, low=0.0, high=_round(1.06 * ends.max()))


def _floor_of_share(least: float) -> float:
    """Return where an axis of shares begins: at 0, or close below values that are near 1."""
    if least <= NEAR_ONE:
        return 0.0
    digits = math.ceil(-math.log10(max(1.0 - least, 1e-6)))
    return max(0.0, 1.0 - 10.0**-digits * math.ceil(1.05 * (1.0 - least) * 10.0**digits))


def _round(value: float) -> float:
    return float(f"{value:.2g}")


def design_scale(axis: StudyAxis) -> tuple[Scale, FloatArray]:
    """Return the axis of a varied value and the place of each of its values on it.

    Numbers stand where they belong, other values side by side.
    """
    if axis.numbers is None or len(set(axis.numbers)) < len(axis.numbers):
        places = np.arange(len(axis.texts), dtype=np.float64)
        return Scale(axis_title(axis), "text", texts=axis.texts), places
    numbers = np.array(axis.numbers, dtype=np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    wide = not axis.sampled and low > 0 and high > WIDE * low
    ticks = () if axis.sampled else axis.numbers
    return Scale(axis_title(axis), log=wide, ticks=ticks), numbers


def axis_title(axis: StudyAxis) -> str:
    """Return the name of an axis, with the unit that its numbers share."""
    unit = _shared_unit(axis)
    name = axis_name(axis)
    return f"{name} [{unit}]" if unit else name


def short_texts(axis: StudyAxis, *, cut: bool = True) -> list[str]:
    """Return the values of an axis without a unit that they share, cut to a length or whole."""
    unit = _shared_unit(axis)
    texts = (text.replace(f" {unit}", "") if unit else text for text in axis.texts)
    return [shortened(text) if cut else text for text in texts]


def _shared_unit(axis: StudyAxis) -> str:
    """Return the unit that all numbers of an axis carry, empty if there is none."""
    parts = [part for text in axis.texts for part in text.split(" + ")]
    units = {part.lstrip("+-.0123456789") for part in parts}
    return units.pop().strip() if axis.numbers is not None and len(units) == 1 else ""


def shortened(text: str) -> str:
    """Return a text that fits under an axis."""
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
