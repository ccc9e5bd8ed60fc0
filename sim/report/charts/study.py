"""A number of a study over one axis, a line with its interval for each value of a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.answers.words import axis_name
from sim.report.charts import svg
from sim.report.charts.axes import Axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.palette import SLOTS
from sim.report.charts.study_scales import (
    axis_title,
    design_axis,
    metric_axis,
    metric_title,
    writer,
)
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup

HEIGHT_PX = 210


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of the summary at some variants, with its 95 % intervals.

    Attributes:
        metric: dotted name.
        variants: index of each variant.
        value, low, high: by variant; NaN where nothing is known.
    """

    metric: str
    variants: tuple[int, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray

    def at(self, chosen: Sequence[int]) -> Measured:
        """Return the part at these positions."""
        rows = np.array(chosen, dtype=np.int64)
        variants = tuple(self.variants[row] for row in rows)
        return Measured(self.metric, variants, self.value[rows], self.low[rows], self.high[rows])


def line_chart(
    found: Measured, across: StudyAxis, by: StudyAxis | None, part: str, y: Axis | None = None
) -> Markup:
    """Return the chart of a number over ``across``, a line per value of ``by``.

    Args:
        found: the number.
        across: axis of the design along x.
        by: axis of the design whose values are lines; one line without it.
        part: which values the other axes have, empty where there are none.
        y: axis of the number, so that several charts share it; chosen unless given.
    """
    x, numbers = design_axis(across)
    y = y or metric_axis(found.metric, found.low, found.value, found.high)
    names = by.texts if by else (found.metric,)
    paths, overlay, entries = [], [], []
    for place, name in enumerate(names):
        line = found.at(_rows(found, across, numbers, by, place))
        if not line.variants:
            continue
        slot = place % SLOTS
        xs = numbers[[across.places[variant] for variant in line.variants]]
        if not across.sampled:
            paths.append(svg.area(x, y, xs, line.low, line.high, slot))
            paths.append(svg.line(x, y, xs, line.value, slot, name))
        known = np.isfinite(line.value)
        overlay.append(svg.dots(x, y, xs[known], line.value[known], slot, HEIGHT_PX))
        entries.append(LegendEntry(name, f"s{slot}"))
    name = metric_title(found.metric)
    title = f"{name}, {part}" if part else name
    told = f"over {axis_title(across)}" + (f", a line per {axis_name(by)}" if by else "")
    return figure(
        title,
        told,
        frame(Plot(x, y, paths, overlay, HEIGHT_PX), f"{title} {told}."),
        entries if by else [],
        folded(_values(found, across, by)),
    )


def _rows(
    found: Measured, across: StudyAxis, numbers: FloatArray, by: StudyAxis | None, place: int
) -> list[int]:
    """Return the positions of the variants on a line, from left to right."""
    rows = [
        row
        for row, variant in enumerate(found.variants)
        if by is None or by.places[variant] == place
    ]
    return sorted(rows, key=lambda row: numbers[across.places[found.variants[row]]])


def _values(found: Measured, across: StudyAxis, by: StudyAxis | None) -> Markup:
    write = writer(found.metric)
    rows = []
    for row, variant in enumerate(found.variants):
        places = [across.texts[across.places[variant]]]
        places += [by.texts[by.places[variant]]] if by else []
        numbers = (found.value[row], found.low[row], found.high[row])
        rows.append([*places, *(write(float(number)) for number in numbers)])
    header = [axis_name(across), *([axis_name(by)] if by else []), "value", "low", "high"]
    return table(f"{found.metric} with 95 % intervals", header, rows, texts=2 if by else 1)
