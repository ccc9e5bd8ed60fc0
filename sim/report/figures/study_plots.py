"""A static picture of a study: its numbers over one axis, lines with bands by another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.study.axes import StudyAxis, axes_of
from sim.report.answers.words import axis_name
from sim.report.charts import palette
from sim.report.charts.study import Measured
from sim.report.charts.study_scales import (
    axis_title,
    design_scale,
    metric_scale,
    metric_title,
    short_texts,
    unit_of,
)
from sim.report.figures.plots import STYLE, new_figure
from sim.report.html.study_page import measured_of, roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.experiment.study.sweep import SweepResult

MOST_PANELS, ACROSS = 6, 3
FACTORS = {"share": 100.0}


def save_study_picture(result: SweepResult, path: Path) -> None:
    """Draw the metrics of a study, a panel each; axes beyond the second are not told apart.

    Args:
        result: what a sweep found; the design has an axis or more.
        path: file to write; its ending says the format.
    """
    from matplotlib import rc_context

    axes = roles(axes_of(result.loaded.study, result.variants))
    measured = measured_of(result)[:MOST_PANELS]
    if not axes or not measured:
        return
    across, by = axes[0], axes[1] if len(axes) > 1 else None
    columns = 2 if len(measured) == 4 else min(ACROSS, len(measured))
    rows = -(-len(measured) // columns)
    with rc_context(STYLE):
        figure = new_figure(0.6 + 3.2 * columns, 0.6 + 2.7 * rows)
        panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for panel, found in zip(panels, measured, strict=False):
            _draw(panel, found, across, by)
        for panel in panels[len(measured) :]:
            panel.set_visible(False)
        figure.supxlabel(axis_title(across), fontsize=STYLE["font.size"])
        if by is not None:
            entries = panels[0].get_legend_handles_labels()
            title = "" if by.title == "label" else axis_name(by)
            figure.legend(*entries, loc="outside upper center", ncols=4, title=title)
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw(panel: Axes, found: Measured, across: StudyAxis, by: StudyAxis | None) -> None:
    x, numbers = design_scale(across)
    factor = FACTORS.get(unit_of(found.metric), 1.0)
    for slot, name in enumerate(by.texts if by else ("",)):
        rows = [
            row
            for row, variant in enumerate(found.variants)
            if by is None or by.places[variant] == slot
        ]
        rows.sort(key=lambda row: numbers[across.places[found.variants[row]]])
        line = found.at(rows)
        xs = numbers[[across.places[variant] for variant in line.variants]]
        colour = palette.SERIES_LIGHT[slot % palette.SLOTS]
        look = "o" if across.sampled else "o-"
        panel.plot(xs, factor * line.value, look, ms=3.5, lw=1.3, color=colour, label=name)
        panel.fill_between(
            xs, factor * line.low, factor * line.high, color=colour, alpha=0.15, lw=0
        )
    panel.set_title(metric_title(found.metric))
    if x.log:
        panel.set_xscale("log")
    if not across.sampled:
        panel.set_xticks(numbers, short_texts(across), minor=False)
    y = metric_scale(found.metric, found.low, found.value, found.high)
    if y.log:
        panel.set_yscale("log")
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
