"""Static pictures that compare the variants of an experiment: over time, or figure by figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report import palette
from sim.report.axes import time_axis
from sim.report.formats import number
from sim.report.plots import STYLE, new_figure, set_x_ticks
from sim.report.view import time_span_s

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.result import Result

MOST_POINTS = 400
LATENCY_BINS = 60


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of the series, drawn as one line per run.

    Attributes:
        title: above the panel, with the unit.
        kind: whose rows: site or rack.
        how: how those of one time become one value: sum, max, min or mean.
        scale: factor to the unit of the title.
    """

    title: str
    kind: str
    how: str
    scale: float = 1.0


def quantity(column: str) -> Quantity:
    """Return how a column of the series is drawn; a KeyError for one that is not."""
    return {
        "facility_w": Quantity("facility power [kW]", "site", "sum", 1e-3),
        "power_w": Quantity("IT power [kW]", "site", "sum", 1e-3),
        "inlet_c": Quantity("hottest inlet [°C]", "rack", "max"),
        "plate_c": Quantity("hottest cold plate [°C]", "rack", "max"),
        "clock": Quantity("slowest clock of a rack [% of full]", "rack", "min", 100.0),
        "outside_c": Quantity("outdoors [°C]", "site", "mean"),
        "queue": Quantity("requests waiting", "pool", "sum"),
    }[column]


def save_over_time(results: Mapping[str, Result], columns: Sequence[str], path: Path) -> None:
    """Draw columns of the series of several runs over time, a panel per column.

    Args:
        results: runs by the name in the legend.
        columns: of the series, or ``ttft_s`` for the p99 of the requests that arrive in a stretch.
        path: file to write; its ending says the format.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = new_figure(8.0, 0.5 + 1.75 * len(columns))
        panels = np.atleast_1d(figure.subplots(len(columns), 1, sharex=True))
        for panel, column in zip(panels, columns, strict=True):
            title = "TTFT p99 [s]" if column == "ttft_s" else quantity(column).title
            panel.set_title(title)
            for slot, (name, result) in enumerate(results.items()):
                times, values = _latency(result) if column == "ttft_s" else _line(result, column)
                colour = palette.SERIES_LIGHT[slot % palette.SLOTS]
                panel.plot(times, values, color=colour, lw=1.3, label=name, drawstyle="steps-post")
        # beside the panels, where it hides nothing
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        longest = max(results.values(), key=lambda result: time_span_s(result)[1])
        set_x_ticks(panels[-1], time_axis(*time_span_s(longest)))
        _write(figure, path)


def save_figures(
    table: Mapping[str, Mapping[str, float]], names: Sequence[str], path: Path
) -> None:
    """Draw figures of several runs, a panel per figure and a bar per run.

    Args:
        table: figure by run and name; NaN for none.
        names: which figures to draw.
        path: file to write; its ending says the format.
    """
    from matplotlib import rc_context

    runs = list(table)
    with rc_context(STYLE):
        figure = new_figure(1.2 + 2.6 * len(names), 0.9 + 0.3 * len(runs))
        panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
        for slot, (panel, name) in enumerate(zip(panels, names, strict=True)):
            values = [table[run][name] for run in runs]
            bars = panel.barh(runs, np.nan_to_num(values), color=palette.SERIES_LIGHT[slot])
            panel.bar_label(bars, [number(value) for value in values], padding=3)
            panel.set_title(name)
            panel.margins(x=0.2)
            panel.grid(False, axis="y")
        panels[0].invert_yaxis()
        _write(figure, path)


def _line(result: Result, column: str) -> tuple[np.ndarray, np.ndarray]:
    wanted = quantity(column)
    series = result.series
    rows = series[series["kind"] == wanted.kind]
    values = rows.groupby("time_s")[column].agg(wanted.how).dropna()
    step = -(-len(values) // MOST_POINTS) or 1
    return values.index.to_numpy()[::step], wanted.scale * values.to_numpy()[::step]


def _latency(result: Result) -> tuple[np.ndarray, np.ndarray]:
    requests = result.request_columns("arrival_s", "ttft_s")
    end_s = float(requests["arrival_s"].max()) if len(requests) else 1.0
    width_s = end_s / LATENCY_BINS
    stretch = (requests["arrival_s"] // width_s) * width_s
    p99 = requests["ttft_s"].groupby(stretch).quantile(0.99)
    return p99.index.to_numpy(), p99.to_numpy()


def _write(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
