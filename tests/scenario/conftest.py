"""A small sound scenario, from which tests make others."""

from __future__ import annotations

import copy
from typing import Any

import pytest

SMALL: dict[str, Any] = {
    "name": "small",
    "topology": {
        "name": "pair",
        "regions": {"north": {"lat": 53.5, "lon": 10.0}},
        "sites": {
            "metro": {
                "kind": "metro",
                "lat": 50.1,
                "lon": 8.6,
                "halls": {"h1": {"rows": {"r1": {"racks": {"type": "hgx-h100-liquid"}}}}},
            }
        },
        "links": [{"from": "north", "to": "metro", "latency": "2 ms"}],
    },
    "tiers": {"premium": {"slo": {"ttft": "500 ms"}}, "standard": {"slo": {"e2e": "30 s"}}},
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"north": 1.0},
            "tiers": {"premium": "30 %", "standard": "70 %"},
            "arrivals": {"process": "poisson", "rate": "10 req/s"},
            "lengths": {"constant": {"input": "512 tokens", "output": "256 tokens"}},
        }
    },
    "pools": {"main": {"site": "metro", "model": "llama-3.1-8b", "replicas": 4}},
    "run": {"duration": "10 min"},
}


@pytest.fixture
def small() -> dict[str, Any]:
    """Return a sound scenario as a mapping that the test may change."""
    return copy.deepcopy(SMALL)
