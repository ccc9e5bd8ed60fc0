"""Pictures of a plan: how much of each limit is used, and what became of the candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report import formats
from sim.report.charts.axes import value_axis
from sim.report.charts.chart import LegendEntry
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.study_scales import bounded
from sim.report.charts.study_scales import writer as plain_writer
from sim.report.html.datatable import folded, rows_of, table
from sim.report.html.markup import Markup

if TYPE_CHECKING:
    from sim.experiment.plan.answer import Check, PlanResult
    from sim.experiment.plan.uncertain import InputSpread

KW = "_kw"
WIDEST = 2.0  # of a limit; what uses more is drawn at the edge


def writer(metric: str) -> Callable[[float | None], str]:
    """Return what writes a number of the summary with its unit; powers are in kW there."""
    return formats.power_kw if metric.endswith(KW) else plain_writer(metric)


def constraint_chart(checks: Sequence[Check], spread: InputSpread | None) -> Markup:
    """Return how much of its limit each constraint uses, with one interval or both."""
    rows = [_row(check, spread) for check in checks]
    ends = [end for row in rows for end in (row.value, row.high, *(row.wide or ()))]
    known = [end for end in ends if np.isfinite(end)]
    axis = value_axis(min(WIDEST, max(1.2, *known)), "share")
    entries = [LegendEntry("95 % interval of the mean over replications", "s0")]
    entries += [LegendEntry("binds", "s1")] if any(check.binds for check in checks) else []
    if spread is not None:
        entries.append(LegendEntry("lighter: over the uncertain inputs", "s0"))
    table_ = folded(_table(checks, spread))
    return range_chart(
        "Share of the limit in use", "the line is the limit", rows, axis, 1.0, table_, entries
    )


def _row(check: Check, spread: InputSpread | None) -> Range:
    bound, interval = check.bound, check.interval
    write = writer(bound.metric)
    low, high = bounded(bound.metric, np.array([interval.low, interval.high])).tolist()
    used = [1.0 + bound.violation(number) for number in (interval.value, low, high)]
    inputs = spread.intervals.get(bound.metric) if spread else None
    wide = None
    if inputs is not None and np.isfinite([inputs.low, inputs.high]).all():
        ends = sorted(1.0 + bound.violation(end) for end in (inputs.low, inputs.high))
        wide = (ends[0], ends[1])
    told = f"{write(interval.value)} of {write(bound.limit)}" + (" · binds" if check.binds else "")
    return Range(bound.metric, told, used[0], min(used[1:]), max(used[1:]), wide, check.binds)


def _table(checks: Sequence[Check], spread: InputSpread | None) -> Markup:
    header = ["Constraint", "Value", "Low", "High", "Left", "Confidence", ""]
    header += ["Over inputs", "Holds in"] if spread else []
    rows = []
    for place, check in enumerate(checks):
        write = writer(check.bound.metric)
        low, high = bounded(check.bound.metric, np.array([check.interval.low, check.interval.high]))
        row = [
            str(check.bound),
            write(check.interval.value),
            write(float(low)),
            write(float(high)),
            formats.share(check.slack, 0),
            formats.share(check.bound.confidence, 0),
            "binds" if check.binds else "",
        ]
        if spread:
            inputs = spread.intervals[check.bound.metric]
            row.append(f"{write(inputs.low)} to {write(inputs.high)}")
            row.append(formats.share(spread.holds[place], 0))
        rows.append(row)
    return table("Constraints with 95 % intervals", header, rows)


def search_chart(result: PlanResult) -> Markup:
    """Return what became of every candidate, as a table with its shares."""
    rows = [
        [row.stage, row.reason, formats.count(row.fleets), _share(row.fleets, result)]
        for row in rows_of(result.thrown_out)
    ]
    judged = len(result.candidates)
    good = int(result.candidates["feasible"].sum())
    rows.append(["runs", "judged and good enough", formats.count(good), _share(good, result)])
    rows.append(
        [
            "runs",
            "judged and not good enough",
            formats.count(judged - good),
            _share(judged - good, result),
        ]
    )
    header = ["Stage", "Why", "Fleets", "Share"]
    return table("What became of the fleets", header, rows, texts=2, long=1)


def _share(fleets: float, result: PlanResult) -> str:
    return formats.share(fleets / result.considered, 1)
