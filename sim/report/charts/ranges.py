"""Intervals below each other on one axis: of constraints, breaking points, swings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.report.charts.axes import Axis
from sim.report.charts.chart import LegendEntry, figure
from sim.report.charts.svg import percent
from sim.report.html.markup import Markup, tag

STRIP_PX = 20
AXIS_PX = 20


@dataclass(frozen=True, slots=True)
class Range:
    """One row.

    Attributes:
        name: what it is.
        told: its numbers in words, which stand at the right.
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
    axis: Axis,
    reference: float,
    data: Markup,
    entries: Sequence[LegendEntry] = (),
) -> Markup:
    """Return the rows with a line at ``reference`` through all of them.

    Args:
        title: of the chart.
        subtitle: what the axis means.
        rows: from the top to the bottom.
        axis: shared by all rows.
        reference: where the line stands.
        data: the table behind the chart.
        entries: the legend.
    """
    strips = [
        tag(
            "div",
            tag(
                "p",
                tag("span", row.name, class_="bad" if row.bad else None),
                tag("span", row.told, class_="told"),
            ),
            _strip(row, axis, reference),
        )
        for row in rows
    ]
    labels = [
        tag("text", label, x=_place(axis, value), y=14, text_anchor="middle")
        for value, label in axis.ticks
    ]
    bottom = tag("svg", *labels, width="100%", height=AXIS_PX, aria_hidden="true")
    return figure(title, subtitle, tag("div", *strips, bottom, class_="ranges"), entries, data)


def _strip(row: Range, axis: Axis, reference: float) -> Markup:
    middle = STRIP_PX / 2
    slot = "s1" if row.bad else "s0"
    marks = [
        tag("line", class_="grid", x1=0, x2="100%", y1=middle, y2=middle),
        _bar(row.wide, axis, 12, f"area {slot}") if row.wide else None,
        _bar((row.low, row.high), axis, 6, f"layer {slot}"),
    ]
    if np.isfinite(row.value):
        marks.append(
            tag("circle", class_=f"mark {slot}", cx=_place(axis, row.value), cy=middle, r=4)
        )
    at = _place(axis, reference)
    marks.append(tag("line", class_="line rule limit", x1=at, x2=at, y1=0, y2=STRIP_PX))
    return tag(
        "svg",
        *(mark for mark in marks if mark is not None),
        width="100%",
        height=STRIP_PX,
        role="img",
        aria_label=f"{row.name}: {row.told}",
    )


def _bar(ends: tuple[float, float], axis: Axis, height: int, look: str) -> Markup:
    low, high = axis.scale.ends
    known = np.nan_to_num(ends, nan=low, posinf=high, neginf=low)
    left, right = (float(axis.scale.place(end)) for end in sorted(known))
    return tag(
        "rect",
        class_=look,
        x=percent(left),
        width=percent(max(right - left, 0.001)),
        y=(STRIP_PX - height) / 2,
        height=height,
    )


def _place(axis: Axis, value: float) -> str:
    return percent(float(axis.scale.place(value)))
