"""The page of a headroom search: where each limit breaks, and how its margin falls on the way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.report import formats
from sim.report.charts import svg
from sim.report.charts.axes import Axis, LogScale, log_axis, range_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.ranges import Range, range_chart
from sim.report.html.datatable import folded, rows_of, table
from sim.report.html.markup import Markup, tag
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    from sim.experiment.headroom.headroom import BreakingPoint, Headroom
    from sim.experiment.headroom.knee import Limit

HEIGHT_PX = 200
DEEPEST = -1.0  # of a margin that is drawn
NOUNS = {"sla": "SLO of", "power": "power of", "capping": "capping at", "cooling": "cooling of"}


def write_headroom_report(found: Headroom, scenario: str, path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_headroom(found, scenario), path)


def render_headroom(found: Headroom, scenario: str) -> str:
    """Return the page as HTML; ``scenario`` is what was searched."""
    name = Path(scenario).parent.name if Path(scenario).suffix else scenario
    header = tag(
        "header",
        tag("p", "Loadbank headroom", class_="kicker"),
        tag("h1", name),
        _verdict(found),
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


def named(limit: Limit) -> str:
    """Return a limit in words."""
    bound = formats.power_kw(limit.bound) if limit.kind == "power" else formats.share(limit.bound)
    return f"{NOUNS[limit.kind]} {limit.name} ({bound})"


def _verdict(found: Headroom) -> Markup:
    first = found.first
    if not math.isfinite(first.scale.value):
        return tag("p", "Every limit holds as far as the search went.", class_="verdict")
    more = first.scale.value
    ends = f"{formats.number(first.scale.low)} to {formats.number(first.scale.high)}"
    said = f"{named(first.limit)} breaks first, at {formats.number(more)} × traffic ({ends})."
    return tag("p", said, class_="verdict" if first.scale.low > 1.0 else "verdict bad")


def _limits(found: Headroom) -> Markup:
    known = [each for each in found.breaking if math.isfinite(each.scale.value)]
    ends = [1.0]
    for each in known:
        ends += [each.scale.low, each.scale.high, each.scale.value]
        ends += [each.inputs.low, each.inputs.high] if each.inputs else []
    finite = [max(end, 0.05) for end in ends if math.isfinite(end)]
    axis = _scale_axis(0.9 * min(finite), 1.1 * max(finite))
    rows = [_row(each, place == 0) for place, each in enumerate(known)]
    held = [named(each.limit) for each in found.breaking if each not in known]
    header = ["Limit", "Factor", "Low", "High", "Over inputs"]
    cells = [
        [
            named(each.limit),
            *(formats.number(v) for v in (each.scale.value, each.scale.low, each.scale.high)),
            f"{formats.number(each.inputs.low)} to {formats.number(each.inputs.high)}"
            if each.inputs
            else formats.NOTHING,
        ]
        for each in found.breaking
    ]
    entries = [LegendEntry("95 % interval over replications", "s0"), LegendEntry("first", "s1")]
    if any(each.inputs for each in known):
        entries.append(LegendEntry("lighter: over the uncertain inputs", "s0"))
    subtitle = "holds as far as the search went: " + ", ".join(held) if held else ""
    data = folded(table("Where limits break", header, cells))
    return range_chart("Factor on traffic", subtitle, rows, axis, 1.0, data, entries)


def _row(point: BreakingPoint, first: bool) -> Range:
    scale, inputs = point.scale, point.inputs
    wide = (inputs.low, inputs.high) if inputs else None
    told = f"{formats.number(scale.value)} ×"
    return Range(named(point.limit), told, scale.value, scale.low, scale.high, wide, first)


def _scale_axis(low: float, high: float) -> Axis:
    if high > 4.0 * low:
        return log_axis(low, high, "number")
    return range_axis(low, high, "number")


def _knees(found: Headroom) -> Markup:
    charts = [_knee(found, each) for each in found.breaking]
    return tag("div", *charts, class_="charts")


def _knee(found: Headroom, point: BreakingPoint) -> Markup:
    limit, curve = point.limit, found.curve
    rows = curve[(curve["kind"] == limit.kind) & (curve["name"] == limit.name)]
    x = _scale_axis(float(rows["scale"].min()), float(rows["scale"].max()))
    if isinstance(x.scale, LogScale):
        rows = rows[rows["scale"] > 0.0]
    y = range_axis(max(DEEPEST, min(0.0, float(rows["margin"].min()))), 1.0, "share")
    paths, overlay = [], [svg.rule_at_y(y, 0.0, "limit", HEIGHT_PX)]
    for number, part in rows.groupby("replication"):
        drawn = part.sort_values("scale")
        margins = np.maximum(drawn["margin"].to_numpy(float), DEEPEST)
        paths.append(svg.line(x, y, drawn["scale"], margins, 0, f"replication {number}"))
        overlay.append(svg.dots(x, y, drawn["scale"], margins, 0, HEIGHT_PX))
    title = named(limit)
    cells = [
        [formats.number(row.scale), str(row.replication), formats.share(row.margin)]
        for row in rows_of(rows.sort_values(["scale", "replication"]))
    ]
    data = folded(table(title, ["Factor", "Replication", "Left"], cells))
    words = f"What is left of {title} over the factor on traffic."
    return figure(
        title,
        "left, over the factor",
        frame(Plot(x, y, paths, overlay, HEIGHT_PX), words),
        (),
        data,
    )
