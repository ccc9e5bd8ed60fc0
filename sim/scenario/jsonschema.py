"""JSON Schemas of the files that users write, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from sim.scenario.schema.economics_study import EconomicsStudy
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.study import Study
from sim.scenario.schema.topology import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file."""
    schema = _with_single_racks(Scenario.model_json_schema())
    topology = schema["properties"]["topology"]
    topology["anyOf"] = [{"type": "string", "minLength": 1}, {"$ref": topology.pop("$ref")}]
    return schema


def topology_schema() -> dict[str, Any]:
    """Return the JSON Schema of a topology file."""
    return _with_single_racks(Topology.model_json_schema())


def study_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study file: sweeps, plans, sensitivities."""
    return {"$schema": DIALECT, **Study.model_json_schema()}


def economics_schema() -> dict[str, Any]:
    """Return the JSON Schema of a study in money."""
    return {"$schema": DIALECT, **EconomicsStudy.model_json_schema()}


def _with_single_racks(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which the racks of a row may also be one group instead of a list."""
    racks = schema["$defs"]["Row"]["properties"]["racks"]
    several = {key: racks.pop(key) for key in ("type", "items")}
    racks["anyOf"] = [several["items"], {**several, "minItems": 1}]
    return {"$schema": DIALECT, **schema}
