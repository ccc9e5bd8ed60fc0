"""Cumulative distributions of TTFT, TPOT and E2E per tier, drawn as a percentile ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts import svg
from sim.report.charts.axes import Axis, ladder_axis, log_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.palette import SLOTS
from sim.report.charts.view import as_float, at, latency_by_tier, tier_names
from sim.report.formats import GAP, count, duration
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join

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
HEIGHT_PX = 230
FAR = 30.0  # a target more than this many times off the data is told, not drawn


@dataclass(frozen=True, slots=True)
class TierLatency:
    """One latency metric of one tier.

    Attributes:
        tier: name of the tier.
        values: known values, sorted [s].
        target: SLO of the tier for this metric [s], None where it has none.
        slot: colour of the tier.
    """

    tier: str
    values: FloatArray
    target: float | None
    slot: int

    def at(self, share: float) -> float:
        """Return the latency within which ``share`` of the requests were served [s]."""
        return float(np.quantile(self.values, share))


def latency_charts(result: Result) -> Markup:
    """Return one chart per latency metric that the run has values for."""
    lines = {metric: tier_latencies(result, metric) for metric in METRICS}
    axes = {metric: latency_axis(found) for metric, found in lines.items() if found}
    # charts side by side get the same room for SLO labels, so that their plots line up
    flags = max((len(_drawn(lines[metric], x)) for metric, x in axes.items()), default=0)
    return join(latency_chart(metric, lines[metric], x, flags) for metric, x in axes.items())


def tier_latencies(result: Result, metric: str) -> list[TierLatency]:
    """Return one latency metric of every tier that has values for it."""
    values = latency_by_tier(result, metric)
    return [
        TierLatency(
            tier,
            values[tier],
            as_float(at(result.summary, "sla", tier, "targets", metric)),
            place % SLOTS,
        )
        for place, tier in enumerate(tier_names(result))
        if tier in values
    ]


def latency_chart(metric: str, tiers: list[TierLatency], x: Axis, flags: int) -> Markup:
    """Return the chart of one latency metric, a curve per tier (or run) that has values for it.

    Args:
        metric: a key of `METRICS`.
        tiers: the curves, at least one.
        x: axis of the latency, see `latency_axis`.
        flags: lines of room for the labels of targets.
    """
    title, subtitle = METRICS[metric]
    nines = 3.0 if max(len(line.values) for line in tiers) >= 1000 else 2.0
    y = ladder_axis(nines)
    shares = 1 - 10.0 ** -np.linspace(0.0, nines, POINTS)
    rungs = [share for share in RUNGS if share <= 1 - 10.0**-nines + 1e-9]
    paths, overlay = [], []
    for line in tiers:
        marks = np.quantile(line.values, rungs)
        curve = np.quantile(line.values, shares)
        paths.append(svg.line(x, y, curve, shares, line.slot, line.tier))
        overlay.append(svg.dots(x, y, marks, rungs, line.slot, HEIGHT_PX))
    for level, (line, target) in enumerate(_drawn(tiers, x)):
        label = f"SLO {duration(target)}"
        overlay.append(svg.rule_at_x(x, target, label, line.slot, HEIGHT_PX, level))
    plot = Plot(x, y, paths, overlay, HEIGHT_PX, top=svg.FLAG_PX * flags)
    return figure(
        title,
        subtitle,
        frame(plot, _in_words(title, tiers)),
        [LegendEntry(_legend_text(line, x), f"s{line.slot}") for line in tiers],
        folded(_percentiles(title, tiers)),
    )


def latency_axis(tiers: list[TierLatency]) -> Axis:
    """Return a log axis over the data, and over the targets that are not too far from it."""
    positive = [column for line in tiers if len(column := line.values[line.values > 0])]
    low = min((float(np.quantile(column, 0.001)) for column in positive), default=1e-3)
    high = max((float(np.quantile(column, 0.999)) for column in positive), default=1.0)
    near = [line.target for line in tiers if line.target and low / FAR < line.target < high * FAR]
    return log_axis(min([low, *near]), max([high, *(1.15 * target for target in near)]), "duration")


def _drawn(tiers: list[TierLatency], x: Axis) -> list[tuple[TierLatency, float]]:
    """Return the tiers whose target lies on the axis, with that target, the lowest first.

    Labels stand at the left and each a line higher, so none is crossed by a target's line.
    """
    low, high = (10.0**end for end in x.scale.ends)
    found = [(line, line.target) for line in tiers if line.target and low <= line.target <= high]
    return sorted(found, key=lambda drawn: drawn[1])


def _legend_text(line: TierLatency, x: Axis) -> str:
    if line.target and not _drawn([line], x):
        return f"{line.tier} (SLO {duration(line.target)}, off the scale)"
    return line.tier


def _in_words(title: str, tiers: list[TierLatency]) -> str:
    told = ", ".join(
        f"{line.tier}: half within {duration(line.at(0.5))}, 99 % within {duration(line.at(0.99))}"
        for line in tiers
    )
    return f"{title}. {told}."


def _percentiles(title: str, tiers: list[TierLatency]) -> Markup:
    rows = [
        [f"{100 * share:g}{GAP}%", *(duration(line.at(share)) for line in tiers)]
        for share in TABLE_SHARES
    ]
    rows.append(["Requests", *(count(len(line.values)) for line in tiers)])
    header = ["Share of requests within", *(line.tier for line in tiers)]
    return table(f"{title}: percentiles by tier", header, rows)
