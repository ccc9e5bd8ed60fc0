"""The page of a comparison: verdicts, distributions of latency and power over each other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.statistics.compare import Comparison, short_names
from sim.experiment.study.overlays import Overlay, read_overlay
from sim.report.answers.run_names import run_names
from sim.report.charts import svg
from sim.report.charts.axes import Axis, time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.downsample import bucket
from sim.report.charts.forest import forest_chart, forest_rows
from sim.report.charts.latency import TierLatency, latency_axis, latency_chart
from sim.report.charts.palette import SLOTS
from sim.report.charts.view import MOST_STRETCHES
from sim.report.compare_words import HEADER, rows_of, verdict_sentences
from sim.report.formats import plural, power, span
from sim.report.html.datatable import folded, table
from sim.report.html.live import live_figure
from sim.report.html.markup import Markup, join, tag
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    import pandas as pd

HEIGHT_PX = 230
MOST_ROWS = 24
LONGEST = 90  # letters of a title


def write_compare_report(found: Comparison, runs: Mapping[str, Path], path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all.

    Args:
        found: the comparison.
        runs: folder of each run by its name in the comparison, the baseline first.
        path: where to.
    """
    overlays = {name: read_overlay(folder) for name, folder in runs.items()}
    folders = [str(folder) for folder in runs.values()]
    names = dict(zip(runs, run_names(folders).values(), strict=True))
    command = shlex.join(["loadbank", "compare", *folders, "--page", str(path)])
    return write_page(render_comparison(found, overlays, names, command), path)


def render_comparison(
    found: Comparison,
    overlays: Mapping[str, Overlay],
    names: Mapping[str, str] | None = None,
    command: str = "",
) -> str:
    """Return the page of a comparison as HTML.

    Args:
        found: the comparison.
        overlays: what is drawn of each run, by its name in the comparison, the baseline first.
        names: what people call the runs; the shortest parts of their paths unless given.
        command: what repeats it, empty where it was no command.
    """
    names = names or short_names(list(overlays))
    first, *others = names.values()
    header = tag(
        "header",
        tag("p", "Loadbank comparison", class_="kicker"),
        tag("h1", _title(first, others)),
        tag("ul", *(tag("li", words) for words in verdict_sentences(found, names)), class_="also"),
        *(tag("p", note, class_="note") for note in found.notes),
        tag("p", "Repeat with ", tag("code", command), class_="facts") if command else None,
    )
    shown = {names[name]: overlay for name, overlay in overlays.items()}
    sections = [
        Section("verdicts", "What differs", _VERDICTS, _verdicts(found, names)),
        Section("latency", "Latency", _LATENCY, _latency(shown)),
        Section("power", "Power", _POWER, _power(shown)),
    ]
    kept = [section for section in sections if section.content]
    return page(f"{first} and others · Loadbank", header, Markup(), kept)


_VERDICTS = (
    "Differences in pairs that saw the same requests, with 95 % intervals. A verdict is given"
    " where the interval leaves out zero."
)
_LATENCY = "Share of requests that were served within a time, all tiers and replications."
_POWER = "IT power of all sites; bands are 95 % intervals over replications."


def _title(first: str, others: list[str]) -> str:
    told = f"{', '.join(others)} against {first}"
    return told if len(told) <= LONGEST else f"{plural(len(others), 'run')} against {first}"


def _verdicts(found: Comparison, names: Mapping[str, str]) -> Markup:
    parts = []
    for name, rows in found.table.groupby("variant", sort=False):
        cells = rows_of(rows)
        title = f"{names.get(str(name), str(name))} against {next(iter(names.values()))}"
        parts.append(tag("h3", title))
        if len(forest := forest_rows(rows)) > 1:
            parts.append(live_figure(forest_chart(title, forest)))
        parts.append(table(title, HEADER, cells[:MOST_ROWS]))
        if len(cells) > MOST_ROWS:
            rest = table(title, HEADER, cells[MOST_ROWS:])
            parts.append(folded(rest, f"{len(cells) - MOST_ROWS} more numbers"))
    return join(parts)


def _latency(overlays: Mapping[str, Overlay]) -> Markup:
    charts = []
    for metric in ("ttft_s", "tpot_s", "e2e_s"):
        lines = [
            TierLatency(name, values, None, slot % SLOTS)
            for slot, (name, overlay) in enumerate(overlays.items())
            if len(values := overlay.latencies.get(metric, np.empty(0)))
        ]
        if lines:
            charts.append(latency_chart(metric, lines, latency_axis(lines), 0))
    return tag("div", *charts, class_="charts") if charts else Markup()


def _power(overlays: Mapping[str, Overlay]) -> Markup:
    drawn = {name: each.power for name, each in overlays.items() if len(each.power) > 1}
    if not drawn:
        return Markup()
    widths = {name: float(np.diff(rows["time_s"]).min()) for name, rows in drawn.items()}
    end_s = max(float(rows["time_s"].max()) + widths[name] for name, rows in drawn.items())
    peak_w = max(float(rows["value"].max()) for rows in drawn.values())
    x, y = time_axis(0.0, end_s), value_axis(1.06 * peak_w, "power")
    paths, entries, cells = [], [], []
    for name, rows in drawn.items():
        slot = list(overlays).index(name) % SLOTS
        paths += _line(x, y, rows, widths[name], slot, name)
        entries.append(LegendEntry(name, f"s{slot}"))
        mean = float(rows["value"].mean())
        cells.append([name, power(mean), power(float(rows["value"].max())), span(widths[name])])
    content = frame(Plot(x, y, paths, (), HEIGHT_PX), "IT power of all sites over time, by run.")
    header = ["Run", "mean", "highest bin", "bin"]
    return figure("IT power", "", content, entries, folded(table("IT power", header, cells)))


def _line(
    x: Axis, y: Axis, rows: pd.DataFrame, width_s: float, slot: int, name: str
) -> list[Markup]:
    time_s, value, low, high = (
        rows[column].to_numpy(float) for column in ("time_s", "value", "low", "high")
    )
    middle, bottom, top = (
        bucket(time_s, each, each, width_s, MOST_STRETCHES) for each in (value, low, high)
    )
    xs, ys = svg.steps(middle.start_s, middle.end_s, middle.mean)
    _, below = svg.steps(middle.start_s, middle.end_s, bottom.mean)
    _, above = svg.steps(middle.start_s, middle.end_s, top.mean)
    return [svg.area(x, y, xs, below, above, slot), svg.line(x, y, xs, ys, slot, name)]
