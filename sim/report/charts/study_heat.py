"""A number of a study as a map over two axes."""

from __future__ import annotations

import math

import numpy as np

from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.answers.words import axis_name, axis_phrase
from sim.report.charts.option import Chart, Data, Option, axis, colour, tooltip
from sim.report.charts.study import Measured
from sim.report.charts.study_scales import (
    WIDE,
    axis_title,
    metric_title,
    plain_title,
    short_texts,
    unit_of,
    writer,
)
from sim.report.formats import number

ROW_PX, ENDS_PX = 36, 62
STEPS = 6  # stronger colours would hide the numbers on them


def study_heat_map(found: Measured, across: StudyAxis, down: StudyAxis) -> Chart:
    """Return the map, each cell with its number; stronger is more, a frame marks what misses."""
    write, steps = writer(found.metric), color_steps(found.value)
    cells, rows = [], []
    for row, variant in enumerate(found.variants):
        if not np.isfinite(found.value[row]):
            continue
        place = (across.places[variant], down.places[variant])
        value = float(found.value[row])
        text = cell_text(found.metric, value)
        told = write(value)
        missed = int(found.missed(row))
        name = f"{axis_phrase(across, place[0])}, {axis_phrase(down, place[1])}"
        numbers = [*place, int(steps[row]), missed]
        cells.append({"name": name, "told": told, "text": text, "value": numbers})
        rows.append([down.texts[place[1]], across.texts[place[0]], told])
    title = plain_title(found.metric)
    unit = {"duration": " [s]", "share": " [%]"}.get(unit_of(found.metric), "")
    told = f"{axis_title(across)} from left to right, {axis_title(down)} downwards"
    option = _option(cells, across, down)
    words = f"{title} over {axis_name(across)} and {axis_name(down)}; stronger is more."
    data = Data(title, [axis_name(down), axis_name(across), metric_title(found.metric)], rows, 2)
    height = ENDS_PX + ROW_PX * len(down.texts)
    name = title if unit and unit in metric_title(found.metric) else metric_title(found.metric)
    return Chart(f"{name}{unit}", told, words, option, data, height=height)


def _option(cells: list[Option], across: StudyAxis, down: StudyAxis) -> Option:
    x = axis("category", "text", data=short_texts(across), name=axis_title(across))
    x |= {"nameLocation": "middle", "nameGap": 26, "nameTextStyle": {"color": colour("quiet")}}
    y = axis("category", "text", data=list(down.texts), inverse=True)
    y["axisLabel"] |= {"width": 120, "overflow": "truncate", "interval": 0}
    for each in (x, y):
        each["splitLine"] = {"show": False}
    return {
        "animation": False,
        "aria": {"enabled": False},
        "grid": {"left": 132, "right": 10, "top": 6, "bottom": 44},
        "legend": {"show": False, "data": []},
        "tooltip": tooltip({"$fn": "told"}),
        "xAxis": x,
        "yAxis": y,
        "series": [
            {
                "type": "custom",
                "name": "cells",
                "renderItem": {
                    "$fn": "cell",
                    "colours": [colour(f"q{step}") for step in range(STEPS)],
                    "texts": [cell["text"] for cell in cells],
                    "text": colour("text"),
                    "bad": colour("bad"),
                },
                "encode": {"x": 0, "y": 1},
                "data": cells,
            }
        ],
    }


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
