"""Charts that the page draws: their packed options, and the library that draws them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

from sim.report import formats
from sim.report.charts.chart import LegendEntry, legend
from sim.report.charts.option import Chart
from sim.report.charts.palette import SLOTS
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, tag

LIVE = 'class="live"'
TABLE_ROWS = 40


def live_figures(charts: Iterable[Chart]) -> Markup:
    """Return the charts as figures that the runtime fills."""
    figures = [live_figure(chart) for chart in charts]
    return tag("div", *figures, class_="charts") if figures else Markup()


def live_figure(chart: Chart) -> Markup:
    """Return a chart with its caption, legend and packed option."""
    caption = tag(
        "figcaption", tag("strong", chart.title), tag("span", chart.subtitle, class_="subtitle")
    )
    entries = [
        LegendEntry(line.name, f"s{line.slot % SLOTS}{' dashed' if line.dashed else ''}")
        for line in chart.lines
    ]
    place = tag("div", class_="canvas", role="img", tabindex=0, aria_label=chart.words)
    text = json.dumps(chart.option, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    packed = tag("script", Markup(pack(text)), type="text/plain")
    return tag("figure", caption, legend(entries), place, packed, _table(chart), class_="live")


def _table(chart: Chart) -> Markup:
    """Return some of the values, for who reads them or has no scripts; CSV has every one."""
    write = formats.BY_UNIT[chart.unit]
    step = -(-len(chart.time_s) // TABLE_ROWS) or 1
    rows = [
        [
            formats.moment(float(chart.time_s[at])),
            *(write(float(v.values[at])) for v in chart.lines),
        ]
        for at in range(0, len(chart.time_s), step)
    ]
    title = f"{chart.title} over time"
    return folded(table(title, ["From", *(line.name for line in chart.lines)], rows))


def pack(text: str) -> str:
    """Return text as base64 of gzip, the same bytes each time."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@lru_cache(maxsize=1)
def library() -> tuple[str, Markup]:
    """Return the text of the drawing library, and the element that carries it packed."""
    file = resources.files("sim") / "_data" / "report" / "echarts" / "echarts.min.js"
    text = file.read_text(encoding="utf-8")
    return text, tag("script", Markup(pack(text)), id="lb-library", type="text/plain")
