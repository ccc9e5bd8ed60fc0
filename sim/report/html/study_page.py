"""The page of a study: every number over its axes, trade-offs, the table, slow and failed runs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.experiment.study.axes import StudyAxis, axes_of
from sim.report import formats
from sim.report.answers.holding import limit_of
from sim.report.answers.study_answer import Table, study_answers, study_tables
from sim.report.answers.words import axis_name, axis_phrase
from sim.report.charts.option import Chart
from sim.report.charts.study import Measured, line_chart
from sim.report.charts.study_front import pareto_chart, pareto_pair
from sim.report.charts.study_heat import study_heat_map
from sim.report.charts.study_scales import bounded, metric_scale, metric_title, writer
from sim.report.charts.view import at
from sim.report.html.datatable import table
from sim.report.html.held import held_tables
from sim.report.html.live import live_figure, live_figures
from sim.report.html.markup import Markup, join, tag
from sim.report.html.origin import Origin, latest, origin_line
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.study.sweep import SweepResult

MOST_METRICS, MOST_PARTS, MOST_ROWS, MOST_CELLS = 8, 6, 200, 12
SLOWEST = 10
DEFAULT_METRICS = (
    *("sla.", "latency.all.ttft_s.p99", "energy.it_kwh"),
    *("cost.energy_usd", "throughput.requests_per_s"),
)


def write_study_report(result: SweepResult, path: Path) -> Path:
    """Write the page of a study to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_study(result), path)


def render_study(result: SweepResult) -> str:
    """Return the page of a study as HTML."""
    study = result.loaded.study
    tables = study_tables(result)
    header = tag(
        "header",
        tag("p", "Loadbank study", class_="kicker"),
        tag("h1", study.name),
        tag("p", study.description, class_="lead") if study.description else None,
        _verdict(result, tables),
        origin_line(study_origin(result)),
    )
    axes, measured = axes_of(study, result.variants), measured_of(result)
    sections = [
        Section("answer", "What holds", _HOLDS, held_tables(tables)),
        Section("lines", "Over the axes", _LINES, _lines(measured, axes)),
        Section(
            "maps",
            "Maps",
            "Stronger colours are more; a red frame marks what misses its target or SLO.",
            _maps(measured, axes),
        ),
        Section(
            "front",
            "Trade-offs",
            "Each dot is a variant; whiskers are 95 % intervals.",
            _front(measured, axes),
        ),
        Section("table", "Results", "Means and 95 % intervals.", _results(measured, axes)),
        Section("runs", "Runs", "", join((_failed(result, axes), _slowest(result, axes)))),
    ]
    shown = [section for section in sections if section.content]
    return page(f"{study.name} · Loadbank", header, Markup(), shown)


_HOLDS = (
    "A row for each decision, a column for each scenario: the share of requests within SLO with "
    "its 95 % interval. ✓ the interval is above the target, (✓) the mean is, (✗) only the interval "
    "reaches it, ✗ missed."
)
_LINES = (
    "Dots are means over the replications of a variant, bands their 95 % intervals. "
    "All variants see the same random numbers."
)


def _verdict(result: SweepResult, tables: Sequence[Table]) -> Markup:
    """Return the answers, the worst of them first and largest."""
    answers = study_answers(result)
    if not answers:
        return Markup()
    good = all(table.score(table.best) for table in tables)
    first = tag("p", answers[0], class_="verdict" if good else "verdict bad")
    others = tag("ul", *(tag("li", words) for words in answers[1:]), class_="also")
    return join((first, others)) if len(answers) > 1 else first


def study_origin(result: SweepResult) -> Origin:
    """Return where the page of a study comes from."""
    progress, loaded = result.progress, result.loaded
    facts = (
        formats.plural(len(result.variants), "variant"),
        formats.plural(progress.done, "run"),
        f"{progress.failed} failed" if progress.failed else "",
    )
    moments = (
        str(at(run.summary, "provenance", "machine", "finished_at") or "")
        for runs in result.outcomes.values()
        for run in runs.values()
    )
    file = loaded.document.file
    command = shlex.join(["loadbank", "sweep", file]) if file else ""
    return Origin(str(loaded.study.base), loaded.study.seed, command, latest(moments), facts)


def measured_of(result: SweepResult) -> list[Measured]:
    """Return the numbers that the study asks for, or a few that say most where it asks for none."""
    rows = result.intervals
    if rows.empty:
        return []
    names = list(dict.fromkeys(rows["metric"]))
    if not result.loaded.study.metrics:
        names = [n for n in names if n.startswith(DEFAULT_METRICS) and ".attained" not in n]
    found = []
    for name in names[:MOST_METRICS]:
        part = rows[rows["metric"] == name]
        value, low, high = (
            part[column].to_numpy(dtype=np.float64) for column in ("value", "low", "high")
        )
        low, high = bounded(name, low), bounded(name, high)
        limit = limit_of(result, name)
        found.append(Measured(name, tuple(part["variant"]), value, low, high, limit))
    return found


def roles(axes: list[StudyAxis]) -> list[StudyAxis]:
    """Return the axes with the one for x first: numbers before names, then the longest."""
    return sorted(axes, key=lambda axis: (axis.numbers is None, -len(axis.texts)))


def _lines(measured: list[Measured], axes: list[StudyAxis]) -> Markup:
    if any(axis.sampled for axis in axes):
        charts = [
            line_chart(each, axis, None, "") for each in measured for axis in axes[:MOST_PARTS]
        ]
    else:
        charts = [chart for each in measured for chart in _faceted(each, roles(axes))]
    return live_figures(charts)


def _faceted(found: Measured, axes: list[StudyAxis]) -> list[Chart]:
    """Return a chart for each combination of the values of the third and later axes."""
    if not axes:
        return []
    across, by, others = axes[0], axes[1] if len(axes) > 1 else None, axes[2:]
    y = metric_scale(found.metric, found.low, found.value, found.high, found.limit)
    charts = []
    for places in list(product(*(range(len(axis.texts)) for axis in others)))[:MOST_PARTS]:
        fixed = list(zip(others, places, strict=True))
        rows = [
            row
            for row, variant in enumerate(found.variants)
            if all(axis.places[variant] == place for axis, place in fixed)
        ]
        part = ", ".join(axis_phrase(axis, place) for axis, place in fixed)
        charts.append(line_chart(found.at(rows), across, by, part, y))
    return charts


def _maps(measured: list[Measured], axes: list[StudyAxis]) -> Markup:
    small = all(len(axis.texts) <= MOST_CELLS and not axis.sampled for axis in axes)
    if len(axes) != 2 or not small:
        return Markup()
    across, down = roles(axes)
    return live_figures(study_heat_map(each, across, down) for each in measured)


def _front(measured: list[Measured], axes: list[StudyAxis]) -> Markup:
    whole = [each for each in measured if each.variants == measured[0].variants]
    pair = pareto_pair(whole)
    if pair is None:
        return Markup()
    names = [
        ", ".join(axis_phrase(axis, axis.places[variant]) for axis in axes)
        for variant in pair[0].variants
    ]
    return live_figure(pareto_chart(*pair, names))


def _where(variant: int, axes: list[StudyAxis]) -> list[str]:
    """Return the value that a variant has on each axis."""
    return [axis.texts[axis.places[variant]] for axis in axes] or ["base"]


def _header(axes: list[StudyAxis]) -> list[str]:
    return [axis_name(axis) for axis in axes] or ["Variant"]


def _results(measured: list[Measured], axes: list[StudyAxis]) -> Markup:
    cells: dict[int, dict[str, str]] = {}
    for each in measured:
        write = writer(each.metric)
        for row, variant in enumerate(each.variants):
            low, high = write(float(each.low[row])), write(float(each.high[row]))
            text = f"{write(float(each.value[row]))} ({low} to {high})"
            cells.setdefault(variant, {})[each.metric] = text
    if not cells:
        return Markup()
    metrics = [each.metric for each in measured]
    rows = [
        [*_where(variant, axes), *(found.get(metric, formats.NOTHING) for metric in metrics)]
        for variant, found in list(cells.items())[:MOST_ROWS]
    ]
    header = _header(axes)
    shown = table("Results", [*header, *map(metric_title, metrics)], rows, texts=len(header))
    left_out = len(cells) - len(rows)
    if not left_out:
        return shown
    told = f"{formats.plural(left_out, 'more variant')} in results-intervals.csv."
    return join((shown, tag("p", told, class_="note")))


def _failed(result: SweepResult, axes: list[StudyAxis]) -> Markup:
    found = _columns(result.failures.head(MOST_ROWS), "variant", "replication", "error")
    rows = [[*_where(variant, axes), str(number), error] for variant, number, error in found]
    if not rows:
        return Markup()
    header = [*_header(axes), "Replication", "Why"]
    return join((tag("h3", "Failed"), table("Failed runs", header, rows, long=len(header) - 1)))


def _slowest(result: SweepResult, axes: list[StudyAxis]) -> Markup:
    found = _columns(result.timings.head(SLOWEST), "variant", "replication", "wall_s")
    rows = [
        [*_where(variant, axes), str(number), formats.span(wall_s)]
        for variant, number, wall_s in found
    ]
    header = [*_header(axes), "Replication", "Wall time"]
    shown = table("Slowest runs", header, rows, texts=len(header) - 2)
    return join((tag("h3", "Slowest"), shown)) if rows else Markup()


def _columns(rows: pd.DataFrame, *names: str) -> list[list[Any]]:
    """Return the cells of some columns, row by row."""
    return [list(cells) for cells in zip(*(rows[name] for name in names), strict=True)]
