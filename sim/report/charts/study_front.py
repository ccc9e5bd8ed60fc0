"""Two numbers of a study against each other, and the variants that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sim.experiment.plan.search import not_dominated
from sim.experiment.statistics.numbers import better
from sim.report.charts.option import Chart, Data
from sim.report.charts.study import Measured
from sim.report.charts.study_scales import metric_scale, metric_title, plain_title, writer
from sim.report.charts.xy import Points, xy_chart

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


def pareto_chart(one: Measured, other: Measured, names: Sequence[str]) -> Chart:
    """Return the scatter with a line through the front; ``names`` are those of the variants."""
    known = np.isfinite(one.value) & np.isfinite(other.value)
    front = front_rows(one, other)
    others = np.setdiff1d(np.flatnonzero(known), front)
    points = [
        _points("no other is better in both", one, other, front, names, 1),
        _points("others", one, other, others, names, 0),
    ]
    x, y = (
        metric_scale(each.metric, each.low, each.value, each.high, each.limit)
        for each in (one, other)
    )
    told = f"{plain_title(other.metric)} over {plain_title(one.metric)}"
    ways = {"higher": "more is better", "lower": "less is better"}
    told += f"; {ways.get(better(one.metric), '')} / {ways.get(better(other.metric), '')}"
    header = ["Variant", metric_title(one.metric), metric_title(other.metric)]
    rows = [
        [names[row], writer(one.metric)(one.value[row]), writer(other.metric)(other.value[row])]
        for row in front
    ]
    data = Data("Variants on the front", header, rows)
    return xy_chart("Pareto front", told, points, x, y, data, other.limits)


def _points(
    title: str,
    one: Measured,
    other: Measured,
    rows: NDArray[np.int64],
    names: Sequence[str],
    slot: int,
) -> Points:
    ends = (other.low[rows], other.high[rows])
    told = [names[row] for row in rows]
    xs, ys = one.value[rows], other.value[rows]
    return Points(title, xs, ys, slot, *ends, names=told, joined=slot == 1, size=8)
