"""``loadbank dcim``: a topology from an inventory's CSV exports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sim.cli.exits import OK, USAGE


def dcim(
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
    from sim.scenario.dcim import import_sites, topology_text
    from sim.scenario.load import load_topology

    pairs = [text.partition("=") for text in types]
    if any(not separator for _, separator, _ in pairs):
        typer.echo("error: --type wants INVENTORY=RACK, such as 'H100 rack=hgx-h100-air'", err=True)
        return USAGE
    rack_types = {name: rack for name, _, rack in pairs}
    found = import_sites(sites, racks, feeds, panels, rack_types=rack_types, kind=kind)
    text = topology_text(out.stem, found)
    out.write_text(text, encoding="utf-8")
    load_topology(out)  # says what the catalogue does not know
    typer.echo(f"{out}: {len(found)} sites")
    return OK
