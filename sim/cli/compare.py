"""``loadbank compare``: what differs between runs, with intervals and verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.console import wide_console
from sim.cli.exits import OK

if TYPE_CHECKING:
    from sim.experiment.statistics.compare import Comparison


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; the first is the baseline.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Dotted name of a number, * for any part; repeatable."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write a page with verdicts, latencies and power, here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> int:
    """Compare runs that saw the same random numbers."""
    from sim.experiment.statistics.compare import compare as compare_runs

    found = compare_runs(list(runs), metrics=metric or ())
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        typer.echo(json.dumps(json.loads(found.table.to_json(orient="records")), indent=2))
        return OK
    _print(found)
    if page is not None:
        from sim.report.html.compare_page import write_compare_report

        write_compare_report(found, {str(run): run for run in runs}, page)
        typer.echo(f"report: {page}")
    return OK


def _print(found: Comparison) -> None:
    """Print a table per variant, with short names and relative changes."""
    from sim.cli.sweep import text_table
    from sim.report.answers.run_names import run_names
    from sim.report.compare_words import HEADER, rows_of, verdict_sentences

    console = wide_console()
    baseline = str(found.table["baseline"].iloc[0]) if len(found.table) else ""
    names = run_names([baseline, *dict.fromkeys(found.table["variant"].astype(str))])
    for said in verdict_sentences(found, names):
        console.print(said, markup=False, highlight=False)
    for (first, name), rows in found.table.groupby(["baseline", "variant"], sort=False):
        console.print(f"\n{names[str(name)]} against {names[str(first)]}", markup=False)
        console.print(text_table(HEADER, rows_of(rows)))
