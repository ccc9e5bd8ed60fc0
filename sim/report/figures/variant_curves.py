"""A static picture of variants that differ in a number: one line per group, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report.charts import palette
from sim.report.figures.plots import STYLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Cell = tuple[float, float]
"""A mean and the half-width of its interval, NaN where there is none."""


def save_curves(
    table: Mapping[str, Mapping[str, Cell]], x: str, names: Sequence[str], path: Path
) -> None:
    """Draw figures of several runs against one of them, a panel per figure.

    Runs whose names agree up to a colon, as in ``8B: 10 %`` and ``8B: 30 %``, are joined by a
    line; a group of one run is drawn as a level.

    Args:
        table: mean and half-width by run and name of the figure.
        x: which figure is drawn to the right.
        names: which figures are drawn upwards.
        path: file to write; its ending says the format.
    """
    from matplotlib import rc_context

    groups: dict[str, list[str]] = {}
    for run in table:
        groups.setdefault(run.split(":")[0], []).append(run)
    with rc_context(STYLE):
        figure = new_figure(0.6 + 3.2 * len(names), 3.2)
        panels = np.atleast_1d(figure.subplots(1, len(names)))
        for panel, name in zip(panels, names, strict=True):
            for slot, (group, runs) in enumerate(groups.items()):
                colour = palette.SERIES_LIGHT[slot % palette.SLOTS]
                _draw(panel, [(table[run][x], table[run][name]) for run in runs], group, colour)
            panel.set(title=name, xlabel=x)
            panel.set_ylim(bottom=0.0)
        entries = panels[0].get_legend_handles_labels()
        figure.legend(*entries, loc="outside lower center", ncols=len(groups))
        figure.savefig(path, dpi=110)


def _draw(panel: Axes, points: Sequence[tuple[Cell, Cell]], group: str, colour: str) -> None:
    if len(points) == 1:
        panel.axhline(points[0][1][0], color=colour, ls="--", lw=1.3, label=group)
        return
    across = [x[0] for x, _ in points]
    means = [y[0] for _, y in points]
    spread = np.nan_to_num([y[1] for _, y in points])
    panel.errorbar(
        across, means, spread, color=colour, marker="o", ms=3.5, lw=1.3, capsize=2, label=group
    )
