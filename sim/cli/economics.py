"""``loadbank economics``: places, chips, models, loads and ways to own, in money."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.console import wide_console
from sim.cli.exits import LIMIT, OK
from sim.cli.folders import continued, writable
from sim.cli.sweep import ExecutorOption, StudyArgument, text_table
from sim.workspace import workspace

if TYPE_CHECKING:
    import pandas as pd

    from sim.economics.economics import Economics

LINE_EVERY_S = 30.0  # without a terminal
SHOWN = 12  # rows of the table on the terminal


def economics(
    study: StudyArgument,
    out: Annotated[
        Path | None, typer.Option(help="Folder for economics.html, the tables and the runs.")
    ] = None,
    executor: ExecutorOption = "processes",
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no table.")] = False,
) -> int:
    """Compare places, chips, models, loads and ways to own in money; every cell is a run."""
    from sim.economics.economics import economics as compare_in_money
    from sim.economics.economics import load_economics_study
    from sim.experiment.study.results_table import put_table
    from sim.report.html.economics_page import write_economics_report

    asked = load_economics_study(study)
    folder = writable(out or Path("runs") / asked.name)
    with workspace(folder) as room, continued(folder):
        told = None if quiet else _Told()
        found = compare_in_money(asked, out=folder, executor=executor, progress=told)
        for name, frame in _tables(found).items():
            put_table(room, name, frame)
        page = write_economics_report(found, str(study), folder / "economics.html")
    if as_json:
        typer.echo(json.dumps(_as_data(found), indent=2))
    elif not quiet:
        _print(found)
        typer.echo(f"page: {page}")
    if found.table.empty:
        typer.echo("error: no cell has an answer", err=True)
        return LIMIT
    return OK


def _tables(found: Economics) -> dict[str, pd.DataFrame]:
    """Return every table of a comparison by the name of its file."""
    from sim.economics import case_tables
    from sim.economics.roadmap import roadmap_table

    tables = {"economics": found.table, "layers": found.layers, "not_served": found.not_served}
    if found.case is not None:
        tables["months"] = case_tables.months(found.case)
        tables["swings"] = case_tables.swings(found.case)
    if found.roadmap is not None:
        tables["roadmap"] = roadmap_table(found.roadmap)
    if found.fitting is not None:
        tables["fits"] = found.fitting
    return tables


def _as_data(found: Economics) -> dict[str, Any]:
    """Return what `--json` prints."""
    from sim.economics.case_tables import as_data

    tables = _tables(found)
    data: dict[str, Any] = {"study": found.study.name, "rows": _rows(found.table)}
    data |= {name: _rows(tables[name]) for name in ("roadmap", "fits") if name in tables}
    if found.case is not None:
        data["case"] = as_data(found.case)
    return data


def _rows(frame: pd.DataFrame) -> Any:
    """Return a table as JSON values with all their digits."""
    return json.loads(frame.to_json(orient="records", double_precision=15))


class _Told:
    """Says now and then how many cells are done."""

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def __call__(self, done: int, whole: int) -> None:
        now = time.monotonic()
        every_s = 0.2 if sys.stderr.isatty() else LINE_EVERY_S
        if done < whole and now - self._shown < every_s:
            return
        self._shown = now
        end = "\r" if sys.stderr.isatty() and done < whole else "\n"
        typer.echo(f"{done} of {whole} parts done{end}", err=True, nl=False)


def _print(found: Economics) -> None:
    from sim.report import formats
    from sim.report.case_words import case_lines
    from sim.report.economics_words import (
        answer_lines,
        cheapest,
        headline,
        not_served_lines,
        price,
        where,
    )
    from sim.report.roadmap_words import fits_lines, roadmap_lines

    console = wide_console()
    if found.case is not None:
        for line in case_lines(found.case):
            console.print(f"- {line}", markup=False)
        console.print()
    actions = roadmap_lines(found.roadmap) if found.roadmap is not None else ()
    for line in (*actions, *fits_lines(found)):
        console.print(line, markup=False)
    console.print(headline(found), markup=False)
    for line in answer_lines(found):
        console.print(f"- {line}", markup=False)
    for (model, pattern), rows in found.table.groupby(["model", "pattern"], sort=False):
        console.print(f"\n{model}, {pattern}", markup=False)
        ordered = cheapest(rows)
        header = ["", "USD/Mtoken", "a month", "tok/s", "TTFT p99", "Wh", "gCO2e"]
        cells = [
            [
                where(row),
                price(row),
                formats.number(row["usd_per_month"]),
                formats.number(row["output_tokens_per_s"]),
                formats.duration(row["ttft_p99_s"]),
                formats.number(row["wh_per_request"]),
                formats.number(row["gco2e_per_request"]),
            ]
            for row in ordered[:SHOWN]
        ]
        console.print(text_table(header, cells))
        if len(ordered) > SHOWN:
            console.print(f"and {len(ordered) - SHOWN} more: economics.csv")
    for line in not_served_lines(found):
        console.print(f"no answer: {line}", markup=False)
