"""Every judged fleet of a plan: what it costs against a number that is limited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import FloatArray
from sim.report.charts.option import Chart, Data
from sim.report.charts.plan import writer
from sim.report.charts.study_scales import metric_scale, metric_title, plain_title
from sim.report.charts.xy import Points, xy_chart

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.plan.answer import PlanResult
    from sim.experiment.plan.constraints import Bound

MOST_FLEETS = 400


def judged_chart(result: PlanResult, judged: pd.DataFrame, bound: Bound) -> Chart:
    """Return the scatter of the first objective and a limited number, the chosen fleet marked.

    Args:
        result: the plan.
        judged: rows of its candidates that were run, the feasible ones first by objective.
        bound: the limit.
    """
    rows = judged.head(MOST_FLEETS)
    first = next(iter(result.cost))
    x, y = rows[first].to_numpy(float), rows[bound.metric].to_numpy(float)
    low, high = (rows[f"{bound.metric}_{end}"].to_numpy(float) for end in ("low", "high"))
    good = rows["feasible"].to_numpy(bool)
    names = [
        ", ".join(f"{name} {row[name]}" for name in result.fleet) for _, row in rows.iterrows()
    ]
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[: int(good.any())] = True
    groups = [("the fleet", 1, chosen), ("also good enough", 2, good & ~chosen)]
    groups.append(("misses a limit", 6, ~good))

    def points(title: str, slot: int, which: np.typing.NDArray[np.bool_]) -> Points:
        told = [name for name, shown in zip(names, which, strict=True) if shown]
        ends: tuple[FloatArray, FloatArray] = (low[which], high[which])
        size = 10 if slot == 1 else 7
        return Points(title, x[which], y[which], slot, *ends, told, joined=False, size=size)

    drawn = [points(*group) for group in groups if group[2].any()]
    ends = (metric_scale(first, x, x, x), metric_scale(bound.metric, low, y, high, bound.limit))
    write, price = writer(bound.metric), writer(first)
    cells = [
        [name, price(float(cost)), write(float(value))]
        for name, cost, value in zip(names, x, y, strict=True)
    ]
    data = Data("Judged fleets", ["Fleet", metric_title(first), metric_title(bound.metric)], cells)
    limit = {f"{'at most' if bound.upper else 'at least'} {write(bound.limit)}": bound.limit}
    told = f"over {plain_title(first)}"
    return xy_chart(plain_title(bound.metric), told, drawn, *ends, data, limit)
