"""Intervals below each other on one axis: of constraints, breaking points, swings, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.report.charts.option import Chart, Data, Entry, Option, axis, colour, known, tooltip
from sim.report.charts.xy import Scale, scale_option

ROW_PX, ENDS_PX, LABEL_PX = 36, 66, 190


@dataclass(frozen=True, slots=True)
class Range:
    """One row of a chart of intervals.

    Attributes:
        name: what it is.
        told: its numbers in words.
        value: where the mark stands.
        low, high: ends of its interval.
        wide: ends of a second interval, drawn lighter behind the first; None without one.
        bad: whether the row is marked as the one that matters.
    """

    name: str
    told: str
    value: float
    low: float
    high: float
    wide: tuple[float, float] | None = None
    bad: bool = False


def range_chart(
    title: str,
    subtitle: str,
    rows: Sequence[Range],
    x: Scale,
    reference: float,
    data: Data,
    entries: Sequence[Entry] = (),
) -> Chart:
    """Return intervals below each other, with a line at ``reference`` through all of them."""
    values = [
        {
            "name": row.name,
            "told": row.told,
            "value": [
                *(known(end) for end in (row.value, row.low, row.high)),
                place,
                *(known(end) for end in row.wide or (np.nan, np.nan)),
                int(row.bad),
            ],
        }
        for place, row in enumerate(rows)
    ]
    line = {
        "xAxis": reference,
        "label": {"show": False},
        "lineStyle": {"color": colour("bad"), "type": "dashed", "width": 1},
    }
    names = axis("category", "text", data=[_label(row) for row in rows], inverse=True)
    names["axisLabel"] |= {"width": LABEL_PX, "overflow": "truncate", "interval": 0}
    names["splitLine"] = {"show": False}
    option: Option = {
        "animation": False,
        "aria": {"enabled": False},
        "grid": {"left": 10, "right": 24, "top": 10, "bottom": 44, "containLabel": True},
        "legend": {"show": False, "data": []},
        "tooltip": tooltip({"$fn": "told"}),
        "xAxis": scale_option(x, "middle", 28),
        "yAxis": names,
        "series": [
            {
                "type": "custom",
                "name": title,
                "renderItem": {"$fn": "span", "colours": [colour("s0"), colour("s1")]},
                "encode": {"x": [0, 1, 2, 4, 5], "y": 3},
                "data": values,
                "clip": True,
                "markLine": {"silent": True, "symbol": "none", "animation": False, "data": [line]},
            }
        ],
    }
    told = "; ".join(f"{row.name}: {row.told}" for row in rows[:12])
    words = f"{title}, {subtitle}. {told}."
    return Chart(
        title, subtitle, words, option, data, tuple(entries), height=ENDS_PX + ROW_PX * len(rows)
    )


def _label(row: Range) -> Option:
    return {
        "value": f"{row.name}\n{row.told}",
        "textStyle": {"color": colour("bad" if row.bad else "text"), "lineHeight": 15},
    }
