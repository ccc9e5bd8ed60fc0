"""Static pictures that compare the variants of an experiment: over time, or figure by figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report.charts import palette
from sim.report.charts.axes import time_axis
from sim.report.charts.view import time_span_s
from sim.report.figures.plots import STYLE, new_figure, set_x_ticks
from sim.report.formats import number

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from sim.result import Result

MOST_POINTS = 400
LATENCY_BINS = 60
GOODPUT_BINS = 120


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
        "arrivals_per_s": Quantity("requests reaching the pools [1/s]", "pool", "sum"),
        "in_service": Quantity("replicas in service", "pool", "sum"),
        "kv_used": Quantity("KV memory in use [%]", "pool", "mean", 100.0),
        "batch": Quantity("requests in the batch of a replica", "pool", "mean"),
    }[column]


def save_over_time(results: Mapping[str, Result], columns: Sequence[str], path: Path) -> None:
    """Draw columns of the series of several runs over time, a panel per column.

    Args:
        results: runs by the name in the legend.
        columns: of the series; or of the requests that arrive in a stretch of time ``ttft_s``,
            their p99, and ``goodput_per_s``, how many of them met their SLO; with the name of a
            tier, as in ``ttft_s of premium``, only the requests of that tier.
        path: file to write; its ending says the format.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):
        figure = new_figure(8.0, 0.5 + 1.75 * len(columns))
        panels = np.atleast_1d(figure.subplots(len(columns), 1, sharex=True))
        for panel, column in zip(panels, columns, strict=True):
            name, _, tier = column.partition(" of ")
            drawn = _BY_ARRIVAL.get(name)
            of_tier = f", {tier}" if tier else ""
            panel.set_title(drawn[0] + of_tier if drawn else quantity(name).title)
            for slot, (run, result) in enumerate(results.items()):
                times, values = drawn[1](result, tier) if drawn else _line(result, name)
                colour = palette.SERIES_LIGHT[slot % palette.SLOTS]
                panel.plot(times, values, color=colour, lw=1.3, label=run, drawstyle="steps-post")
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


def attained(result: Result) -> pd.Series:
    """Return which requests met the SLO of their tier, in the order of `request_columns`."""
    requests = result.request_columns("tier", "status", "ttft_s", "tpot_s", "e2e_s")
    met = requests["status"] == "completed"
    for tier, sla in result.summary["sla"].items():
        mine = requests["tier"] == tier
        for name in ("ttft_s", "tpot_s", "e2e_s"):
            limit = sla["targets"].get(name)
            if limit is not None:
                met &= ~(mine & (requests[name] > limit))
    return met


def _line(result: Result, column: str) -> tuple[np.ndarray, np.ndarray]:
    wanted = quantity(column)
    series = result.series
    rows = series[series["kind"] == wanted.kind]
    values = rows.groupby("time_s")[column].agg(wanted.how).dropna()
    step = -(-len(values) // MOST_POINTS) or 1
    return values.index.to_numpy()[::step], wanted.scale * values.to_numpy()[::step]


def _latency(result: Result, tier: str) -> tuple[np.ndarray, np.ndarray]:
    requests = result.request_columns("arrival_s", "tier", "ttft_s")
    if tier:
        requests = requests[requests["tier"] == tier]
    stretch, _ = _stretches(requests["arrival_s"], LATENCY_BINS)
    p99 = requests["ttft_s"].groupby(stretch).quantile(0.99)
    return p99.index.to_numpy(), p99.to_numpy()


def _goodput(result: Result, tier: str) -> tuple[np.ndarray, np.ndarray]:
    requests = result.request_columns("arrival_s", "tier")
    met = attained(result)
    if tier:
        met = met & (requests["tier"] == tier)
    stretch, width_s = _stretches(requests["arrival_s"], GOODPUT_BINS)
    met = met.groupby(stretch).sum() / width_s
    return met.index.to_numpy(), met.to_numpy()


def _stretches(arrival_s: pd.Series, number: int) -> tuple[pd.Series, float]:
    """Return the start of the stretch of time of each arrival, and the length of one [s]."""
    width_s = (float(arrival_s.max()) if len(arrival_s) else 1.0) / number
    return (arrival_s // width_s) * width_s, width_s


_BY_ARRIVAL = {
    "ttft_s": ("TTFT p99 [s]", _latency),
    "goodput_per_s": ("requests that met their SLO, by arrival [1/s]", _goodput),
}


def _write(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)
