"""The frame around marks: caption, legend, axes, grid, and the data table behind the chart.

The charts are SVG written here, on the server side, instead of by a plotting library in the
browser. The page is then complete without JavaScript (mail previews, printers, screen readers,
locked-down browsers), one set of primitives also draws what time-series libraries such as uPlot
do not (heat map, map, percentile ladder), and the policy of the page can forbid everything but
the one script that we ship. That script (`report.js`) only adds read-outs under the pointer; it
reads the values back from the paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sim.report.charts.axes import Axis
from sim.report.charts.svg import FLAG_PX, GRID_X, GRID_Y, percent
from sim.report.html.markup import Markup, join, tag

TICK_SPACE_PX = 22


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A name and how its mark looks: the classes of a short line, such as ``s0``."""

    name: str
    look: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn in a frame.

    Attributes:
        x, y: the axes.
        paths: marks on the stretched grid (`svg.line`, `svg.area`).
        overlay: marks in pixels and percent (`svg.dots`, `svg.rule_at_x`).
        height: of the plot without its tick labels [px].
        top: room for labels above the plot [px].
    """

    x: Axis
    y: Axis
    paths: Sequence[Markup]
    overlay: Sequence[Markup] = ()
    height: int = 190
    top: int = 0


def legend(entries: Iterable[LegendEntry]) -> Markup:
    """Return the names of the marks with a sample of each."""
    items = [
        tag(
            "li",
            tag(
                "svg",
                tag("line", class_=f"swatch {entry.look}", x1=0, x2=18, y1=5, y2=5),
                width=18,
                height=10,
                aria_hidden="true",
            ),
            entry.name,
        )
        for entry in entries
    ]
    return tag("ul", *items, class_="legend") if items else Markup()


def figure(
    title: str, subtitle: str, content: Markup, entries: Iterable[LegendEntry], data: Markup
) -> Markup:
    """Return a titled chart with its legend and the table behind it."""
    caption = tag(
        "figcaption",
        tag("strong", title),
        tag("span", subtitle, class_="subtitle") if subtitle else None,
    )
    return tag("figure", caption, legend(entries), content, data)


def frame(plot: Plot, label: str) -> Markup:
    """Return axes, grid and marks; ``label`` says in words what the picture shows."""
    total = plot.height + TICK_SPACE_PX
    marks = tag(
        "svg",
        *plot.paths,
        viewBox=f"0 0 {GRID_X} {GRID_Y}",
        preserveAspectRatio="none",
        width="100%",
        height=plot.height,
    )
    picture = tag(
        "svg",
        _grid_lines(plot),
        marks,
        *plot.overlay,
        _x_labels(plot),
        class_="plot",
        width="100%",
        height=total,
        role="img",
        aria_label=label,
        data_x=_scale_data(plot.x),
        data_y=_scale_data(plot.y),
        data_height=plot.height,
    )
    room = f"flags{-(-plot.top // FLAG_PX)}" if plot.top else ""
    return tag("div", _y_labels(plot, total), picture, class_=f"frame {room}".strip())


def _scale_data(axis: Axis) -> str:
    low, high = axis.scale.ends
    return json.dumps([axis.scale.kind, low, high, axis.unit])


def _level(plot: Plot, value: float) -> str:
    return f"{plot.height * (1 - float(plot.y.scale.place(value))):.1f}"


def _grid_lines(plot: Plot) -> Markup:
    return join(
        tag("line", class_="grid", x1=0, x2="100%", y1=level, y2=level)
        for level in (_level(plot, value) for value, _ in plot.y.ticks)
    )


def _y_labels(plot: Plot, total: int) -> Markup:
    labels = [
        tag("text", label, x="100%", y=_level(plot, value), dy="0.35em", text_anchor="end")
        for value, label in plot.y.ticks
    ]
    return tag("svg", *labels, class_="y", height=total, aria_hidden="true")


def _x_labels(plot: Plot) -> Markup:
    marks = []
    for value, label in plot.x.ticks:
        place = percent(float(plot.x.scale.place(value)))
        low = plot.height
        marks.append(tag("line", class_="tick", x1=place, x2=place, y1=low, y2=low + 4))
        marks.append(tag("text", label, x=place, y=low + 17, text_anchor="middle"))
    return join(marks)
