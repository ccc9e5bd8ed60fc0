"""``loadbank report`` and ``loadbank ls``: the page of a run again, and which runs lie here."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.cli.console import wide_console
from sim.cli.exits import OK
from sim.errors import InputError, Problem

SUMMARY = "summary.json"
DEEPEST = 5  # folders below the given one in which runs are looked for
MOST_BYTES = 64 << 20  # of a summary; a larger file is none


def report(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    out: Annotated[
        Path | None, typer.Option(help="Where to write the page; into the run folder without it.")
    ] = None,
    opened: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
) -> int:
    """Write the page of a finished run again, with what this version draws."""
    from sim.report import write_report
    from sim.result import REPORT, Result

    page = write_report(Result.load(run), out or run / REPORT)
    if not quiet:
        typer.echo(f"report: {page}")
    if opened:
        webbrowser.open(page.resolve().as_uri())
    return OK


def ls(
    folder: Annotated[Path, typer.Argument(help="Folder with runs.")] = Path("runs"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    """List the finished runs below a folder, the newest first."""
    if not folder.is_dir():
        expected = "a folder with runs, as loadbank run makes it"
        raise InputError([Problem("", "no such folder", expected, file=str(folder))])
    found = sorted(runs_below(folder), key=lambda row: row["finished"], reverse=True)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return OK
    _print(found, folder)
    return OK


def runs_below(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each finished run in a folder; what is no run is passed over."""
    for depth in range(DEEPEST + 1):
        for path in sorted(folder.glob("*/" * depth + SUMMARY)):
            row = _row(path)
            if row is not None:
                yield row


def _row(path: Path) -> dict[str, Any] | None:
    """Return what a summary says of its run, None where the file is no summary of a run."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        summary = json.loads(path.read_bytes())
        finished = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    except (OSError, ValueError):
        return None
    if not isinstance(summary, dict) or not isinstance(summary.get("scenario"), dict):
        return None
    sla, ledger = summary.get("sla") or {}, summary.get("ledger") or {}
    return {
        "folder": str(path.parent),
        "scenario": summary["scenario"].get("name"),
        "seed": summary.get("seed"),
        "finished": finished.isoformat(timespec="seconds"),
        "requests": (summary.get("requests") or {}).get("arrived"),
        "partial": bool(summary.get("interrupted")),
        "attainment": {name: tier.get("attainment") for name, tier in sla.items()},
        "missed": [
            name
            for name, tier in sla.items()
            if (target := (tier.get("targets") or {}).get("target")) is not None
            and tier.get("attainment") is not None
            and tier["attainment"] < target
        ],
        "usd_per_mtoken": ledger.get("usd_per_mtoken"),
    }


def _print(found: list[dict[str, Any]], folder: Path) -> None:
    from sim.cli.sweep import text_table
    from sim.report import formats

    if not found:
        typer.echo(f"no finished run below {folder}")
        return
    header = ["Run", "Scenario", "Seed", "Finished", "Requests", "Targets", "USD/Mtoken"]
    rows = [
        [
            str(Path(row["folder"]).relative_to(folder)),
            str(row["scenario"]),
            str(row["seed"]),
            row["finished"][:16].replace("T", " "),
            formats.count(row["requests"]) + (" (partial)" if row["partial"] else ""),
            f"missed: {', '.join(row['missed'])}" if row["missed"] else "met",
            formats.number(row["usd_per_mtoken"]),
        ]
        for row in found
    ]
    wide_console().print(text_table(header, rows))
