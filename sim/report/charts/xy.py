"""Charts of values over other values: lines with intervals, and scatters.

Options as in `option.py`; an interval is drawn by a named function of the runtime.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.option import Chart, Data, Entry, Option, axis, colour, known, tooltip
from sim.report.charts.palette import SLOTS

LONG = 30.0  # ends of a logarithmic axis that are further apart get ticks of their own
LETTERS = 14  # of a name under an axis


@dataclass(frozen=True, slots=True)
class Points:
    """Values over other values.

    Attributes:
        name: what they are; shown in the legend.
        x, y: shape (n,); NaN where nothing is known.
        low, high: ends of the intervals of y; none where None.
        slot: colour.
        names: of each point, for its read-out; empty where it has none.
        joined: whether a line goes through them.
        size: of the marks [px].
    """

    name: str
    x: FloatArray
    y: FloatArray
    slot: int
    low: FloatArray | None = None
    high: FloatArray | None = None
    names: Sequence[str] = ()
    joined: bool = True
    size: int = 6


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis.

    Attributes:
        title: what it measures, with its unit where the unit is not written at the numbers.
        unit: name of the formatter.
        log: whether equal ratios are equally far apart.
        texts: of the places 0, 1, ... where values stand side by side; none for numbers.
        ticks: numbers that get a label; chosen where empty.
        low, high: ends of the axis; chosen where None.
    """

    title: str
    unit: str = "number"
    log: bool = False
    texts: Sequence[str] = ()
    ticks: Sequence[float] = ()
    low: float | None = None
    high: float | None = None


def xy_chart(
    title: str,
    subtitle: str,
    points: Sequence[Points],
    x: Scale,
    y: Scale,
    data: Data,
    limits: Mapping[str, float] | None = None,
) -> Chart:
    """Return points over each other.

    Args:
        title: of the chart.
        subtitle: what it shows.
        points: what is drawn.
        x: axis from left to right.
        y: axis upwards.
        data: the table behind the chart.
        limits: levels of horizontal lines by their labels.
    """
    series = [part for each in points for part in _series(each)]
    if series:
        series[0] |= _levels(
            limits or {}, "insideEndBottom" if y.unit == "share" else "insideEndTop"
        )
    option: Option = {
        "animation": False,
        "aria": {"enabled": False},
        "grid": {"left": 70, "right": 18, "top": 30, "bottom": 48},
        "legend": {"show": False, "data": [each.name for each in points]},
        "tooltip": tooltip({"$fn": "point", "x": _written(x), "y": _written(y)}),
        "xAxis": scale_option(x, "middle", 30),
        "yAxis": scale_option(y, "end", 10),
        "series": series,
    }
    words = f"{title}, {subtitle}."
    entries = tuple(Entry(each.name, each.slot) for each in points) if len(points) > 1 else ()
    return Chart(title, subtitle, words, option, data, entries)


def _written(scale: Scale) -> Option:
    """Return how a value of an axis is told."""
    return {"title": scale.title, "unit": scale.unit, "texts": list(scale.texts)}


def scale_option(scale: Scale, place: str, gap: int) -> Option:
    """Return the option of an axis with its name at ``place``, ``gap`` pixels away."""
    named: Option = {
        "name": scale.title,
        "nameLocation": place,
        "nameGap": gap,
        "nameTextStyle": {
            "color": colour("quiet"),
            **({"align": "left"} if place == "end" else {}),
        },
    }
    if scale.texts:
        short = [t if len(t) <= LETTERS else f"{t[: LETTERS - 1]}…" for t in scale.texts]
        return axis("category", "text", data=short, boundaryGap=True, **named)
    ends: Option = {"scale": True}
    if scale.low is not None:
        ends["min"] = known(scale.low)
    if scale.high is not None:
        ends["max"] = known(scale.high)
    shown = axis("log" if scale.log else "value", scale.unit, **ends, **named)
    ticks = list(scale.ticks) or _ticks(scale)
    if ticks:
        shown["axisLabel"] |= {"customValues": ticks}
        shown["splitLine"] = {"show": False}
    return shown


def _ticks(scale: Scale) -> list[float]:
    """Return round numbers for a short logarithmic axis, which would get two labels or three."""
    if not scale.log or scale.low is None or scale.high is None:
        return []
    low, high = scale.low, scale.high
    if high > LONG * low:
        return []
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [float(f"{step * 10.0**decade:.3g}") for decade in decades for step in steps]
    return [tick for tick in found if low <= tick <= high]


def _series(points: Points) -> list[Option]:
    order = np.argsort(points.x, kind="stable") if points.joined else np.arange(len(points.x))
    blank = np.full(len(points.x), np.nan)
    low = blank if points.low is None else points.low
    high = blank if points.high is None else points.high
    rows = []
    for row in order.tolist():
        ends = (points.x[row], points.y[row], low[row], high[row])
        name = points.names[row] if points.names else points.name
        rows.append({"name": name, "value": [known(float(value)) for value in ends]})
    stroke = colour(f"s{points.slot % SLOTS}")
    drawn: Option = {
        "type": "line" if points.joined else "scatter",
        "name": points.name,
        "data": rows,
        "color": stroke,
        "symbolSize": points.size,
        "symbol": "circle",
        "emphasis": {"disabled": True},
    }
    if points.joined:
        drawn |= {"showSymbol": True, "lineStyle": {"width": 1.8, "color": stroke}}
    if points.low is None:
        return [drawn]
    whiskers = {
        "type": "custom",
        "name": points.name,
        "silent": True,
        "renderItem": {"$fn": "whisker", "colour": stroke},
        "encode": {"x": 0, "y": [1, 2, 3]},
        "data": [row["value"] for row in rows if None not in row["value"]],
        "color": stroke,
    }
    return [drawn, whiskers]


def _levels(limits: Mapping[str, float], place: str) -> Option:
    lines = [
        {
            "yAxis": level,
            "name": name,
            "label": {"formatter": "{b}", "position": place, "color": colour("bad")},
            "lineStyle": {"color": colour("bad"), "type": "dashed", "width": 1},
        }
        for name, level in limits.items()
    ]
    return {"markLine": {"silent": True, "symbol": "none", "animation": False, "data": lines}}
