"""Pictures of a plan: how much of each limit is used, and what became of the candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.report import formats
from sim.report.charts.option import Chart, Data, Entry
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.study_scales import bounded, plain_title
from sim.report.charts.study_scales import writer as plain_writer
from sim.report.charts.xy import Scale
from sim.report.html.datatable import rows_of, table
from sim.report.html.markup import Markup

if TYPE_CHECKING:
    from sim.experiment.plan.answer import Check, PlanResult
    from sim.experiment.plan.constraints import Bound
    from sim.experiment.plan.uncertain import InputSpread

KW = "_kw"
WIDEST = 2.0  # of a limit; what uses more is drawn at the edge


def writer(metric: str) -> Callable[[float | None], str]:
    """Return what writes a number of the summary with its unit; powers are in kW there."""
    return formats.power_kw if metric.endswith(KW) else plain_writer(metric)


def bound_text(bound: Bound) -> str:
    """Return a constraint as people say it, such as ``TTFT p99, premium at most 150 ms``."""
    way = "at most" if bound.upper else "at least"
    return f"{plain_title(bound.metric)} {way} {writer(bound.metric)(bound.limit)}"


def constraint_chart(checks: Sequence[Check], spread: InputSpread | None) -> Chart:
    """Return how much of its limit each constraint uses, with one interval or both."""
    rows = [_row(check, spread) for check in checks]
    ends = [end for row in rows for end in (row.value, row.high, *(row.wide or ()))]
    known = [end for end in ends if np.isfinite(end)]
    scale = Scale("share of the limit", "share", low=0.0, high=min(WIDEST, max(1.2, *known)))
    entries = [Entry("95 % interval of the mean over replications", 0)]
    entries += [Entry("binds", 1)] if any(check.binds for check in checks) else []
    if spread is not None:
        entries.append(Entry("lighter: over the uncertain inputs", 0))
    told = _table(checks, spread)
    title = "Share of the limit in use"
    return range_chart(title, "the line is the limit", rows, scale, 1.0, told, entries)


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
    return Range(
        plain_title(bound.metric), told, used[0], min(used[1:]), max(used[1:]), wide, check.binds
    )


def _table(checks: Sequence[Check], spread: InputSpread | None) -> Data:
    header = ["Constraint", "Value", "Low", "High", "Left", "Confidence", ""]
    header += ["Over inputs", "Holds in"] if spread else []
    rows = []
    for place, check in enumerate(checks):
        write = writer(check.bound.metric)
        low, high = bounded(check.bound.metric, np.array([check.interval.low, check.interval.high]))
        row = [
            bound_text(check.bound),
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
    return Data("Constraints with 95 % intervals", header, rows)


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
