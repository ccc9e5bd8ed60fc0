"""Queue, batch and KV cache of the pools over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.report.charts import svg
from sim.report.charts.axes import time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.palette import SLOTS
from sim.report.charts.view import TABLE_STRETCHES, series_by_name, stretches, time_span_s
from sim.report.formats import number, share, span
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

if TYPE_CHECKING:
    import pandas as pd

    from sim.result import Result


@dataclass(frozen=True, slots=True)
class PoolMetric:
    """A column of the series and how it is written."""

    column: str
    title: str
    subtitle: str
    unit: str
    write: Callable[[float | None], str]


METRICS = (
    PoolMetric("queue", "Queue", "requests that wait in the pool", "number", number),
    PoolMetric("batch", "Batch", "sequences in progress per replica", "number", number),
    PoolMetric("kv_used", "KV cache", "share of the pool's KV memory in use", "share", share),
)


def pool_charts(result: Result) -> tuple[Markup, int]:
    """Return a chart per metric with a line per pool, and the number of pools left out."""
    series = series_by_name(result, "pool")
    busiest = sorted(series, key=lambda name: -float(series[name]["batch"].mean()))[:SLOTS]
    shown = {name: rows for name, rows in series.items() if name in busiest}
    ends = time_span_s(result)
    charts = [pool_chart(metric, shown, ends) for metric in METRICS if shown]
    return join(charts), len(series) - len(shown)


def pool_chart(
    metric: PoolMetric, pools: dict[str, pd.DataFrame], ends: tuple[float, float]
) -> Markup:
    """Return one column of the pools' series over time, a line per pool.

    Args:
        metric: the column, and how it is written.
        pools: series by pool.
        ends: start and end of the time axis [s].
    """
    parts = {name: stretches(rows, metric.column) for name, rows in pools.items()}
    highest = max(float(np.nanmax(part.high, initial=0.0)) for part in parts.values())
    x, y = time_axis(*ends), value_axis(highest, metric.unit)
    areas, lines = [], []
    for slot, (name, part) in enumerate(parts.items()):
        times, mean = svg.steps(part.start_s, part.end_s, part.mean)
        low, high = (svg.steps(part.start_s, part.end_s, v)[1] for v in (part.low, part.high))
        areas.append(svg.area(x, y, times, low, high, slot))
        lines.append(svg.line(x, y, times, mean, slot, name))
    peaks = ", ".join(
        f"{name} at most {metric.write(float(np.nanmax(part.high, initial=0.0)))}"
        for name, part in parts.items()
    )
    return figure(
        metric.title,
        metric.subtitle,
        frame(Plot(x, y, areas + lines), f"{metric.title} over time by pool: {peaks}."),
        [LegendEntry(name, f"s{slot}") for slot, name in enumerate(parts)],
        folded(_pool_table(metric, pools)),
    )


def _pool_table(metric: PoolMetric, pools: dict[str, pd.DataFrame]) -> Markup:
    parts = [stretches(rows, metric.column, None, TABLE_STRETCHES) for rows in pools.values()]
    columns = [dict(zip(part.start_s.tolist(), part.mean.tolist(), strict=True)) for part in parts]
    starts = sorted(set().union(*columns))
    cells = [[span(s), *(metric.write(column.get(s)) for column in columns)] for s in starts]
    return table(f"{metric.title} over time by pool, means", ["From", *pools], cells)
