"""The JSON Schemas beside the shipped files are those of the models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from sim.scenario.jsonschema import (
    economics_schema,
    scenario_schema,
    study_schema,
    topology_schema,
)

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


STUDIES = [
    *((file, study_schema) for file in sorted(ROOT.glob("experiments/*/*study*.yaml"))
      if file.parent.name != "economics"),
    *((file, economics_schema) for file in sorted(ROOT.glob("experiments/economics/*.yaml"))),
]  # fmt: skip


@pytest.mark.parametrize(("file", "schema"), STUDIES, ids=lambda value: getattr(value, "name", ""))
def test_the_schema_of_a_study_knows_the_keys_of_the_shipped_ones(file, schema):
    made = schema()
    assert set(yaml.safe_load(file.read_text())) <= set(made["properties"])
    assert made["additionalProperties"] is False
