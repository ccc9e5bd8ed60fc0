"""A number of a study as a map over two axes."""

from __future__ import annotations

import math

import numpy as np

from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.charts.chart import figure
from sim.report.charts.heatmap import step_class
from sim.report.charts.study import Measured
from sim.report.charts.study_scales import WIDE, axis_title, short_texts, unit_of
from sim.report.charts.svg import percent
from sim.report.formats import number
from sim.report.html.markup import Markup, tag

ROW_PX, TICK_PX = 34, 22
STEPS = 6  # stronger colours would hide the numbers on them
SHORT, LONG = 9, 24  # letters of row labels in the narrow and in the wide margin


def study_heat_map(found: Measured, across: StudyAxis, down: StudyAxis) -> Markup:
    """Return the map, each cell with its number; stronger is more."""
    columns, rows = len(across.texts), len(down.texts)
    steps = color_steps(found.value)
    cells = []
    for row, variant in enumerate(found.variants):
        if not np.isfinite(found.value[row]):
            continue
        left, top = across.places[variant] / columns, ROW_PX * down.places[variant]
        cells.append(
            _cell(
                left, top, 1 / columns, int(steps[row]), cell_text(found.metric, found.value[row])
            )
        )
    height = ROW_PX * rows
    picture = tag(
        "svg",
        *cells,
        *(_column(place / columns + 0.5 / columns, height, t) for place, t in _texts(across)),
        class_="plot-axis",
        width="100%",
        height=height + TICK_PX,
        role="img",
        aria_label=f"{found.metric} over {across.title} and {down.title}; stronger is more.",
    )
    side = _side(down, height)
    unit = {"duration": " [s]", "share": " [%]"}.get(unit_of(found.metric), "")
    told = f"{axis_title(across)} from left to right, {down.title} downwards"
    return figure(
        f"{found.metric}{unit}", told, tag("div", side, picture, class_="frame"), (), Markup()
    )


def cell_text(metric: str, value: float) -> str:
    """Return a number without its unit, short enough for a cell; shares are cut, not rounded up."""
    if unit_of(metric) == "share":
        return number(math.floor(1000 * value + 1e-9) / 10)
    return number(value, 2 if abs(value) < 1 else 3)


def color_steps(values: FloatArray) -> FloatArray:
    """Return the colour step of each value between the least and the greatest.

    Steps are equal ratios where values differ by more than a factor of `WIDE`.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.zeros(len(values))
    mapped = values
    if known.min() > 0 and known.max() > WIDE * known.min():
        mapped, known = np.log(values), np.log(known)
    span = known.max() - known.min()
    shares = (mapped - known.min()) / (span if span > 0 else 1.0)
    steps: FloatArray = np.clip(np.floor(np.nan_to_num(shares) * STEPS), 0, STEPS - 1)
    return steps


def _texts(axis: StudyAxis) -> list[tuple[int, str]]:
    return list(enumerate(short_texts(axis)))


def _side(down: StudyAxis, height: int) -> Markup:
    wide = max(len(text) for text in down.texts) > SHORT
    labels = [
        tag(
            "text",
            text if len(text) <= LONG else f"{text[: LONG - 1]}…",
            x="95%" if wide else "100%",
            y=ROW_PX * (place + 0.5),
            dy="0.35em",
            text_anchor="end",
        )
        for place, text in enumerate(down.texts)
    ]
    look = "ends" if wide else "y wide"
    return tag("svg", *labels, class_=look, height=height + TICK_PX, aria_hidden="true")


def _cell(left: float, top: int, width: float, step: int, text: str) -> Markup:
    box = tag(
        "rect",
        class_=f"fill {step_class(step)}",
        x=percent(left),
        y=top,
        width=percent(width),
        height=ROW_PX - 1,
    )
    middle = top + ROW_PX / 2
    label = tag(
        "text",
        text,
        class_="group",
        x=percent(left + width / 2),
        y=middle,
        dy="0.35em",
        text_anchor="middle",
    )
    return tag("g", box, label)


def _column(place: float, height: int, text: str) -> Markup:
    return tag("text", text, x=percent(place), y=height + 15, text_anchor="middle")
