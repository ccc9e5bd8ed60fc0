"""Marks of a chart: lines, steps, areas, dots and rules.

A chart is fluid: x is a share of the width and y is in pixels, so text keeps its size on a phone
and on a wide screen. Paths live on an integer grid that the browser stretches (see `chart.py`);
relative integer steps keep a point at about five bytes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sim.interfaces import FloatArray
from sim.report.charts.axes import Axis
from sim.report.html.markup import Markup, join, tag

GRID_X, GRID_Y = 4000, 2000
FLAG_PX = 14  # height of a line of labels above the plot
FLAG_ROOM = 0.3  # share of the width that such a label takes in a narrow chart


def _grid(axis: Axis, values: ArrayLike, size: int, flip: bool) -> FloatArray:
    place = axis.scale.place(values)
    return np.rint((1.0 - place if flip else place) * size)


def _pieces(known: np.typing.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the stretches of True as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def path_data(x: FloatArray, y: FloatArray) -> str:
    """Return path data through grid points: absolute start, then relative integer steps."""
    steps = np.column_stack((np.diff(x), np.diff(y))).astype(np.int64)
    moves = " ".join(f"{dx} {dy}" for dx, dy in steps).replace(" -", "-")
    return f"M{int(x[0])} {int(y[0])}" + (f"l{moves}" if moves else "h0")


def line(x: Axis, y: Axis, xs: ArrayLike, ys: ArrayLike, slot: int, name: str) -> Markup:
    """Return a line through the points; a NaN in ``ys`` is a gap."""
    values = np.asarray(ys, dtype=np.float64)
    grid_x, grid_y = _grid(x, xs, GRID_X, False), _grid(y, values, GRID_Y, True)
    data = "".join(path_data(grid_x[a:b], grid_y[a:b]) for a, b in _pieces(np.isfinite(values)))
    return tag("path", class_=f"line s{slot}", d=data, data_name=name) if data else Markup()


def area(
    x: Axis,
    y: Axis,
    xs: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    slot: int,
    look: str = "area",
) -> Markup:
    """Return the band between two curves; nothing where the band has no height.

    ``look`` is ``area`` for a light band behind a line, ``layer`` for a part of a stack.
    """
    below, above = _grid(y, low, GRID_Y, True), _grid(y, high, GRID_Y, True)
    known = np.isfinite(below) & np.isfinite(above)
    if not np.any(below[known] > above[known]):
        return Markup()
    grid_x = _grid(x, xs, GRID_X, False)
    data = "".join(
        path_data(
            np.concatenate((grid_x[a:b], grid_x[a:b][::-1])),
            np.concatenate((above[a:b], below[a:b][::-1])),
        )
        + "z"
        for a, b in _pieces(known)
    )
    return tag("path", class_=f"{look} s{slot}", d=data)


def steps(starts: FloatArray, ends: FloatArray, values: FloatArray) -> tuple[FloatArray, ...]:
    """Return the corners of a step curve that holds each value from its start to its end."""
    return np.column_stack((starts, ends)).ravel(), np.repeat(values, 2)


def percent(place: float) -> str:
    """Return a place between 0 and 1 as an SVG length."""
    return f"{100 * place:.2f}".rstrip("0").rstrip(".") + "%"


def dots(x: Axis, y: Axis, xs: ArrayLike, ys: ArrayLike, slot: int, height: float) -> Markup:
    """Return round marks; they lie outside the stretched grid, so they stay round."""
    places = zip(x.scale.place(xs), y.scale.place(ys), strict=True)
    return join(
        tag(
            "circle",
            class_=f"mark s{slot}",
            cx=percent(float(across)),
            cy=f"{height * (1 - up):.1f}",
            r=3,
        )
        for across, up in places
    )


def rule_at_x(x: Axis, value: float, label: str, slot: int, height: float, level: int) -> Markup:
    """Return a dashed vertical line with its label ``level`` lines above the plot.

    The label stands at the left of its line unless it would reach over the axis.
    """
    place = float(x.scale.place(value))
    left = place > FLAG_ROOM
    return join(
        (
            tag(
                "line",
                class_=f"line rule s{slot}",
                x1=percent(place),
                x2=percent(place),
                y1=-FLAG_PX * level - 4,
                y2=height,
            ),
            tag(
                "text",
                label,
                class_=f"halo flag s{slot}",
                x=percent(place),
                y=-FLAG_PX * level - 5,
                dx=-4 if left else 4,
                text_anchor="end" if left else "start",
            ),
        )
    )


def rule_at_y(
    y: Axis, value: float, label: str, height: float, left: bool = False, under: bool = False
) -> Markup:
    """Return a dashed line across the chart for a limit, its label at the left or right end.

    The label stands on the line, or ``under`` it; in any case inside the chart.
    """
    level = height * (1 - float(y.scale.place(value)))
    return join(
        (
            tag(
                "line",
                class_="line rule limit",
                x1=0,
                x2="100%",
                y1=f"{level:.1f}",
                y2=f"{level:.1f}",
            ),
            tag(
                "text",
                label,
                class_="halo limit-label",
                x=0 if left else "100%",
                dx=6 if left else 0,
                y=f"{level + 13 if under or level < 16 else level - 5:.1f}",
                text_anchor="start" if left else "end",
            ),
        )
    )
