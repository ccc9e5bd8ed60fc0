"""``loadbank plan`` and ``loadbank headroom``: from a question to a fleet, and to a limit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.exits import OK
from sim.cli.sweep import ExecutorOption, StudyArgument, frame_table

if TYPE_CHECKING:
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
    fleet = ", ".join(f"{name} {value}" for name, value in result.fleet.items())
    console.print(f"fleet: {fleet}, objective {result.objective:.6g}")
    for check in result.checks:
        interval = check.interval
        binds = ", binds" if check.binds else ""
        numbers = f"{interval.value:.4g} ({interval.low:.4g} to {interval.high:.4g})"
        console.print(f"  {check.bound}: {numbers}, slack {check.slack:.1%}{binds}")
    for relief in result.reliefs:
        then = ", ".join(f"{name} {value}" for name, value in relief.fleet.items())
        console.print(f"with {relief.bound}: {then}, saves {relief.saved:.4g}")
    if not result.runners_up.empty:
        console.print("runners-up")
        console.print(frame_table(result.runners_up.drop(columns=["why_not", "feasible"])))
    if len(result.pareto) > 1:
        console.print("Pareto front")
        console.print(frame_table(result.pareto.drop(columns=["why_not", "feasible"])))
    judged = f"{len(result.candidates)} of {result.considered} fleets judged in {result.runs} runs"
    unsettled = "" if result.settled else "; the runs ran out, a cheaper fleet may exist"
    console.print(judged + unsettled)
