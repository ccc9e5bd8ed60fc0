"""``loadbank validate``, ``show`` and ``schema``: what the simulator understood, before it runs."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from sim.cli.console import table_console
from sim.cli.run import ScenarioArgument, SetOption


def validate(scenario: ScenarioArgument, overrides: SetOption = None) -> int:
    """Check a scenario or topology file and list everything that is wrong with it."""
    from sim.explain import explain, explain_topology
    from sim.scenario.schema.scenario import Scenario
    from sim.simulate import load_any

    loaded = load_any(scenario, overrides or ())
    explanation = explain(loaded) if isinstance(loaded, Scenario) else explain_topology(loaded)
    for warning in explanation.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{loaded.name}: ok")
    return 0


def show(
    scenario: ScenarioArgument,
    overrides: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> int:
    """Show what a scenario or topology comes to: load, capacity, power against limits."""
    from sim.explain import explain, explain_topology
    from sim.report.terminal.explain_tables import explanation_tables
    from sim.scenario.schema.scenario import Scenario
    from sim.simulate import load_any

    loaded = load_any(scenario, overrides or ())
    explanation = explain(loaded) if isinstance(loaded, Scenario) else explain_topology(loaded)
    if as_json:
        typer.echo(json.dumps(explanation.to_dict(), indent=2))
        return 0
    console = table_console()
    for table in explanation_tables(explanation):
        console.print(table)
    for warning in explanation.warnings:
        typer.echo(f"warning: {warning}", err=True)
    return 0


class SchemaKind(StrEnum):
    """Files that have a schema."""

    SCENARIO = "scenario"
    TOPOLOGY = "topology"
    STUDY = "study"
    ECONOMICS = "economics"


def schema(
    kind: Annotated[SchemaKind, typer.Argument(help="Which kind of file.")] = SchemaKind.SCENARIO,
) -> int:
    """Print the JSON Schema of a kind of file, for editors."""
    from sim.scenario import jsonschema

    schema_of = {
        SchemaKind.SCENARIO: jsonschema.scenario_schema,
        SchemaKind.TOPOLOGY: jsonschema.topology_schema,
        SchemaKind.STUDY: jsonschema.study_schema,
        SchemaKind.ECONOMICS: jsonschema.economics_schema,
    }
    typer.echo(json.dumps(schema_of[kind](), indent=2))
    return 0
