"""``loadbank dcim``: a topology from an inventory's exports, and a run's series for a BMS."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.exits import OK, USAGE
from sim.workspace import put_file, write_text

if TYPE_CHECKING:
    from sim.interfaces import FloatArray
    from sim.result import Result

app = typer.Typer(
    help="Exchange data with inventories (DCIM) and building management (BMS).",
    no_args_is_help=True,
)
LEVELS = ("site", "row", "rack")


@app.command("import")
def import_inventory(
    sites: Annotated[Path, typer.Option(help="CSV of sites: name, latitude, longitude.")],
    racks: Annotated[Path, typer.Option(help="CSV of racks: site, location, name, type.")],
    types: Annotated[
        list[str],
        typer.Option("--type", metavar="INVENTORY=RACK", help="Rack type of the catalogue."),
    ],
    feeds: Annotated[Path | None, typer.Option(help="CSV of power feeds.")] = None,
    panels: Annotated[Path | None, typer.Option(help="CSV of power panels.")] = None,
    kind: Annotated[
        Literal["metro", "remote", "edge"], typer.Option(help="Kind of site.")
    ] = "metro",
    out: Annotated[Path, typer.Option(help="Topology file to write.")] = Path("topology.yaml"),
) -> int:
    """Turn racks and power feeds exported from an inventory (NetBox columns) into a topology."""
    from sim.dcim.inventory import import_sites, topology_text
    from sim.load import load_topology

    pairs = [text.partition("=") for text in types]
    if any(not separator for _, separator, _ in pairs):
        typer.echo("error: --type wants INVENTORY=RACK, such as 'H100 rack=hgx-h100-air'", err=True)
        return USAGE
    rack_types = {name: rack for name, _, rack in pairs}
    found = import_sites(sites, racks, feeds, panels, rack_types=rack_types, kind=kind)
    text = topology_text(out.stem, found)
    put_file(out, lambda path: write_text(path, text))
    load_topology(out)  # says what the catalogue does not know
    typer.echo(f"{out}: {len(found)} sites")
    return OK


@app.command("export")
def export_series(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")] = Path("trend.csv"),
    start: Annotated[
        str, typer.Option(help="Instant of time 0 with its offset; that of the run unless given.")
    ] = "",
    level: Annotated[
        Literal["site", "row", "rack"] | None, typer.Option(help="Only points of this level.")
    ] = None,
) -> int:
    """Write the series of a run as the trend log of a building-management system."""
    from sim.dcim.trend_log import write_bms
    from sim.result import Result

    result = Result.load(run)
    begin = _instant(start or _start_of(result))
    if begin is None:
        typer.echo(
            "error: a trend log needs an instant with its offset from UTC, in the scenario as "
            "facility.start or here as --start, such as '2026-07-19T00:00:00+01:00'",
            err=True,
        )
        return USAGE
    time_s, points = _points(result, LEVELS if level is None else (level,))
    count = write_bms(out, begin, time_s, points)
    typer.echo(f"{out}: {count} points, {len(time_s)} rows")
    return OK


def _start_of(result: Result) -> str:
    """Return the instant at which the run's scenario begins, empty where it has none."""
    from sim.document.yaml_reader import parse_document

    data: Any = parse_document(result.scenario_lock, "scenario.lock.yaml").data
    return str((data.get("facility") or {}).get("start") or "")


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _points(result: Result, levels: tuple[str, ...]) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return the start of each bin [s], and the values of every point over them."""
    import numpy as np

    series = result.series
    time_s = np.sort(series["time_s"].unique()).astype(np.float64)
    columns = [name for name in series.columns if name not in {"time_s", "kind", "name"}]
    found: dict[str, FloatArray] = {}
    for kind in levels:
        for name, rows in series[series["kind"] == kind].groupby("name", sort=False, observed=True):
            over_time = rows.set_index("time_s").reindex(time_s)
            found |= {f"{name}.{column}": over_time[column].to_numpy(float) for column in columns}
    return time_s, found
