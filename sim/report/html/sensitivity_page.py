"""The page of a sensitivity study: both intervals of each number, and what moves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.experiment.study.axes import value_text
from sim.report import formats
from sim.report.charts.option import Chart, Data
from sim.report.charts.ranges import Range, range_chart
from sim.report.charts.study_scales import bounded, metric_title, plain_title, unit_of, writer
from sim.report.charts.xy import Scale
from sim.report.html.datatable import folded, rows_of, table
from sim.report.html.live import live_figures
from sim.report.html.markup import Markup, tag
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.sensitivity.sensitivity_study import Sensitivity

MOST_BARS = 12


def write_sensitivity_report(found: Sensitivity, scenario: str, path: Path) -> Path:
    """Write the page to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_sensitivity(found, scenario), path)


def render_sensitivity(found: Sensitivity, scenario: str) -> str:
    """Return the page as HTML; ``scenario`` is what was varied."""
    name = Path(scenario).parent.name if Path(scenario).suffix else scenario
    facts = (
        f"{formats.plural(len(found.inputs), 'uncertain number')} · {len(found.result.runs)} runs"
    )
    header = tag(
        "header",
        tag("p", "Loadbank sensitivity", class_="kicker"),
        tag("h1", name),
        tag("p", facts, class_="facts"),
    )
    sections = [
        Section("intervals", "Two intervals", _INTERVALS, _intervals(found)),
        Section("tornado", "What moves what", _TORNADO, _tornados(found)),
        Section("sobol", "Shares of the variance", _SOBOL, _sobol(found.sobol)),
        Section("inputs", "Inputs", "", _inputs(found)),
    ]
    shown = [section for section in sections if section.content]
    return page(f"{name}: sensitivity · Loadbank", header, Markup(), shown)


_INTERVALS = (
    "Sampling: how far more replications could move the mean. Inputs: the central 95 % of samples "
    "of all uncertain numbers at once; no replication makes it narrower, only a measurement does."
)
_TORNADO = (
    "Each number alone at its low and at its high end, the others where the catalogue has them."
)
_SOBOL = "Of the inputs with the widest swings: alone (first order), and with all others (total)."


def _intervals(found: Sensitivity) -> Markup:
    rows = []
    for metric, both in found.intervals.items():
        write = writer(metric)
        ends = bounded(metric, np.array([both.sampling.low, both.sampling.high]))
        low, high = (write(float(end)) for end in ends)
        rows.append(
            [
                metric_title(metric),
                write(both.sampling.value),
                f"{low} to {high}",
                f"{write(both.inputs.low)} to {write(both.inputs.high)}",
            ]
        )
    return table("Two intervals", ["Number", "Value", "Sampling, 95 %", "Inputs, 95 %"], rows)


def _tornados(found: Sensitivity) -> Markup:
    charts = [chart for metric in found.metrics if (chart := _tornado(found, metric)) is not None]
    return live_figures(charts)


def _tornado(found: Sensitivity, metric: str) -> Chart | None:
    table_ = found.tornado
    rows = table_[(table_["metric"] == metric) & (table_["swing"] != 0.0)].head(MOST_BARS)
    if rows.empty:
        return None
    write = writer(metric)
    ends = rows[["value_low", "value_high"]].to_numpy(float)
    middle = found.intervals[metric].sampling.value
    low, high = float(min(ends.min(), middle)), float(max(ends.max(), middle))
    room = 0.05 * (high - low)
    x = Scale(plain_title(metric), unit_of(metric), low=low - room, high=high + room)
    bars = [
        Range(
            row.path,
            f"{value_text(row.low_end)} … {value_text(row.high_end)}",
            float(np.nan),
            row.value_low,
            row.value_high,
        )
        for row in rows_of(rows)
    ]
    cells = [
        [row.path, row.kind, write(row.value_low), write(row.value_high), row.verdict]
        for row in rows_of(rows)
    ]
    header = ["Input", "Kind", "At its low end", "At its high end", ""]
    data = Data(f"What moves {metric_title(metric)}", header, cells, texts=2)
    told = f"the line is {write(middle)}"
    return range_chart(metric_title(metric), told, bars, x, middle, data)


def _sobol(indices: pd.DataFrame) -> Markup:
    if indices.empty:
        return Markup()
    rows = [
        [row.metric, row.path, formats.number(row.first_order, 2), formats.number(row.total, 2)]
        for row in rows_of(indices)
    ]
    return table("Sobol indices", ["Number", "Input", "First order", "Total"], rows, texts=2)


def _inputs(found: Sensitivity) -> Markup:
    rows = [
        [each.path, *(value_text(each.at(u)) for u in (0.0, 0.5, 1.0)), each.kind, each.note]
        for each in found.inputs
    ]
    header = ["Input", "Low", "Middle", "High", "Kind", "Why"]
    return folded(table("Inputs", header, rows, texts=6, long=5), f"All {len(rows)} inputs")
