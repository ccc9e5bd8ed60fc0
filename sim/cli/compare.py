"""``loadbank compare``: what differs between runs, with intervals and verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.exits import OK


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; the first is the baseline.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Dotted name of a number, * for any part; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> int:
    """Compare runs that saw the same random numbers."""
    from sim.experiment.compare import compare as compare_runs

    found = compare_runs(list(runs), metrics=metric or ())
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(json.loads(found.table.to_json(orient="records")), indent=2))
        return OK
    from rich.console import Console

    from sim.cli.sweep import frame_table

    shown = found.table[
        ["metric", "variant", "value", "variant_value", "difference", "low", "high"]
    ]
    verdicts = found.table["verdict"].where(
        found.table["more_replications"] == 0,
        found.table["verdict"] + ": " + found.table["more_replications"].astype(str) + " more",
    )
    Console(soft_wrap=True).print(frame_table(shown.assign(verdict=verdicts)))
    return OK
