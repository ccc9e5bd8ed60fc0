"""The JSON Schemas beside the shipped files are those of the models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.scenario.jsonschema import scenario_schema, topology_schema

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("experiments/scenario.schema.json", scenario_schema),
        ("topologies/topology.schema.json", topology_schema),
    ],
)
def test_shipped_schema_is_current(file, schema):
    """`loadbank schema scenario > experiments/scenario.schema.json` makes it so."""
    assert json.loads((ROOT / file).read_text()) == json.loads(json.dumps(schema()))
