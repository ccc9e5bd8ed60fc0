"""Static pictures for experiment folders, in the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.report.charts import palette, svg
from sim.report.charts.axes import LADDER, Axis, time_axis
from sim.report.charts.latency import METRICS, TierLatency, latency_axis, tier_latencies
from sim.report.charts.power import site_limit_w
from sim.report.charts.racks import rack_shares
from sim.report.charts.view import series_by_name, stretches, time_span_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.result import Result

NINES = 3.0
MOST_SITES = 6
MOST_STEPS = 500
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a929c",
    "axes.grid": True,
    "grid.color": "#e8ebef",
    "axes.axisbelow": True,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.hashsalt": "loadbank",  # equal results give equal files
}


def save_plots(
    result: Result, folder: Path, formats_wanted: Sequence[str] = ("png",)
) -> list[Path]:
    """Draw latency, power and racks into ``folder`` and return the files written.

    Args:
        result: a finished run.
        folder: made if it does not exist.
        formats_wanted: file endings that matplotlib knows, such as ``png`` and ``svg``.
    """
    from matplotlib import rc_context

    drawings = {
        "latency": latency_plot,
        "power": power_plot,
        "racks": rack_plot,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with rc_context(STYLE):
        for name, draw in drawings.items():
            drawn = draw(result)
            for ending in formats_wanted:
                path = folder / f"{name}.{ending}"
                # the date would make equal results differ
                metadata = {"Date": None} if ending == "svg" else None
                drawn.savefig(path, dpi=144, metadata=metadata)
                written.append(path)
    return written


def new_figure(width: float, height: float) -> Figure:
    """Return a figure that no pyplot state knows of, on the file-only Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)  # registers itself with the figure
    return figure


def latency_plot(result: Result) -> Figure:
    """Return the distributions of TTFT, TPOT and E2E per tier as percentile ladders."""
    figure = new_figure(10.0, 3.4)
    panels = np.atleast_1d(figure.subplots(1, len(METRICS), sharey=True))
    for panel, (metric, (title, _)) in zip(panels, METRICS.items(), strict=True):
        panel.set(title=title, xscale="log", xlabel="time")
        _draw_latency(panel, tier_latencies(result, metric))
    rungs = [share for share in LADDER if share <= 1 - 10.0**-NINES]
    panels[0].set(ylabel="share of requests within")
    panels[0].set_yticks([-np.log10(1 - p) for p in rungs], [f"{100 * p:g} %" for p in rungs])
    if panels[0].lines:
        panels[0].legend()
    return figure


def _draw_latency(panel: Axes, tiers: Sequence[TierLatency]) -> None:
    shares = 1 - 10.0 ** -np.linspace(0.0, NINES, 200)
    for line in tiers:
        colour = palette.SERIES_LIGHT[line.slot]
        curve = np.quantile(line.values, shares)
        panel.plot(curve, -np.log10(1 - shares), color=colour, label=line.tier)
    if tiers:
        x = latency_axis(list(tiers))
        for line in tiers:
            if line.target is not None:
                panel.axvline(line.target, color=palette.SERIES_LIGHT[line.slot], ls="--", lw=1.2)
        panel.set_xlim(*(10.0**end for end in x.scale.ends))
        set_x_ticks(panel, x)


def set_x_ticks(panel: Axes, x: Axis) -> None:
    """Put the ticks of one of our axes on a panel, and no others."""
    panel.set_xticks([value for value, _ in x.ticks], [label for _, label in x.ticks])
    panel.set_xticks([], minor=True)


def power_plot(result: Result) -> Figure:
    """Return the power of the sites over time, each against its limit."""
    series = dict(list(series_by_name(result, "site").items())[:MOST_SITES])
    rows = max(1, len(series))
    figure = new_figure(8.0, 1.9 * rows)
    panels = np.atleast_1d(figure.subplots(rows, 1, sharex=True))
    for panel, (site, data) in zip(panels, series.items(), strict=False):
        parts = stretches(data, "power_w", "power_max_w", MOST_STEPS)
        times_s, mean_w = svg.steps(parts.start_s, parts.end_s, parts.mean)
        _, high_w = svg.steps(parts.start_s, parts.end_s, parts.high)
        colour = palette.SERIES_LIGHT[0]
        panel.fill_between(times_s, mean_w / 1e3, high_w / 1e3, color=colour, alpha=0.2, lw=0)
        panel.plot(times_s, mean_w / 1e3, color=colour)
        _draw_limit(panel, site_limit_w(result, site))
        panel.set(title=site, ylabel="power [kW]")
        panel.set_ylim(bottom=0.0)
    panels[-1].set(xlabel="simulated time")
    set_x_ticks(panels[-1], time_axis(*time_span_s(result)))
    return figure


def _draw_limit(panel: Axes, limit_w: float | None) -> None:
    if limit_w is not None:
        panel.axhline(limit_w / 1e3, color=palette.OVER_LIGHT, ls="--", lw=1.2, label="limit")
        panel.legend(loc="lower right")


def rack_plot(result: Result) -> Figure:
    """Return the power of every rack as a share of its limit over time."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    shares, _ = rack_shares(result)
    lines = max(1, len(shares))
    figure = new_figure(8.0, float(np.clip(0.6 + 0.12 * lines, 2.0, 9.0)))
    panel = figure.subplots()
    panel.grid(False)
    colours = ListedColormap([*palette.HEAT_LIGHT, palette.OVER_LIGHT])
    norm = BoundaryNorm([*np.linspace(0.0, 1.0, 11), 1.1], colours.N)
    start_s, end_s = time_span_s(result)
    if shares:
        image = panel.imshow(
            np.minimum(np.vstack(list(shares.values())), 1.09),
            aspect="auto",
            cmap=colours,
            norm=norm,
            extent=(start_s, end_s, lines, 0),
            interpolation="nearest",
        )
        bar = figure.colorbar(image, label="power / limit of the rack", ticks=[0.0, 0.5, 1.0])
        bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
    panel.set(title="Racks", xlabel="simulated time", ylabel="racks, in the order of the topology")
    set_x_ticks(panel, time_axis(start_s, end_s))
    return figure
