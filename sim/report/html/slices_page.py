"""The page of a run in slices: its figures, the slices over time, and what the cut changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.statistics.numbers import numbers_of
from sim.report import formats
from sim.report.charts import svg
from sim.report.charts.axes import Axis, log_axis, range_axis, time_axis, value_axis
from sim.report.charts.chart import LegendEntry, Plot, figure, frame
from sim.report.charts.study_scales import writer
from sim.report.charts.view import as_float, at
from sim.report.html.datatable import folded, table
from sim.report.html.markup import Markup, join, tag
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.slices.slices import Check, Sliced

HEIGHT_PX = 190
MOST_DIFFERENCES = 8
LADDER = ("mean", "p50", "p90", "p99", "p99_9")
LATENCIES = {"ttft_s": "TTFT", "tpot_s": "TPOT", "e2e_s": "E2E"}


def write_slices_report(found: Sliced, path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_slices(found), path)


def render_slices(found: Sliced) -> str:
    """Return the page of a run in slices as HTML."""
    summary, rows = found.summary, found.slices
    name = str(at(summary, "scenario", "name"))
    description = at(summary, "scenario", "description")
    header = tag(
        "header",
        tag("p", "Loadbank run in slices", class_="kicker"),
        tag("h1", name),
        tag("p", str(description), class_="lead") if description else None,
        tag("p", " · ".join(_facts(found)), class_="facts"),
    )
    sections = [
        Section("figures", "The whole", "All slices together.", _figures(summary)),
        Section("time", "Over time", "A step is a slice.", _over_time(rows)),
        Section("cut", "What the cut changes", _CUT, _check(found.check)),
        Section("slices", "Slices", "What each of them found and cost.", _slices(rows)),
    ]
    shown = [section for section in sections if section.content]
    return page(f"{name} · Loadbank", header, Markup(), shown)


_CUT = (
    "Slices draw the requests of the run in one piece. Each starts with an empty site, a warm-up"
    " before its stretch, and numbers of its own for what is no traffic, such as jitter."
)


def _facts(found: Sliced) -> list[str]:
    rows = found.slices
    return [
        f"{formats.count(at(found.summary, 'requests', 'arrived'))} requests",
        f"{len(rows)} slices of {formats.span(float(rows['length_s'].iloc[0]))}",
        f"overlap {formats.span(at(found.summary, 'slices', 'overlap_s'))}",
        f"{formats.span(float(rows['cpu_s'].sum()))} of processor time",
        f"at most {rows['peak_rss_mb'].max():,.0f} MB in a worker",
        f"seed {found.summary['seed']}",
    ]


def _figures(summary: dict[str, Any]) -> Markup:
    promises, latencies = [], []
    for tier, sla in summary["sla"].items():
        numbers = (formats.share(sla["attainment"], 3), formats.share(at(sla, "targets", "target")))
        promises.append([tier, formats.count(sla["requests"]), *numbers])
        for key, title in LATENCIES.items():
            ladder = at(summary, "latency", "tiers", tier, key) or {}
            levels = [formats.duration(as_float(ladder.get(level))) for level in LADDER]
            latencies.append([f"{tier}, {title}", *levels])
    energy = summary["energy"]
    told = (
        f"IT energy {formats.energy(energy['it_kwh'])},"
        f" {formats.number(energy['j_per_output_token'])} J per output token."
    )
    levels = [level.replace("_", ".") for level in LADDER]
    return join(
        (
            table("Promises", ["Tier", "requests", "within SLO", "target"], promises),
            table("Latencies", ["Latency", *levels], latencies),
            tag("p", told, class_="note"),
        )
    )


def _over_time(rows: pd.DataFrame) -> Markup:
    rate = (rows["requests"] / rows["length_s"]).to_numpy(float)
    charts = [
        _chart(rows, "Requests per second", {"requests": rate}, "number"),
        *(
            _chart(rows, title, _columns(rows, f"{key}.p50", f"{key}.p99"), "duration")
            for key, title in (("ttft_s", "TTFT"), ("tpot_s", "TPOT"))
        ),
        _chart(rows, "Share within SLO", _columns(rows, *_named(rows, "attainment.")), "share"),
        _chart(rows, "IT power", {"power": rows["mean_kw"].to_numpy(float) * 1e3}, "power"),
    ]
    return tag("div", *charts, class_="charts")


def _named(rows: pd.DataFrame, start: str) -> list[str]:
    return [str(column) for column in rows.columns if str(column).startswith(start)]


def _columns(rows: pd.DataFrame, *names: str) -> dict[str, np.ndarray]:
    return {name.partition(".")[2]: rows[name].to_numpy(float) for name in names}


def _chart(rows: pd.DataFrame, title: str, lines: dict[str, np.ndarray], unit: str) -> Markup:
    starts = rows["start_s"].to_numpy(float)
    ends = starts + rows["length_s"].to_numpy(float)
    x, y = time_axis(float(starts[0]), float(ends[-1])), _scale(list(lines.values()), unit)
    paths, entries = [], []
    for slot, (name, values) in enumerate(lines.items()):
        xs, ys = svg.steps(starts, ends, values)
        paths.append(svg.line(x, y, xs, ys, slot, name))
        entries.append(LegendEntry(name, f"s{slot}"))
    write = formats.BY_UNIT[unit]
    cells = [
        [formats.span(start), *(write(float(values[i])) for values in lines.values())]
        for i, start in enumerate(starts.tolist())
    ]
    return figure(
        title,
        "",
        frame(Plot(x, y, paths, (), HEIGHT_PX), f"{title} of each slice over time."),
        entries if len(lines) > 1 else [],
        folded(table(title, ["from", *lines], cells)),
    )


def _scale(lines: Sequence[np.ndarray], unit: str) -> Axis:
    values = np.concatenate(lines)
    values = values[np.isfinite(values)]
    if unit == "share":
        return range_axis(min(float(values.min(initial=1.0)), 0.99), 1.0, unit)
    if unit == "duration" and len(values) and values.min() > 0:
        return log_axis(float(values.min()), float(values.max()), unit)
    return value_axis(float(values.max(initial=0.0)), unit)


def _check(check: Check | None) -> Markup:
    if check is None:
        return Markup()
    told = (
        f"The first {formats.span(check.length_s)} were also run in one piece. Percentiles are"
        " known to 0.5 %, so those that differ by 1 % may be the same."
    )
    largest = _differences(check, [name for name, _ in check.largest(MOST_DIFFERENCES)])
    every = folded(_differences(check, list(check.difference)), "All numbers")
    return join((tag("p", told), tag("h3", "Largest differences"), largest, every))


def _differences(check: Check, names: Sequence[str]) -> Markup:
    sliced, whole = numbers_of(check.sliced), numbers_of(check.whole)
    rows = [
        [
            name,
            writer(name)(whole[name]),
            writer(name)(sliced[name]),
            f"{100 * check.difference[name]:+.2f} %",
        ]
        for name in names
    ]
    return table("Slices against one piece", ["Number", "one piece", "slices", "difference"], rows)


def _slices(rows: pd.DataFrame) -> Markup:
    columns = [rows[name].tolist() for name in _COST]
    cells = [
        [
            formats.span(start_s),
            formats.count(requests),
            formats.span(cpu_s),
            formats.span(wall_s),
            f"{peak_rss_mb:,.0f} MB",
        ]
        for start_s, requests, cpu_s, wall_s, peak_rss_mb in zip(*columns, strict=True)
    ]
    return table("Slices", list(_COST.values()), cells)


_COST = {
    "start_s": "from",
    "requests": "requests",
    "cpu_s": "processor time",
    "wall_s": "wall time",
    "peak_rss_mb": "largest memory of its worker",
}
