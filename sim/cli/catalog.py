"""``loadbank catalog``: what the shipped numbers are and where they come from."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sim.cli.console import table_console


def catalog(
    section: Annotated[
        str | None,
        typer.Argument(help="accelerators, models, nodes, racks or regions; or a name in any."),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="Only entries with this in their name.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Only numbers of this kind: measured, fitted, vendor, analyst, guess."),
    ] = None,
    accuracy: Annotated[
        bool, typer.Option("--accuracy", help="Show how the models compare with measurements.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> int:
    """List the catalogue; with a section and a name, every number with its source."""
    from sim.catalog.catalog import SECTIONS, load_catalog
    from sim.report.terminal.catalog_tables import accuracy_table, catalog_rows, catalog_tables

    if accuracy:
        from sim.calibration.accuracy_page import shipped_scores

        table_console().print(accuracy_table(shipped_scores()))
        return 0
    shipped = load_catalog()
    if section and not name and section not in SECTIONS:
        known = [key.lower() for part in SECTIONS for key in shipped.entries(part)]
        if any(section.lower() in key for key in known):
            section, name = None, section
    found = catalog_rows(shipped, section, name, kind)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return 0
    console = table_console()
    for table in catalog_tables(found, detailed=name is not None or kind is not None):
        console.print(table)
    return 0
