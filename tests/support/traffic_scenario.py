"""The smallest scenario with given traffic, and what becomes of its requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.load import load_scenario
from sim.scenario.schema.scenario import Scenario
from sim.traffic.build.build import Traffic

SYNTHETIC: dict[str, Any] = {
    "model": "llama-3.1-8b",
    "regions": {"south": 1.0},
    "tiers": {"premium": 0.25, "standard": 0.75},
    "arrivals": {"process": "poisson", "rate_per_s": 10.0},
    "lengths": {"constant": {"input_tokens": 512, "output_tokens": 256}},
}
PLACED = {"site": "fra", "replicas": 1}


def scenario_of(
    tmp_path: Path,
    traffic: dict[str, Any],
    duration_s: float | None = 600.0,
    *,
    pools: dict[str, dict[str, Any]] | None = None,
    **run: Any,
) -> Scenario:
    """Return the smallest scenario with this traffic, with paths relative to ``tmp_path``.

    There is a pool for each model that traffic asks for; ``pools`` adds others by name.
    """
    racks = {"type": "hgx-h100-air", "count": 2}
    site = {
        "kind": "metro",
        "lat": 50.0,
        "lon": 8.0,
        "halls": {"h": {"rows": {"r": {"racks": racks}}}},
    }
    links = [{"from": region, "to": "fra", "latency_s": 0.002} for region in ("north", "south")]
    topology = {
        "name": "one",
        "regions": {"north": {"lat": 55.0, "lon": 9.0}, "south": {"lat": 48.0, "lon": 9.0}},
        "sites": {"fra": site},
        "links": links,
    }
    slo = {"slo": {"ttft_s": 1.0}}
    models = dict.fromkeys(entry["model"] for entry in traffic.values())
    usual = {f"p{i}": {"model": model} for i, model in enumerate(models)} | (pools or {})
    scenario = load_scenario(
        {
            "name": "test",
            "topology": topology,
            "tiers": {"premium": slo, "standard": slo},
            "traffic": traffic,
            "pools": {name: PLACED | settings for name, settings in usual.items()},
            "run": {"duration_s": duration_s, **run},
        }
    )
    scenario._base_dir = tmp_path
    return scenario


def replay(**settings: Any) -> dict[str, Any]:
    """Return a traffic entry that replays a trace, the shipped one unless told."""
    entry = {key: SYNTHETIC[key] for key in ("model", "regions", "tiers")}
    return {**entry, "trace": {"path": "conversation-sample", **settings}}


def joined(traffic: Traffic, column: str) -> np.ndarray:
    """Return a column of all requests."""
    return np.concatenate([getattr(block, column) for block in traffic.blocks()])
