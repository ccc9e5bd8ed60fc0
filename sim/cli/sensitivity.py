"""``loadbank sensitivity``: what the results of a scenario depend on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.console import wide_console
from sim.cli.exits import OK
from sim.cli.folders import continued, writable
from sim.cli.plan import as_changes
from sim.cli.run import SetOption
from sim.cli.sweep import ExecutorOption, frame_table
from sim.workspace import workspace

DEFAULT_METRICS = ("sla.*.attainment", "latency.tiers.*.ttft_s.p99", "energy.it_kwh")
SHOWN = 8


def sensitivity(  # noqa: PLR0913, PLR0917 (typer: one argument per option)
    scenario: Annotated[str, typer.Argument(help="A scenario file or a shipped experiment.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Dotted name of a number, * for any part; repeatable."),
    ] = None,
    samples: Annotated[int, typer.Option(min=2, help="Monte Carlo samples.")] = 32,
    replications: Annotated[int, typer.Option(min=2, help="Runs per sample.")] = 3,
    sobol: Annotated[int, typer.Option(help="Samples for Sobol indices, a power of two.")] = 0,
    kind: Annotated[
        list[str] | None, typer.Option(help="guess, analyst, vendor, fitted or measured.")
    ] = None,
    overrides: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder for runs, tables and the page.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of runs and samples.")] = 0,
    executor: ExecutorOption = "processes",
) -> int:
    """Vary the uncertain numbers behind a scenario within their ranges."""
    from sim.experiment.sensitivity.sensitivity_study import sensitivity as vary
    from sim.report.html.sensitivity_page import write_sensitivity_report

    if out is not None:
        writable(out)
    with ExitStack() as held:
        room = held.enter_context(workspace(out)) if out else None
        held.enter_context(continued(out))
        found = vary(
            scenario,
            metric or DEFAULT_METRICS,
            kinds=kind or (),
            samples=samples,
            replications=replications,
            sobol=sobol,
            overrides=as_changes(overrides or []),
            seed=seed,
            out=room,
            executor=executor,
        )
        if room is not None:
            table = found.tornado.astype({"low_end": str, "high_end": str})
            room.put("tornado.csv", table.to_csv)
            page = write_sensitivity_report(found, scenario, room.folder / "sensitivity.html")
    console = wide_console()
    console.print(f"{len(found.inputs)} uncertain numbers, {len(found.result.runs)} runs")
    for name, both in found.intervals.items():
        sampling, inputs = both.sampling, both.inputs
        console.print(
            f"\n{name}: {sampling.value:.4g} (sampling {sampling.low:.4g} to {sampling.high:.4g},"
            f" inputs {inputs.low:.4g} to {inputs.high:.4g})"
        )
        rows = found.tornado[(found.tornado["metric"] == name) & (found.tornado["swing"] != 0.0)]
        if len(rows):
            columns = ["path", "kind", "value_low", "value_high", "swing", "verdict"]
            console.print(frame_table(rows[columns].head(SHOWN)))
    if len(found.sobol):
        console.print("\nSobol indices")
        console.print(frame_table(found.sobol))
    if out is not None:
        typer.echo(f"page: {page}")
    return OK
