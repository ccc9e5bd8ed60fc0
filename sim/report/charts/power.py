"""Power over time of every site against its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.report.charts import svg
from sim.report.charts.axes import time_axis, value_axis
from sim.report.charts.chart import Plot, figure, frame
from sim.report.charts.downsample import Buckets
from sim.report.charts.view import (
    TABLE_STRETCHES,
    as_float,
    at,
    series_by_name,
    stretches,
    time_span_s,
)
from sim.report.formats import power, share, span
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

if TYPE_CHECKING:
    import pandas as pd

    from sim.result import Result

MOST_SITES = 9
HEIGHT_PX = 190
NEAR = 0.15  # a curve this close to its limit [share of it] touches the label
FAR = 4.0  # a limit more than this many times above the peak is told, not drawn


def site_power_charts(result: Result) -> tuple[Markup, int]:
    """Return a chart per site, the fullest first, and the number of sites left out."""
    series = series_by_name(result, "site")
    fullest = sorted(series, key=lambda name: -_fullness(result, name, series[name]))
    shown = [name for name in series if name in fullest[:MOST_SITES]]
    ends = time_span_s(result)
    charts = join(_site_chart(result, name, series[name], ends) for name in shown)
    return charts, len(series) - len(shown)


def site_limit_w(result: Result, site: str) -> float | None:
    """Return the power limit of a site [W], None where it has none."""
    limit_kw = as_float(at(result.summary, "power", site, "limit_kw"))
    return None if limit_kw is None else 1e3 * limit_kw


def _fullness(result: Result, site: str, rows: pd.DataFrame) -> float:
    peak_w = float(rows["power_max_w"].max())
    limit_w = site_limit_w(result, site)
    return peak_w / limit_w if limit_w else 1e-12 * peak_w


def _site_chart(result: Result, site: str, rows: pd.DataFrame, ends: tuple[float, float]) -> Markup:
    limit_w = site_limit_w(result, site)
    parts = stretches(rows, "power_w", "power_max_w")
    peak_w = float(np.nanmax(parts.high, initial=0.0))
    drawn = limit_w is not None and limit_w <= FAR * peak_w
    x = time_axis(*ends)
    y = value_axis(1.06 * max(peak_w, limit_w if drawn and limit_w else 0.0), "power")
    times, mean = svg.steps(parts.start_s, parts.end_s, parts.mean)
    _, high = svg.steps(parts.start_s, parts.end_s, parts.high)
    paths = [svg.area(x, y, times, mean, high, 0), svg.line(x, y, times, mean, 0, "mean")]
    overlay = []
    if drawn and limit_w:
        label = f"limit {power(limit_w)}"
        overlay.append(svg.rule_at_y(y, limit_w, label, HEIGHT_PX, _left_is_free(parts, limit_w)))
    limit_text = f"peak {power(peak_w)}, no limit given"
    if limit_w:
        limit_text = f"peak {power(peak_w)}, {share(peak_w / limit_w)} of its {power(limit_w)}"
    return figure(
        site,
        limit_text,
        frame(Plot(x, y, paths, overlay, HEIGHT_PX), f"Power of {site} over time: {limit_text}."),
        (),
        folded(_power_table(site, rows, limit_w)),
    )


def _left_is_free(parts: Buckets, limit_w: float) -> bool:
    """Return whether the limit's label would touch the curve at the right but not at the left."""
    third = max(1, len(parts) // 3)
    distance = np.nan_to_num(np.minimum(np.abs(parts.mean - limit_w), np.abs(parts.high - limit_w)))
    left, right = float(distance[:third].min()), float(distance[-third:].min())
    return right < NEAR * limit_w and left > right


def _power_table(site: str, rows: pd.DataFrame, limit_w: float | None) -> Markup:
    parts = stretches(rows, "power_w", "power_max_w", TABLE_STRETCHES)
    cells = [
        [span(start), power(mean), power(high), share(high / limit_w) if limit_w else "–"]
        for start, mean, high in zip(
            parts.start_s.tolist(), parts.mean.tolist(), parts.high.tolist(), strict=True
        )
    ]
    return table(
        f"Power of {site} over time", ["From", "Mean", "Highest", "Highest / limit"], cells
    )
