"""Charts that the page draws: their packed options, and the library that draws them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

from sim.report.charts.chart import LegendEntry, legend
from sim.report.charts.option import Chart
from sim.report.charts.palette import SLOTS
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, tag

LIVE = 'class="live"'


def live_figures(charts: Iterable[Chart]) -> Markup:
    """Return the charts as figures that the runtime fills, side by side where there is room."""
    figures = [live_figure(chart) for chart in charts]
    return tag("div", *figures, class_="charts") if figures else Markup()


def live_figure(chart: Chart) -> Markup:
    """Return a chart with its caption, legend, packed option and the table behind it."""
    caption = tag(
        "figcaption", tag("strong", chart.title), tag("span", chart.subtitle, class_="subtitle")
    )
    entries = [
        LegendEntry(entry.name, f"s{entry.slot % SLOTS}{' dashed' if entry.dashed else ''}")
        for entry in chart.entries
    ]
    place = tag("div", class_="canvas", role="img", tabindex=0, aria_label=chart.words)
    told = {"option": chart.option, "group": chart.group, "height": chart.height}
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    packed = tag("script", Markup(pack(text)), type="text/plain")
    data = chart.data
    shown = folded(table(data.caption, data.header, data.rows, texts=data.texts))
    return tag("figure", caption, legend(entries), place, packed, shown, class_="live")


def pack(text: str) -> str:
    """Return text as base64 of gzip, the same bytes each time."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@lru_cache(maxsize=1)
def library() -> tuple[str, Markup]:
    """Return the text of the drawing library, and the element that carries it packed."""
    file = resources.files("sim") / "_data" / "report" / "echarts" / "echarts.min.js"
    text = file.read_text(encoding="utf-8")
    return text, tag("script", Markup(pack(text)), id="lb-library", type="text/plain")
