"""The JSON Schemas describe the same files as the loader accepts."""

from __future__ import annotations

import json
import re
from typing import Any

from sim.document.model_fields import fields_of
from sim.scenario.jsonschema import scenario_schema, topology_schema
from sim.scenario.schema.scenario import Scenario
from sim.scenario.schema.topology import Topology


def definition(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][name]["properties"]
    return found


def test_keys_are_those_of_the_file_and_all_are_described() -> None:
    for schema, model in ((scenario_schema(), Scenario), (topology_schema(), Topology)):
        json.dumps(schema)
        assert list(schema["properties"]) == list(fields_of([model]))
        for part in (schema, *schema["$defs"].values()):
            assert part["additionalProperties"] is False
            for field in part["properties"].values():
                described = schema["$defs"][field["$ref"][8:]] if "$ref" in field else field
                assert described["description"]


def test_the_pattern_of_a_quantity() -> None:
    pattern = definition(topology_schema(), "Link")["latency"]["pattern"]
    for text in ("2 ms", "0.5ms", "1e-3 s", "1 min"):
        assert re.search(pattern, text)
    for text in ("2", "2 kW", "-2 ms", "ms", "2 m"):
        assert not re.search(pattern, text)


def test_what_may_be_written_in_two_ways() -> None:
    schema = scenario_schema()
    topology = schema["properties"]["topology"]["anyOf"]
    assert topology == [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/Topology"}]
    racks = definition(schema, "Row")["racks"]["anyOf"]
    assert racks[0] == {"$ref": "#/$defs/RackGroup"}
    assert racks[1] == {"type": "array", "minItems": 1, "items": racks[0]}
    share = definition(schema, "Tier")["target"]["anyOf"]
    assert [part["type"] for part in share] == ["string", "number"]
    replicas = definition(schema, "Pool")["replicas"]["anyOf"]
    assert replicas == [{"type": "integer", "minimum": 1}, {"const": "fill"}]
