"""Charts as plain data: an option of Apache ECharts 6 in which functions and colours are names.

The option is JSON. ``{"$fn": name, ...}`` stands for a function of the runtime (``lb.js``) and
``{"$colour": name}`` for a colour of the page, so nothing in an option is ever run as code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from sim.interfaces import FloatArray
from sim.report import formats
from sim.report.charts.palette import SLOTS

Option: TypeAlias = dict[str, Any]
TABLE_ROWS = 40
FAR = 3.0  # a limit that is more times than this above the data is told, not drawn


@dataclass(frozen=True, slots=True)
class Line:
    """A line over time.

    Attributes:
        name: what it is; shown in the legend.
        values: one for each time; NaN where there is none.
        slot: colour.
        dashed: whether it is a limit or a second line of the same thing.
    """

    name: str
    values: FloatArray
    slot: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, marked on every chart over time [s]; it may have no end."""

    name: str
    start_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in the legend of a chart, with the colour and dash of its mark."""

    name: str
    slot: int
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """The table behind a chart, as texts.

    Attributes:
        caption: what it holds.
        header: column titles.
        rows: cells.
        texts: number of leading columns that hold text.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title, subtitle: what it shows.
        words: the same for who does not see it.
        option: all of it for the runtime, as JSON.
        data: its values for who reads them; for charts over time some of them.
        entries: the legend.
        group: charts of one group share their cursor and zoom; empty for none.
        height: of the picture [px].
    """

    title: str
    subtitle: str
    words: str
    option: Option
    data: Data
    entries: Sequence[Entry] = ()
    group: str = ""
    height: int = 230


@dataclass(frozen=True, slots=True)
class TimeChart(Chart):
    """A chart over time; ``time_s`` are the starts of its stretches [s], ``lines`` its values."""

    time_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    lines: Sequence[Line] = ()


def colour(name: str) -> Option:
    """Return a colour of the page by its name, such as ``s0``, ``text`` or ``grid``."""
    return {"$colour": name}


def time_chart(
    title: str,
    subtitle: str,
    time_s: FloatArray,
    lines: Sequence[Line],
    unit: str,
    marks: Iterable[Mark] = (),
    limits: Mapping[str, tuple[float, int]] | None = None,
    log: bool = False,
) -> TimeChart:
    """Return lines over time.

    Args:
        title: of the chart.
        subtitle: what its values are.
        time_s: start of each stretch, shape (n,) [s].
        lines: their values, shape (n,) each.
        unit: name of the formatter: duration, power, share, celsius or number.
        marks: what happened.
        limits: level and colour of horizontal lines, by their labels.
        log: whether the values stand on a logarithmic axis.
    """
    option: Option = {
        "animation": False,
        "useUTC": True,
        "aria": {"enabled": False},
        "grid": {"left": 62, "right": 18, "top": 16, "bottom": 28},
        "legend": {"show": False, "data": [line.name for line in lines]},
        "tooltip": tooltip({"$fn": "rows", "unit": unit}) | {"trigger": "axis"},
        "toolbox": {"itemSize": 0, "feature": {"dataZoom": {"yAxisIndex": "none"}}},
        "dataZoom": [{"type": "inside", "zoomOnMouseWheel": "ctrl", "moveOnMouseMove": False}],
        "dataset": {"source": _source(time_s, lines)},
        "xAxis": axis("time", "moment", splitLine={"show": False}),
        "yAxis": axis("log" if log else "value", unit, **_ends(lines, unit, limits or {}, log)),
        "series": [_series(place, line) for place, line in enumerate(lines)],
    }
    if option["series"]:
        option["series"][0] |= _marks(marks, limits or {})
    words = f"{title} over time, {subtitle}: {', '.join(line.name for line in lines)}."
    entries = tuple(Entry(line.name, line.slot, line.dashed) for line in lines)
    return TimeChart(
        title,
        subtitle,
        words,
        option,
        _data(title, time_s, lines, unit),
        entries,
        "time",
        time_s=time_s,
        lines=lines,
    )


def _data(title: str, time_s: FloatArray, lines: Sequence[Line], unit: str) -> Data:
    """Return some of the values, for who reads them or has no scripts; CSV has every one."""
    write = formats.BY_UNIT[unit]
    step = -(-len(time_s) // TABLE_ROWS) or 1
    rows = [
        [formats.moment(float(time_s[at])), *(write(float(v.values[at])) for v in lines)]
        for at in range(0, len(time_s), step)
    ]
    return Data(f"{title} over time", ["From", *(line.name for line in lines)], rows)


def tooltip(formatter: Option) -> Option:
    """Return a read-out of one item in the colours of the page."""
    return {
        "trigger": "item",
        "formatter": formatter,
        "confine": True,
        "backgroundColor": colour("paper"),
        "borderColor": colour("rule"),
        "textStyle": {"color": colour("text"), "fontSize": 12},
    }


def _ends(
    lines: Sequence[Line], unit: str, limits: Mapping[str, tuple[float, int]], log: bool
) -> Option:
    """Return what an axis of values needs to show the limits that are near, and even steps."""
    if unit == "share":
        return {"scale": True, "max": 1}
    if unit == "celsius":
        return {"scale": True, "minInterval": 1}
    highest = max((float(np.nanmax(line.values, initial=0.0)) for line in lines), default=0.0)
    near = [level for level, _ in limits.values() if highest < level <= FAR * highest]
    return {"max": 1.05 * max(near)} if near and not log else {}


def _source(time_s: FloatArray, lines: Sequence[Line]) -> dict[str, list[float | None]]:
    """Return the columns under keys of our own: names come from users and may be anything."""
    found: dict[str, list[float | None]] = {"c0": [round(1e3 * t) for t in time_s.tolist()]}
    for place, line in enumerate(lines, 1):
        found[f"c{place}"] = [known(value) for value in line.values.tolist()]
    return found


def known(value: float) -> float | None:
    """Return a value as JSON holds it: five digits, nothing for what is unknown."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def axis(kind: str, unit: str, **more: Any) -> Option:
    """Return an axis whose numbers are written by the formatter of ``unit``."""
    return {
        "type": kind,
        "axisLabel": {
            "formatter": {"$fn": "write", "unit": unit},
            "color": colour("quiet"),
            "hideOverlap": True,
            **({"showMaxLabel": False} if kind == "value" and more.get("max", 1) != 1 else {}),
        },
        "axisLine": {"lineStyle": {"color": colour("rule")}},
        "splitLine": {"lineStyle": {"color": colour("grid")}},
        **more,
    }


def _series(place: int, line: Line) -> Option:
    stroke = colour(f"s{line.slot % SLOTS}")
    return {
        "type": "line",
        "name": line.name,
        "encode": {"x": "c0", "y": f"c{place + 1}"},
        "showSymbol": False,
        "connectNulls": False,
        "color": stroke,
        "lineStyle": {"width": 1.6, "color": stroke, "type": "dashed" if line.dashed else "solid"},
        "emphasis": {"disabled": True},
    }


def _marks(marks: Iterable[Mark], limits: Mapping[str, tuple[float, int]]) -> Option:
    listed = list(marks)
    at = [
        {
            "xAxis": 1e3 * mark.start_s,
            "name": mark.name,
            "label": {"show": False},
            "lineStyle": {"color": colour("bad"), "type": "solid", "width": 1},
        }
        for mark in listed
    ]
    levels = [
        {
            "yAxis": level,
            "name": name,
            "label": {
                "formatter": "{b}",
                "position": "insideEndTop",
                "color": colour(f"s{slot % SLOTS}"),
            },
            "lineStyle": {"color": colour(f"s{slot % SLOTS}"), "type": "dashed", "width": 1},
        }
        for name, (level, slot) in limits.items()
    ]
    areas = [
        [{"xAxis": 1e3 * mark.start_s, "name": mark.name}, {"xAxis": 1e3 * mark.end_s}]
        for mark in listed
        if mark.end_s is not None
    ]
    return {
        "markLine": {"silent": True, "symbol": "none", "animation": False, "data": [*at, *levels]},
        "markArea": {
            "silent": True,
            "label": {"show": False},
            "itemStyle": {"color": colour("bad"), "opacity": 0.1},
            "data": areas,
        },
    }
