"""``loadbank plan`` and ``loadbank headroom``: from a question to a fleet, and to a limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.exits import OK
from sim.cli.sweep import ExecutorOption, StudyArgument, frame_table

if TYPE_CHECKING:
    from rich.table import Table

    from sim.experiment.intervals import Interval
    from sim.experiment.plan import PlanResult


def plan(
    study: StudyArgument,
    out: Annotated[Path | None, typer.Option(help="CSV file for the judged fleets.")] = None,
    executor: ExecutorOption = "processes",
) -> int:
    """Find the cheapest fleet that satisfies every constraint of a study."""
    from sim.experiment.plan import plan as find_fleet

    result = find_fleet(study, executor=executor)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        result.candidates.to_csv(out, index=False)
    _print_plan(result)
    return OK


def headroom(
    scenario: Annotated[str, typer.Argument(help="A scenario file or a shipped experiment.")],
    replications: Annotated[int, typer.Option(min=2, help="Independent searches.")] = 5,
    tolerance: Annotated[float, typer.Option(min=0.001, help="Width of the brackets.")] = 0.02,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all replications.")] = 0,
    executor: ExecutorOption = "processes",
) -> int:
    """Find how much more traffic a scenario takes until the first limit breaks."""
    from sim.experiment.headroom import headroom as find_headroom

    found = find_headroom(
        scenario, replications=replications, tolerance=tolerance, seed=seed, executor=executor
    )
    for place in found.breaking:
        limit = place.limit
        bound = f"{limit.bound:.2%}" if limit.kind == "sla" else f"{limit.bound:g} kW"
        typer.echo(f"{limit.kind} {limit.name} ({bound}): {_factor(place.scale)}")
    return OK


def _factor(scale: Interval) -> str:
    if not math.isfinite(scale.value):
        return "holds as far as the search went"
    return f"breaks at {scale.value:.3g} x traffic (95 %: {scale.low:.3g} to {scale.high:.3g})"


def _print_plan(result: PlanResult) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    console.print(f"fleet: {_fleet(result.fleet)}, objective {result.objective:.6g}")
    console.print("\nconstraints, with 95 % intervals")
    console.print(_constraints(result))
    for relief in result.reliefs:
        console.print(f"with {relief.bound}: {_fleet(relief.fleet)}, saves {relief.saved:.4g}")
    for check in result.checks:
        if check.binds and not result.reliefs:
            console.print(f"with {check.bound.relaxed}: no cheaper fleet was found")
    for title, rows in (("runners-up", result.runners_up), ("Pareto front", result.pareto)):
        if len(rows) > (title == "Pareto front"):
            console.print(f"\n{title}")
            console.print(frame_table(rows.drop(columns=["why_not", "feasible"])))
    judged = f"{len(result.candidates)} of {result.considered} fleets judged in {result.runs} runs"
    unsettled = "" if result.settled else "; the runs ran out, a cheaper fleet may exist"
    console.print(judged + unsettled)


def _fleet(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _constraints(result: PlanResult) -> Table:
    """Return a row per constraint: its number with the interval, what is left, what binds."""
    from rich.table import Table

    table = Table("constraint")
    for column in ("value", "low", "high", "left"):
        table.add_column(column, justify="right")
    table.add_column("")
    for check in result.checks:
        interval = check.interval
        numbers = (f"{each:.4g}" for each in (interval.value, interval.low, interval.high))
        binds = "binds" if check.binds else ""
        table.add_row(str(check.bound), *numbers, f"{check.slack:.0%}", binds)
    return table
