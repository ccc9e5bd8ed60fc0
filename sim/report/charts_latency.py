"""Cumulative distributions of TTFT, TPOT and E2E per tier, drawn as a percentile ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report import svg
from sim.report.axes import Axis, ladder_axis, log_axis
from sim.report.chart import LegendEntry, Plot, figure, frame
from sim.report.datatable import folded, table
from sim.report.formats import count, duration
from sim.report.markup import Markup, join
from sim.report.palette import SLOTS
from sim.report.view import as_float, at, latency_by_tier, tier_names

if TYPE_CHECKING:
    from sim.result import Result

METRICS = {
    "ttft_s": ("Time to first token", "TTFT, from the user's arrival"),
    "tpot_s": ("Time per output token", "TPOT, after the first token"),
    "e2e_s": ("End to end", "E2E, arrival to last token"),
}
RUNGS = (0.5, 0.9, 0.99, 0.999)
TABLE_SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
POINTS = 160
FAR = 30.0  # a target more than this many times off the data is told, not drawn


def latency_charts(result: Result) -> Markup:
    """Return one chart per latency metric that the run has values for."""
    targets = {
        tier: at(result.summary, "sla", tier, "targets") or {} for tier in tier_names(result)
    }
    charts = []
    for metric, (title, subtitle) in METRICS.items():
        values = latency_by_tier(result, metric)
        if values:
            slo = {tier: as_float(targets[tier].get(metric)) for tier in values}
            slots = {tier: place % SLOTS for place, tier in enumerate(tier_names(result))}
            charts.append(_latency_chart(title, subtitle, values, slo, slots))
    return join(charts)


def _latency_chart(
    title: str,
    subtitle: str,
    values: dict[str, FloatArray],
    slo: dict[str, float | None],
    slots: dict[str, int],
) -> Markup:
    nines = 3.0 if max(len(column) for column in values.values()) >= 1000 else 2.0
    x, y = _latency_axis(values, slo), ladder_axis(nines)
    height = 230
    shares = 1 - 10.0 ** -np.linspace(0.0, nines, POINTS)
    rungs = [share for share in RUNGS if share <= 1 - 10.0**-nines + 1e-9]
    paths, overlay = [], []
    for tier, column in values.items():
        paths.append(svg.line(x, y, np.quantile(column, shares), shares, slots[tier], tier))
        overlay.append(svg.dots(x, y, np.quantile(column, rungs), rungs, slots[tier], height))
    for level, (tier, target) in enumerate(_drawn(slo, x)):
        label = f"SLO {duration(target)}"
        overlay.append(svg.rule_at_x(x, target, label, slots[tier], height, level))
    plot = Plot(x, y, paths, overlay, height)
    return figure(
        title,
        subtitle,
        frame(plot, _in_words(title, values)),
        [LegendEntry(_legend_text(tier, slo[tier], x), f"s{slots[tier]}") for tier in values],
        folded(_percentiles(title, values)),
    )


def _latency_axis(values: dict[str, FloatArray], slo: dict[str, float | None]) -> Axis:
    """Return a log axis over the data, and over the targets that are not too far from it."""
    positive = [column[column > 0] for column in values.values()]
    low = min((float(np.quantile(c, 0.001)) for c in positive if len(c)), default=1e-3)
    high = max((float(np.quantile(c, 0.999)) for c in positive if len(c)), default=1.0)
    near = [t for t in slo.values() if t and low / FAR < t < high * FAR]
    return log_axis(min([low, *near]), max([high, *(1.15 * target for target in near)]), "duration")


def _drawn(slo: dict[str, float | None], x: Axis) -> list[tuple[str, float]]:
    low, high = (10.0**end for end in x.scale.ends)
    return [(tier, target) for tier, target in slo.items() if target and low <= target <= high]


def _legend_text(tier: str, target: float | None, x: Axis) -> str:
    hidden = target is not None and (tier, target) not in _drawn({tier: target}, x)
    return f"{tier} (SLO {duration(target)}, off the scale)" if hidden else tier


def _in_words(title: str, values: dict[str, FloatArray]) -> str:
    told = ", ".join(
        f"{tier}: half within {duration(float(np.quantile(column, 0.5)))}, "
        f"99 % within {duration(float(np.quantile(column, 0.99)))}"
        for tier, column in values.items()
    )
    return f"{title} by tier. {told}."


def _percentiles(title: str, values: dict[str, FloatArray]) -> Markup:
    header = ["Share of requests within", *values]
    rows = [
        [f"{100 * share:g} %", *(duration(float(np.quantile(c, share))) for c in values.values())]
        for share in TABLE_SHARES
    ]
    rows.append(["Requests", *(count(len(column)) for column in values.values())])
    return table(f"{title}: percentiles by tier", header, rows)
