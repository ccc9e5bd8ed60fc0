"""The page of a headroom search: where each limit breaks, and how its margin falls on the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report import formats
from sim.report.answers.headroom_answer import headroom_answers, limit_words, looked_to
from sim.report.charts.option import Chart, Data, Entry
from sim.report.charts.palette import SLOTS
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.xy import Points, Scale, xy_chart
from sim.report.html.datatable import rows_of
from sim.report.html.live import live_figure, live_figures
from sim.report.html.markup import Markup, join, tag
from sim.report.html.origin import Origin, origin_line
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    from sim.experiment.headroom.headroom import BreakingPoint, Headroom

DEEPEST = -1.0  # of a margin that is drawn


def write_headroom_report(found: Headroom, origin: Origin, path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_headroom(found, origin), path)


def render_headroom(found: Headroom, origin: Origin) -> str:
    """Return the page as HTML; ``origin`` says what was searched."""
    scenario = origin.scenario
    name = Path(scenario).parent.name if Path(scenario).suffix else scenario
    header = tag(
        "header",
        tag("p", "Loadbank headroom", class_="kicker"),
        tag("h1", name),
        _verdict(found),
        origin_line(origin),
    )
    sections = [
        Section("limits", "Where limits break", _LIMITS, _limits(found)),
        Section("knees", "On the way there", _KNEES, _knees(found)),
    ]
    return page(f"{name}: headroom · Loadbank", header, Markup(), sections)


_LIMITS = "Factor on all of today's traffic; the dashed line is today."
_KNEES = (
    "What is left of each limit: 100 % is unused, below 0 it is broken. Each line is a replication "
    "that saw the same random numbers at every factor."
)


def _verdict(found: Headroom) -> Markup:
    first, *others = headroom_answers(found)
    good = found.first.scale.low > 1.0
    said = tag("p", first, class_="verdict" if good else "verdict bad")
    if not others:
        return said
    return join((said, tag("ul", *(tag("li", words) for words in others), class_="also")))


def _limits(found: Headroom) -> Markup:
    known = [each for each in found.breaking if math.isfinite(each.scale.value)]
    ends = [1.0]
    for each in known:
        ends += [each.scale.low, each.scale.high, each.scale.value]
        ends += [each.inputs.low, each.inputs.high] if each.inputs else []
    finite = [max(end, 0.05) for end in ends if math.isfinite(end)]
    scale = _factor(0.9 * min(finite), 1.1 * max(finite))
    rows = [_row(each, place == 0) for place, each in enumerate(known)]
    header = ["Limit", "Factor", "Low", "High", "Over inputs", "Looked up to"]
    cells = [
        [
            limit_words(each.limit),
            *(formats.number(v) for v in (each.scale.value, each.scale.low, each.scale.high)),
            f"{formats.number(each.inputs.low)} to {formats.number(each.inputs.high)}"
            if each.inputs
            else formats.NOTHING,
            formats.number(looked_to(found, each.limit)),
        ]
        for each in found.breaking
    ]
    entries = [Entry("95 % interval over replications", 0), Entry("first", 1)]
    if any(each.inputs for each in known):
        entries.append(Entry("lighter: over the uncertain inputs", 0))
    data = Data("Where limits break", header, cells)
    title = "Factor on traffic"
    return live_figure(range_chart(title, "the line is today", rows, scale, 1.0, data, entries))


def _row(point: BreakingPoint, first: bool) -> Range:
    scale, inputs = point.scale, point.inputs
    wide = (inputs.low, inputs.high) if inputs else None
    told = f"{formats.number(scale.value)} ×"
    return Range(limit_words(point.limit), told, scale.value, scale.low, scale.high, wide, first)


def _factor(low: float, high: float) -> Scale:
    return Scale(
        "factor on today's traffic", log=low > 0.0 and high > 4.0 * low, low=low, high=high
    )


def _knees(found: Headroom) -> Markup:
    return live_figures(_knee(found, each) for each in found.breaking)


def _knee(found: Headroom, point: BreakingPoint) -> Chart:
    limit, curve = point.limit, found.curve
    rows = curve[(curve["kind"] == limit.kind) & (curve["name"] == limit.name)]
    x = _factor(float(rows["scale"].min()), float(rows["scale"].max()))
    least = max(DEEPEST, min(0.0, float(rows["margin"].min())))
    y = Scale("left of the limit", "share", low=float(f"{least:.2g}"), high=1.0)
    points: list[Points] = []
    for number, part in rows.groupby("replication"):
        drawn = part.sort_values("scale")
        margins = np.maximum(drawn["margin"].to_numpy(float), DEEPEST)
        slot = len(points) % SLOTS
        points.append(
            Points(f"replication {number}", drawn["scale"].to_numpy(float), margins, slot, size=5)
        )
    title = limit_words(limit)
    cells = [
        [formats.number(row.scale), str(row.replication), formats.share(row.margin)]
        for row in rows_of(rows.sort_values(["scale", "replication"]))
    ]
    data = Data(title, ["Factor", "Replication", "Left"], cells)
    told = "what is left of it, over the factor on traffic"
    return xy_chart(title[:1].upper() + title[1:], told, points, x, y, data, {"broken below": 0.0})
