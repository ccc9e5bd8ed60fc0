"""A number of a study over one axis, a line with its intervals for each value of a second one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.experiment.statistics.numbers import better
from sim.experiment.study.axes import StudyAxis
from sim.interfaces import FloatArray
from sim.report.answers.words import axis_name
from sim.report.charts.option import Chart, Data
from sim.report.charts.palette import SLOTS
from sim.report.charts.study_scales import (
    design_scale,
    metric_scale,
    metric_title,
    short_texts,
    writer,
)
from sim.report.charts.xy import Points, Scale, xy_chart


@dataclass(frozen=True, slots=True)
class Measured:
    """One number of the summary at some variants, with its 95 % intervals.

    Attributes:
        metric: dotted name.
        variants: index of each variant.
        value, low, high: by variant; NaN where nothing is known.
        limit: target or SLO of the number; None without one.
    """

    metric: str
    variants: tuple[int, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray
    limit: float | None = None

    def at(self, chosen: Sequence[int]) -> Measured:
        """Return the part at these positions."""
        rows = np.array(chosen, dtype=np.int64)
        variants = tuple(self.variants[row] for row in rows)
        parts = (self.value[rows], self.low[rows], self.high[rows])
        return Measured(self.metric, variants, *parts, self.limit)

    def missed(self, row: int) -> bool:
        """Return whether a value is on the wrong side of the limit."""
        if self.limit is None:
            return False
        value = float(self.value[row])
        return value < self.limit if better(self.metric) == "higher" else value > self.limit

    @property
    def limits(self) -> dict[str, float]:
        """The limit by its label, nothing without one."""
        if self.limit is None:
            return {}
        word = "target" if self.metric.startswith("sla.") else "SLO"
        return {f"{word} {writer(self.metric)(self.limit)}": self.limit}


def line_chart(
    found: Measured, across: StudyAxis, by: StudyAxis | None, part: str, y: Scale | None = None
) -> Chart:
    """Return the chart of a number over ``across``, a line per value of ``by``.

    Args:
        found: the number.
        across: axis of the design along x.
        by: axis of the design whose values are lines; one line without it.
        part: which values the other axes have, empty where there are none.
        y: axis of the number, so that several charts share it; chosen unless given.
    """
    x, numbers = design_scale(across)
    y = y or metric_scale(found.metric, found.low, found.value, found.high, found.limit)
    names = short_texts(by, cut=False) if by else [metric_title(found.metric)]
    points = []
    for place, name in enumerate(names):
        line = found.at(_rows(found, across, numbers, by, place))
        if line.variants:
            xs = numbers[[across.places[variant] for variant in line.variants]]
            ends = (line.low, line.high)
            slot, joined = place % SLOTS, not across.sampled
            points.append(Points(name, xs, line.value, slot, *ends, joined=joined))
    name = metric_title(found.metric)
    title = f"{name}, {part}" if part else name
    told = f"over {axis_name(across)}" + (f", a line per {axis_name(by)}" if by else "")
    return xy_chart(title, told, points, x, y, _values(found, across, by), found.limits)


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


def _values(found: Measured, across: StudyAxis, by: StudyAxis | None) -> Data:
    write = writer(found.metric)
    rows = []
    for row, variant in enumerate(found.variants):
        places = [across.texts[across.places[variant]]]
        places += [by.texts[by.places[variant]]] if by else []
        numbers = (found.value[row], found.low[row], found.high[row])
        rows.append([*places, *(write(float(number)) for number in numbers)])
    header = [axis_name(across), *([axis_name(by)] if by else []), "value", "low", "high"]
    caption = f"{metric_title(found.metric)} with 95 % intervals"
    return Data(caption, header, rows, texts=2 if by else 1)
