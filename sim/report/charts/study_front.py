"""Two numbers of a study against each other, and the variants that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sim.experiment.plan.search import not_dominated
from sim.experiment.statistics.numbers import better
from sim.report.charts import svg
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.study import Measured
from sim.report.charts.study_scales import metric_axis, writer
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup

HEIGHT_PX = 260
LEAST_FRONT = 2
TAKES = ("energy", "cost", "carbon", "price", "power")


def pareto_pair(measured: Sequence[Measured]) -> tuple[Measured, Measured] | None:
    """Return two numbers between which there is a choice: what it takes and what it gives first."""
    judged = [each for each in measured if better(each.metric) != "neither"]
    pairs = sorted(combinations(judged, 2), key=lambda pair: not _is_trade(*pair))
    chosen = next((pair for pair in pairs if len(front_rows(*pair)) >= LEAST_FRONT), None)
    if chosen and chosen[1].metric.startswith(TAKES):
        return chosen[1], chosen[0]
    return chosen


def _is_trade(one: Measured, other: Measured) -> bool:
    return one.metric.startswith(TAKES) != other.metric.startswith(TAKES)


def front_rows(one: Measured, other: Measured) -> NDArray[np.int64]:
    """Return the rows of the variants that no other beats in both, ascending in the first."""
    costs = np.column_stack([_cost(one), _cost(other)])
    known = np.flatnonzero(np.isfinite(costs).all(axis=1))
    _, first = np.unique(costs[known], axis=0, return_index=True)  # equals are one choice
    rows = known[np.sort(first)]
    kept = rows[not_dominated(costs[rows])]
    return kept[np.argsort(one.value[kept], kind="stable")]


def _cost(found: Measured) -> NDArray[np.float64]:
    return -found.value if better(found.metric) == "higher" else found.value


def pareto_chart(one: Measured, other: Measured, names: Sequence[str]) -> Markup:
    """Return the scatter with a line through the front; ``names`` are those of the variants."""
    x = metric_axis(one.metric, one.value, one.value, one.value)
    y = metric_axis(other.metric, other.value, other.value, other.value)
    known = np.isfinite(one.value) & np.isfinite(other.value)
    front = front_rows(one, other)
    line = svg.line(x, y, one.value[front], other.value[front], 1, "Pareto front")
    overlay = [
        svg.dots(x, y, one.value[known], other.value[known], 0, HEIGHT_PX),
        svg.dots(x, y, one.value[front], other.value[front], 1, HEIGHT_PX),
    ]
    told = f"{one.metric} from left to right, {other.metric} upwards"
    header = ["Variant", one.metric, other.metric]
    rows = [
        [names[row], writer(one.metric)(one.value[row]), writer(other.metric)(other.value[row])]
        for row in front
    ]
    return figure(
        "Pareto front",
        told,
        frame(Plot(x, y, [line], overlay, HEIGHT_PX), f"Pareto front: {told}."),
        [LegendEntry("a variant", "s0"), LegendEntry("no other is better in both", "s1")],
        folded(table("The front", header, rows), "Variants on the front"),
    )
