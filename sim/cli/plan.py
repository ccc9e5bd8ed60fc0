"""``loadbank plan``: from a question to a fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.console import wide_console
from sim.cli.exits import OK
from sim.cli.folders import continued, writable
from sim.cli.sweep import ExecutorOption, StudyArgument, text_table
from sim.workspace import workspace

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from sim.experiment.plan.answer import PlanResult

UncertainOption = Annotated[
    int,
    typer.Option(min=0, help="Samples of the uncertain numbers, for a second interval."),
]


def plan(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="Folder for plan.html and the tables.")] = None,
    uncertain: UncertainOption = 0,
    executor: ExecutorOption = "processes",
) -> int:
    """Find the cheapest fleet that satisfies every constraint of a study."""
    from sim.document.yaml_writer import yaml_text_of
    from sim.experiment.plan.plan import plan as find_fleet
    from sim.experiment.study.results_table import put_table
    from sim.experiment.study.study import load_study
    from sim.report.answers.launch import values_of
    from sim.report.answers.plan_answer import launches_of
    from sim.report.html.plan_page import write_plan_report

    loaded = load_study(study)
    folder = writable(out or Path("runs") / loaded.study.name)
    with workspace(folder) as room, continued(folder):
        result = find_fleet(loaded, uncertain=uncertain, out=folder, executor=executor)
        put_table(room, "fleets", result.candidates)
        for site, values in values_of(launches_of(result)).items():
            room.put_text(f"values-{site}.yaml", yaml_text_of(values))
        page = write_plan_report(result, folder / "plan.html")
    _print_plan(result)
    typer.echo(f"page: {page}")
    return OK


def _print_plan(result: PlanResult) -> None:
    from sim.report.answers.plan_answer import costs_of, launches_of, plan_answers, relief_text
    from sim.report.formats import GAP

    console = wide_console()
    for said in plan_answers(result):
        console.print(said.replace(GAP, " "), markup=False, highlight=False)
    for title, told in costs_of(result.summary):
        console.print(f"{title}: {told}", markup=False, highlight=False)
    for launch in launches_of(result):
        console.print(f"start {launch.replicas} x {launch.pool}: {launch.command}", markup=False)
    console.print("\nconstraints, with 95 % intervals")
    console.print(_constraints(result))
    for relief in result.reliefs:
        if relief.saved <= 0:
            end = "" if relief.settled else ", as far as the runs went"
            console.print(f"with {relief_text(relief)}: no cheaper fleet{end}", markup=False)
    if result.spread:
        share = f"{result.spread.all_hold:.0%} of {result.spread.samples} samples"
        console.print(f"over {result.spread.inputs} uncertain numbers: all hold in {share}")
    for title, rows in (("runners-up", result.runners_up), ("Pareto front", result.pareto)):
        if len(rows) > (title == "Pareto front"):
            console.print(f"\n{title}")
            console.print(_fleets(result, rows))
    for row in result.thrown_out.itertuples():
        console.print(f"{row.stage}: {row.fleets} fleets: {row.reason}")
    judged = f"{len(result.candidates)} of {result.considered} fleets judged in {result.runs} runs"
    unsettled = "" if result.settled else "; the runs ran out, a cheaper fleet may exist"
    console.print(judged + unsettled)


def _fleet(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _fleets(result: PlanResult, rows: pd.DataFrame) -> Any:
    """Return a row per fleet: what it is and what it costs; its constraints are on the page."""
    numbers = [name for name in result.cost if name in rows]
    header = ["fleet", *numbers]
    values = rows[list(result.fleet)].astype(str).to_numpy()
    fleets = [_fleet(dict(zip(result.fleet, row, strict=True))) for row in values]
    cells = [[f"{value:.4g}" for value in row] for row in rows[numbers].to_numpy(float)]
    return text_table(header, [[name, *row] for name, row in zip(fleets, cells, strict=True)])


def _constraints(result: PlanResult) -> Table:
    """Return a row per constraint: its number with the intervals, what is left, what binds."""
    from rich.table import Table

    from sim.report.charts.plan import bound_text, writer

    spread = result.spread
    table = Table("constraint")
    columns = ["value", "low", "high", "left", *(["over inputs"] if spread else [])]
    for column in columns:
        table.add_column(column, justify="right")
    table.add_column("")
    for check in result.checks:
        interval = check.interval
        write = writer(check.bound.metric)
        cells = [write(each) for each in (interval.value, interval.low, interval.high)]
        cells.append(f"{check.slack:.0%}")
        if spread:
            inputs = spread.intervals[check.bound.metric]
            cells.append(f"{write(inputs.low)} to {write(inputs.high)}")
        table.add_row(bound_text(check.bound), *cells, "binds" if check.binds else "")
    return table


def as_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Return what ``--set`` texts change, by dotted path."""
    from sim.scenario.overrides import parse_overrides

    return {".".join(each.steps): each.value for each in parse_overrides(texts)}
