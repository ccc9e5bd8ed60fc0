"""A heat map: rows in named groups over a time axis, a colour for each tenth of a limit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.axes import Axis
from sim.report.charts.palette import HEAT_LIGHT
from sim.report.charts.svg import percent
from sim.report.html.markup import Markup, join, tag

LEVELS = len(HEAT_LIGHT)
OVER = LEVELS  # level of a value above its limit
HEADER_PX, GAP_PX, TICK_SPACE_PX = 19, 5, 22
LABEL_LETTERS, LABEL_HEAD = 12, 4  # of a row's name, and those before what is left out
NARROW_LETTERS = 7  # of names that fit into the margin of any chart
LABEL_FROM_PX = 11  # rows at least this high carry their own label


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One line of cells; ``shares`` are of the limit, NaN where nothing is known."""

    label: str
    shares: FloatArray


@dataclass(frozen=True, slots=True)
class HeatGroup:
    """Rows under one heading."""

    label: str
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True, slots=True)
class HeatScale:
    """What the colours of a map mean.

    Attributes:
        low, high: what the first and the last colour stand for.
        over: what lies beyond, empty where nothing can.
        steps: a read-out for each of the `LEVELS` and for `OVER`.
    """

    low: str
    high: str
    over: str
    steps: tuple[str, ...]


LIMIT_SCALE = HeatScale(
    "0 %",
    "100 % of the limit",
    "above the limit",
    (*(f"{10 * i} to {10 * i + 10} % of the limit" for i in range(LEVELS)), "above the limit"),
)


def levels(shares: FloatArray) -> FloatArray:
    """Return the colour step of each share: its tenth, `OVER` above 1, -1 for NaN."""
    tenth = np.clip(np.floor(shares * LEVELS), 0, LEVELS - 1)
    return np.where(np.isnan(shares), -1, np.where(shares > 1 + 1e-9, OVER, tenth))


def heat_map(
    groups: Sequence[HeatGroup],
    x: Axis,
    row_px: int,
    label: str,
    scale: HeatScale = LIMIT_SCALE,
) -> Markup:
    """Return the map with its row labels at the left and the time axis below.

    Args:
        groups: what is drawn; all rows have the same number of cells.
        x: time axis that spans exactly the cells.
        row_px: height of a row [px].
        label: says in words what the picture shows.
        scale: what the colours mean.
    """
    tops, height = _layout(groups, row_px)
    columns = len(groups[0].rows[0].shares)
    cells = tag(
        "svg",
        _cells(groups, tops, row_px),
        class_="cells",
        viewBox=f"0 0 {columns} {height}",
        preserveAspectRatio="none",
        width="100%",
        height=height,
    )
    picture = tag(
        "svg",
        cells,
        _headers(groups, tops),
        class_="heat",
        width="100%",
        height=height,
        role="img",
        aria_label=label,
        data_ends=json.dumps(x.scale.ends),
        data_groups=_group_data(groups, tops),
        data_row=row_px,
        data_steps=json.dumps(scale.steps, ensure_ascii=False),
    )
    side = _row_labels(groups, tops, row_px, height)
    scrolling = tag("div", tag("div", side, picture, class_="frame"), class_="tall", tabindex=0)
    return join((scrolling, _time_axis(x, side_class(groups, row_px))))


def _time_axis(x: Axis, side_class: str) -> Markup:
    """Return the axis below the map, outside the box that scrolls."""
    labels = tag("svg", _time_labels(x), class_="plot-axis", width="100%", height=TICK_SPACE_PX)
    beside = tag("svg", class_=side_class, height=1)
    inside = tag("div", beside, labels, class_="frame")
    return tag("div", inside, class_="tall", aria_hidden="true")


def heat_legend(scale: HeatScale = LIMIT_SCALE) -> Markup:
    """Return the colour steps with what they mean."""
    box = 14
    boxes = [
        tag("rect", class_=f"fill {step_class(step)}", x=box * step, y=0, width=box, height=10)
        for step in range(LEVELS)
    ]
    ramp = tag("svg", *boxes, width=box * LEVELS, height=10, aria_hidden="true")
    over = tag(
        "svg",
        tag("rect", class_="fill over", x=0, y=0, width=box, height=10),
        width=box,
        height=10,
        aria_hidden="true",
    )
    return tag(
        "ul",
        tag("li", scale.low, ramp, scale.high),
        tag("li", over, scale.over) if scale.over else None,
        class_="legend",
    )


def step_class(level: int) -> str:
    """Return the CSS class of a colour step."""
    return "over" if level == OVER else f"q{level}"


def _layout(groups: Sequence[HeatGroup], row_px: int) -> tuple[list[int], int]:
    tops, top = [], 0
    for group in groups:
        tops.append(top)
        top += HEADER_PX + row_px * len(group.rows) + GAP_PX
    return tops, top


def _group_data(groups: Sequence[HeatGroup], tops: Sequence[int]) -> str:
    """Return (top of the first row [px], group, row labels) of each group for read-outs."""
    return json.dumps(
        [
            [top + HEADER_PX, group.label, [row.label for row in group.rows]]
            for group, top in zip(groups, tops, strict=True)
        ],
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _cells(groups: Sequence[HeatGroup], tops: Sequence[int], row_px: int) -> Markup:
    """Return one path per colour step: every run of equal cells is one horizontal stroke."""
    strokes: dict[int, list[str]] = {}
    for group, top in zip(groups, tops, strict=True):
        for place, row in enumerate(group.rows):
            middle = top + HEADER_PX + row_px * (place + 0.5)
            for level, first, cells in _runs(levels(row.shares)):
                strokes.setdefault(level, []).append(f"M{first} {middle:g}h{cells}")
    thickness = row_px - 1 if row_px > 3 else row_px
    return join(
        tag(
            "path",
            class_=f"cell {step_class(level)}",
            d="".join(strokes[level]),
            stroke_width=thickness,
            data_level=level,
        )
        for level in sorted(strokes)
    )


def _runs(row: FloatArray) -> list[tuple[int, int, int]]:
    """Return (level, first cell, cells) for each run of equal levels, gaps left out."""
    edges = np.concatenate(([0], np.flatnonzero(np.diff(row)) + 1, [len(row)]))
    return [(int(row[a]), int(a), int(b - a)) for a, b in pairwise(edges) if row[a] >= 0]


def _headers(groups: Sequence[HeatGroup], tops: Sequence[int]) -> Markup:
    return join(
        tag("text", group.label, class_="group", x=0, y=top + HEADER_PX - 6)
        for group, top in zip(groups, tops, strict=True)
    )


def _row_labels(
    groups: Sequence[HeatGroup], tops: Sequence[int], row_px: int, height: int
) -> Markup:
    labels = [
        tag(
            "text",
            _short(row.label),
            x="100%",
            y=top + HEADER_PX + row_px * (place + 0.5),
            dy="0.35em",
            text_anchor="end",
        )
        for group, top in zip(groups, tops, strict=True)
        for place, row in enumerate(group.rows)
        if row_px >= LABEL_FROM_PX
    ]
    return tag("svg", *labels, class_=side_class(groups, row_px), height=height)


def _short(label: str) -> str:
    """Return a name that fits; its middle goes first, because names differ at their ends."""
    tail = LABEL_LETTERS - LABEL_HEAD - 1
    return label if len(label) <= LABEL_LETTERS else f"{label[:LABEL_HEAD]}…{label[-tail:]}"


def side_class(groups: Sequence[HeatGroup], row_px: int) -> str:
    """Return the CSS class of the margin with the names: wide, as in any chart, or none."""
    if row_px < LABEL_FROM_PX:
        return "y none"
    longest = max(len(row.label) for group in groups for row in group.rows)
    return "y wide" if longest > NARROW_LETTERS else "y"


def _time_labels(x: Axis) -> Markup:
    return join(_time_label(float(x.scale.place(value)), label) for value, label in x.ticks)


def _time_label(place: float, label: str) -> Markup:
    anchor = "start" if place < 0.02 else "end" if place > 0.98 else "middle"
    return tag("text", label, x=percent(place), y=14, text_anchor=anchor)
