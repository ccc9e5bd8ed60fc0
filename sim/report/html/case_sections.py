"""The sections of a business case on the page: memo, cash, break-even, what it hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from sim.economics.projection import DAYS_PER_MONTH
from sim.interfaces import FloatArray
from sim.report import formats
from sim.report.case_words import case_lines, mood, usd, verdict
from sim.report.charts import svg
from sim.report.charts.axes import log_axis, range_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.option import Data, Entry
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.xy import Scale
from sim.report.html.datatable import folded, table
from sim.report.html.live import live_figure
from sim.report.html.markup import Markup, join, tag
from sim.report.html.section import Section
from sim.units import TOKENS_PER_MTOKEN

if TYPE_CHECKING:
    from sim.economics.case import CaseResult

MOST_SWINGS = 14
HEIGHT_PX = 240
LEVELS = (5.0, 50.0, 95.0)


def case_sections(result: CaseResult) -> Iterator[Section]:
    """Yield the sections of a case, the answer first."""
    assumed = (
        "Nominal, before tax, flows at the end of each month; draws over all ranges at once "
        f"({formats.count(result.case.draws)}); in brackets the 5th and 95th percentile."
    )
    memo = tag("ul", *(tag("li", line) for line in case_lines(result)))
    lead = tag("p", verdict(result), class_=f"verdict {mood(result)}".strip())
    yield Section("case", "The case", assumed, join((lead, memo)))
    yield Section("cash", "Cash", "", join((_cash(result), _years(result))))
    if result.curves:
        lead_text = "All in, at the prices of the first month; whole replicas are paid for."
        yield Section("break-even", "Break-even", lead_text, _break_even(result))
    if result.swings:
        lead_text = "Each input alone at both ends of its range, the others as taken."
        yield Section("hangs-on", "What it hangs on", lead_text, _tornado(result))


def _cash(result: CaseResult) -> Markup:
    """Return the cash so far over the months, with the range of the draws."""
    months: FloatArray = np.arange(result.case.months + 1, dtype=float)
    so_far = np.cumsum(result.plan.flows[:, 0])
    low, middle, high = np.percentile(np.cumsum(result.draws.flows, axis=0), LEVELS, axis=1)
    unit, shown = _scaled(max(abs(float(low.min())), abs(float(high.max()))))
    x = value_axis(float(result.case.months), "number", 6)
    ends = [float(each) / unit for each in (low.min(), high.max(), so_far.min(), so_far.max(), 0.0)]
    y = range_axis(min(ends), max(ends), "number")
    paths = [
        svg.area(x, y, months, low / unit, high / unit, 0),
        svg.line(x, y, months, so_far / unit, 0, "as taken"),
        svg.line(x, y, months, middle / unit, 1, "median of the draws"),
    ]
    rows = [
        [f"{month:.0f}", *(formats.number(float(v[int(month)]) / unit) for v in series)]
        for month in months[::6]
        for series in [(so_far, low, middle, high)]
    ]
    said = f"{shown} by month, not discounted, with what is still worth something at the end"
    header = ["Month", "As taken", "5 %", "Median", "95 %"]
    return figure(
        "Cash so far",
        said,
        frame(Plot(x, y, paths, (), HEIGHT_PX), f"Cash so far: {said}."),
        [LegendEntry("as taken", "s0"), LegendEntry("median of the draws", "s1")],
        folded(table("Cash so far", header, rows)),
    )


def _scaled(highest: float) -> tuple[float, str]:
    """Return a unit in which money is short, and its name."""
    steps = ((1e9, "billion USD"), (1e6, "million USD"), (1e3, "thousand USD"))
    return next(((size, name) for size, name in steps if highest >= size), (1.0, "USD"))


def _years(result: CaseResult) -> Markup:
    plan = result.plan
    rows = []
    for first in range(0, result.case.months, 12):
        part = slice(first, min(first + 12, result.case.months))
        last = part.stop - 1
        cash = plan.flows[part.start + 1 : part.stop + 1].sum()
        if not first:
            cash += plan.flows[0].sum()
        rows.append(
            [
                f"{first // 12 + 1}",
                formats.number(plan.served[part].sum() / 1e9),
                formats.number(plan.price_usd_per_token[last, 0] * TOKENS_PER_MTOKEN),
                formats.count(plan.installed[last, 0]),
                usd(plan.income[part].sum()),
                usd(plan.outlay[part].sum()),
                usd((plan.energy + plan.upkeep + plan.rent)[part].sum()),
                usd(cash),
            ]
        )
    header = ["Year", "G tokens", "USD/Mtoken", "Accelerators", "Income", "Bought", "Run", "Cash"]
    return table("By year, as taken", header, rows)


def _break_even(result: CaseResult) -> Markup:
    """Return the cost per token of every way over tokens a day."""
    per_day, curves = result.per_day, result.curves
    costs = {
        name: bill / (per_day * DAYS_PER_MONTH) * TOKENS_PER_MTOKEN for name, bill in curves.items()
    }
    lowest = min(float(cost.min()) for cost in costs.values())
    # what stands almost idle costs any amount: thirty times the cheapest is enough to see
    top = 30.0 * lowest
    shown = {name: np.where(cost <= top, cost, np.nan) for name, cost in costs.items()}
    x = log_axis(float(per_day[0]) / 1e6, float(per_day[-1]) / 1e6, "number")
    y = log_axis(0.8 * lowest, top, "number")
    paths = [
        svg.line(x, y, per_day / 1e6, cost, slot, name)
        for slot, (name, cost) in enumerate(shown.items())
    ]
    here = svg.rule_at_x(x, result.case.tokens_per_day / 1e6, "the case", 5, HEIGHT_PX, 1)
    rows = [
        [formats.number(float(per_day[at]) / 1e6), *(_cell(cost[at]) for cost in costs.values())]
        for at in range(0, len(per_day), 10)
    ]
    said = "USD per million answer tokens over millions of answer tokens a day"
    return figure(
        "Where each way is the cheapest",
        said,
        frame(Plot(x, y, paths, [here], HEIGHT_PX, 20), f"{said}: {', '.join(costs)}."),
        [LegendEntry(name, f"s{slot}") for slot, name in enumerate(costs)],
        folded(table("USD per Mtoken", ["M tokens a day", *costs], rows)),
    )


def _cell(value: float) -> str:
    return formats.number(float(value))


def _tornado(result: CaseResult) -> Markup:
    npv = float(result.plan.npv_usd[0])
    unit, name = _scaled(max(abs(end) for s in result.swings for end in s.npv_usd))
    rows = [
        Range(
            f"{s.input.title}: {formats.number(s.input.low)} to {formats.number(s.input.high)}",
            f"{usd(s.npv_usd[0])} to {usd(s.npv_usd[1])}",
            npv / unit,
            min(s.npv_usd) / unit,
            max(s.npv_usd) / unit,
            bad=s.npv_usd[0] * s.npv_usd[1] < 0.0,
        )
        for s in result.swings[:MOST_SWINGS]
    ]
    ends = [end for row in rows for end in (row.low, row.high)]
    header = ["Input", "Kind", "Low", "As taken", "High", "NPV at low", "NPV at high"]
    cells = [
        [
            s.input.title,
            s.input.kind,
            *(formats.number(v) for v in (s.input.low, s.input.value, s.input.high)),
            *(usd(v) for v in s.npv_usd),
        ]
        for s in result.swings
    ]
    low, high = min(*ends, npv / unit), max(*ends, npv / unit)
    room = 0.04 * (high - low)
    chart = range_chart(
        "Net present value by input",
        name,
        rows,
        Scale(name, low=low - room, high=high + room),
        npv / unit,
        Data("What each input does alone", header, cells, texts=2),
        [Entry("its range", 0), Entry("turns the answer", 1)],
    )
    return live_figure(chart)
