"""``loadbank run``: one scenario, one seed, one folder of results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.exits import ASSERTION, OK, interrupted
from sim.cli.folders import writable
from sim.cli.progress import Meter, watched
from sim.cli.signals import StopFlag, stop_on_interrupt
from sim.workspace import Workspace, workspace

if TYPE_CHECKING:
    from sim.result import Result
    from sim.scenario.schema.scenario import Scenario

WARNINGS_SHOWN = 3

ScenarioArgument = Annotated[
    str, typer.Argument(help="A scenario file, or the name of a shipped experiment.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a value of the scenario; repeatable."),
]


def run(
    scenario: ScenarioArgument,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random streams.")] = 0,
    overrides: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no table.")] = False,
) -> int:
    """Simulate a scenario and write its results and report."""
    from sim.report import render_report
    from sim.simulate import load_scenario

    loaded = load_scenario(scenario, overrides or ())
    folder = writable(out or _default_folder(loaded, seed))
    with stop_on_interrupt() as stop, workspace(folder) as room:
        result = _simulate(loaded, seed, room, quiet, stop)
        result.save(room, report=render_report)
    if as_json:
        typer.echo(json.dumps(result.summary, indent=2))
    elif not quiet:
        _print_summary(result, folder)
        _print_warnings(result.warnings)
    if stop():
        kind = "partial" if result.summary["interrupted"] else "complete"
        typer.echo(f"interrupted: {kind} results are in {folder}", err=True)
        return interrupted(stop.number)
    failed = list(_failed_assertions(result.summary["sla"]))
    for message in failed:
        typer.echo(f"SLA assertion failed: {message}", err=True)
    return ASSERTION if failed else OK


def _failed_assertions(sla: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each tier that attains less than it is required to."""
    for name, tier in sla.items():
        required, attained = tier["targets"].get("require"), tier["attainment"]
        if required is not None and attained is not None and attained < required:
            yield f"tier {name}: attainment {attained:.4f}, required {required:.4f}"


def _default_folder(scenario: Scenario, seed: int) -> Path:
    from sim.scenario.lock import sha256

    return Path("runs") / f"{scenario.name}-{sha256(scenario)[:8]}" / f"seed={seed}"


def _simulate(
    scenario: Scenario, seed: int, room: Workspace, quiet: bool, stop: StopFlag
) -> Result:
    from sim.result import REQUESTS
    from sim.simulate import simulate

    with Meter(visible=watched(quiet)) as meter:
        return simulate(scenario, seed, spool=room.path(REQUESTS), progress=meter, stop=stop)


def _print_summary(result: Result, folder: Path) -> None:
    from rich.console import Console

    from sim.report.terminal.tables import summary_table

    console = Console()
    console.print(summary_table(result.summary))
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True, highlight=False)


def _print_warnings(warnings: Sequence[str]) -> None:
    """Print the first warnings; the report has all of them."""
    for warning in warnings[:WARNINGS_SHOWN]:
        typer.echo(f"warning: {warning}", err=True)
    if len(warnings) > WARNINGS_SHOWN:
        typer.echo(f"{len(warnings) - WARNINGS_SHOWN} more warnings in report.html", err=True)
