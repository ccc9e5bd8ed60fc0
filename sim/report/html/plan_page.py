"""The page of a plan: the answer, what binds it, what relief would bring, and how it was found."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sim.document.yaml_writer import yaml_text_of
from sim.report import formats
from sim.report.answers.launch import values_of
from sim.report.answers.plan_answer import (
    costs_of,
    fleet_text,
    hardware_of,
    launches_of,
    money,
    plan_answers,
    relief_text,
)
from sim.report.charts.plan import constraint_chart, search_chart, writer
from sim.report.charts.plan_judged import judged_chart
from sim.report.charts.study import Measured
from sim.report.charts.study_front import pareto_chart
from sim.report.charts.study_scales import metric_title
from sim.report.charts.view import at
from sim.report.html.datatable import fact_list, folded, rows_of, table
from sim.report.html.live import live_figure, live_figures
from sim.report.html.markup import Markup, join, tag
from sim.report.html.origin import Origin, latest, origin_line
from sim.report.html.page import page, write_page
from sim.report.html.section import Section

if TYPE_CHECKING:
    import pandas as pd

    from sim.experiment.plan.answer import PlanResult
    from sim.experiment.plan.uncertain import InputSpread

MOST_ROWS, MOST_CHARTS = 60, 4


def write_plan_report(result: PlanResult, path: Path) -> Path:
    """Write the page of a plan to ``path`` and return it; the file appears whole or not at all."""
    return write_page(render_plan(result), path)


def render_plan(result: PlanResult) -> str:
    """Return the page of a plan as HTML."""
    study = result.loaded.study
    header = tag(
        "header",
        tag("p", "Loadbank plan", class_="kicker"),
        tag("h1", study.name),
        tag("p", study.description, class_="lead") if study.description else None,
        _verdict(result),
        origin_line(_origin(result)),
    )
    sections = [
        Section("answer", "The fleet", "", _answer(result)),
        Section("constraints", "Constraints", _CONSTRAINTS, _constraints(result)),
        Section("relief", "The price of relief", _RELIEF, _reliefs(result)),
        Section("changes", "What would change the answer", _CHANGES, _spread(result.spread)),
        Section("start", "How to start it", _START, _start(result)),
        Section("judged", "All fleets that were judged", _JUDGED, _judged(result)),
        Section("front", "Pareto front", _FRONT, _front(result)),
        Section("runners-up", "Runners-up", "", _fleets(result, result.runners_up, "Runners-up")),
        Section("search", "How it was found", _SEARCH, _search(result)),
    ]
    shown = [section for section in sections if section.content]
    return page(f"{study.name} · Loadbank", header, Markup(), shown)


_CONSTRAINTS = (
    "How much of each limit the fleet uses, with its 95 % interval. What binds is what keeps a "
    "cheaper fleet out."
)
_RELIEF = "What the plan would choose if one binding limit were moved and all others stayed."
_CHANGES = (
    "The fleet was run again with other values of every catalogue number that is a guess or comes "
    "from an analyst or vendor, and of step times that were not measured, within their ranges."
)
_FRONT = "Fleets that no other beats in every objective."
_SEARCH = (
    "Closed formulas threw fleets out before any run; a verdict on one fleet then settled others "
    "that have no more, or cost no less."
)


_START = (
    "What the scenario decides, as the engine takes it; everything else keeps the engine's default."
)
_JUDGED = "Each dot is a fleet; whiskers are the 95 % interval over its runs."


def _verdict(result: PlanResult) -> Markup:
    first, *others = plan_answers(result)
    said = tag("p", first, class_="verdict" if result.settled else "verdict bad")
    return join((said, tag("ul", *(tag("li", words) for words in others), class_="also")))


def _origin(result: PlanResult) -> Origin:
    study, file = result.loaded.study, result.loaded.document.file
    facts = (
        formats.plural(result.considered, "fleet"),
        f"{formats.count(len(result.candidates))} judged",
        formats.plural(result.runs, "run"),
    )
    spread = ["--uncertain", str(result.spread.samples)] if result.spread else []
    command = shlex.join(["loadbank", "plan", file, *spread]) if file else ""
    moment = str(at(result.summary, "provenance", "machine", "finished_at") or "")
    return Origin(str(study.base), study.seed, command, latest([moment]), facts)


def _answer(result: PlanResult) -> Markup:
    facts: list[tuple[str, object]] = list(result.fleet.items())
    facts += hardware_of(result.summary)
    facts += costs_of(result.summary)
    for name, interval in result.cost.items():
        write = writer(name)
        told = write(interval.value)
        if interval.half_width > 0.0:
            told += f" ({write(interval.low)} to {write(interval.high)})"
        spread = result.spread.intervals.get(name) if result.spread else None
        if spread and spread.high > spread.low:
            told += f"; {write(spread.low)} to {write(spread.high)} over the inputs"
        facts.append((metric_title(name), told))
    rows = [[path, str(value)] for path, value in result.changes.items()]
    changes = table("Changes to the scenario", ["Path", "Value"], rows, texts=2, long=1)
    return join((fact_list(facts), folded(changes, "As changes to the scenario")))


def _constraints(result: PlanResult) -> Markup:
    return live_figure(constraint_chart(result.checks, result.spread))


def _reliefs(result: PlanResult) -> Markup:
    first = next(iter(result.cost))
    rows = [
        [
            relief_text(relief),
            money(first, relief.saved) if relief.saved > 0.0 else "nothing",
            money(first, relief.objective),
            fleet_text(relief.fleet) if relief.saved > 0.0 else "the same",
            "" if relief.settled else "the runs ran out; at least this",
        ]
        for relief in result.reliefs
    ]
    if not rows:
        return Markup()
    header = ["With", "Saves", metric_title(first), "Fleet", ""]
    return table("The price of relief", header, rows, texts=1, long=3)


def _spread(spread: InputSpread | None) -> Markup:
    if spread is None:
        return Markup()
    said = (
        f"All constraints hold in {formats.share(spread.all_hold, 0)} of {spread.samples} samples "
        f"of {formats.plural(spread.inputs, 'uncertain number')}."
    )
    rows = [
        [metric_title(row.metric), row.path, row.kind, formats.number(row.correlation, 2)]
        for row in rows_of(spread.drivers)
    ]
    if not rows:
        return tag("p", said)
    header = ["Number", "Moved most by", "Kind", "Rank correlation"]
    return join((tag("p", said), table("What moves what", header, rows, texts=3, long=1)))


def _front(result: PlanResult) -> Markup:
    objectives = list(result.cost)
    feasible = result.candidates[result.candidates["feasible"]]
    if len(objectives) < 2 or len(feasible) < 2:
        return Markup()
    names = [fleet_text(_values(result, row)) for _, row in feasible.iterrows()]
    one, other = (_measured(feasible, objective) for objective in objectives[:2])
    shown = _fleets(result, result.pareto, "Pareto front")
    return join((live_figure(pareto_chart(one, other, names)), shown))


def _measured(rows: pd.DataFrame, metric: str, limit: float | None = None) -> Measured:
    value, low, high = (rows[f"{metric}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    return Measured(metric, tuple(range(len(value))), value, low, high, limit)


def _judged(result: PlanResult) -> Markup:
    """Return the first objective against what binds most, every judged fleet a dot."""
    checks = sorted(result.checks, key=lambda check: (not check.binds, check.slack))
    known = result.candidates[result.candidates["runs"] > 0]
    if not checks or len(known) < 2:
        return Markup()
    charts = [judged_chart(result, known, check.bound) for check in checks[:MOST_CHARTS]]
    return live_figures(charts)


def _start(result: PlanResult) -> Markup:
    """Return the command of each pool, and the values file of each site."""
    launches = [each for each in launches_of(result) if each.replicas]
    if not launches:
        return Markup()
    parts = []
    for each in launches:
        told = f"{each.pool}: {formats.plural(each.replicas, 'server')} at {each.site}, "
        told += f"{formats.plural(each.accelerators, 'accelerator')} each"
        parts += [tag("h3", told), tag("pre", each.command, tabindex=0)]
        parts += [tag("p", f"{note[:1].upper()}{note[1:]}.", class_="note") for note in each.notes]
    for site, values in values_of(launches).items():
        text = yaml_text_of(values)
        parts.append(folded(tag("pre", text, tabindex=0), f"values-{site}.yaml for Helm"))
    return join(parts)


def _values(result: PlanResult, row: pd.Series) -> dict[str, str]:
    return {name: str(row[name]) for name in result.fleet}


def _fleets(result: PlanResult, rows: pd.DataFrame, title: str) -> Markup:
    """Return fleets with their objectives and the numbers of the constraints."""
    if rows.empty:
        return Markup()
    metrics = dict.fromkeys((*result.cost, *(check.bound.metric for check in result.checks)))
    shown = [
        [
            *_values(result, row).values(),
            *(writer(metric)(float(row[metric])) for metric in metrics),
            str(int(row["runs"])),
        ]
        for _, row in rows.head(MOST_ROWS).iterrows()
    ]
    header = [*result.fleet, *map(metric_title, metrics), "runs"]
    return table(title, header, shown, texts=len(result.fleet))


def _search(result: PlanResult) -> Markup:
    judged = result.candidates
    failed = judged[~judged["feasible"]].head(MOST_ROWS)
    rows = [
        [fleet_text(_values(result, row)), str(int(row["runs"])), row["why_not"]]
        for _, row in failed.iterrows()
    ]
    why = table("Judged and not good enough", ["Fleet", "Runs", "Misses"], rows, long=2)
    parts = [search_chart(result)]
    if rows:
        parts.append(folded(why, f"{formats.plural(len(rows), 'fleet')} that failed in runs"))
    return join(parts)
