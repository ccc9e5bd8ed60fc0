"""A world small enough to work out by hand: one region, two sites, steps of one second.

A pool runs one request at a time per replica unless a test says otherwise. A request with an
answer of n tokens takes n seconds: one step for its prompt and first token, n - 1 to decode.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from sim.collect import collect
from sim.interfaces import STATUS_NAMES
from sim.result import Result
from sim.simulate import load_scenario
from sim.world import World

HALL = {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air", "count": 2}}}}}


def pool(site: str, **settings: Any) -> dict[str, Any]:
    return {
        "site": site,
        "model": "llama-3.1-8b",
        "replicas": 1,
        "batching": {"max_num_seqs": 1, "block_size": 1},
        "kv_cache": "1000 tokens",
        "step_time": {"a": "1 s", "b": "0 s"},
        "power": {"idle": "100 W", "prefill": "600 W", "decode": "300 W"},
        **settings,
    }


SMALL: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "topology": {
        "version": 1,
        "name": "small",
        "regions": {"home": {"lat": 50.0, "lon": 8.0}},
        "sites": {
            "near": {"kind": "metro", "lat": 50.0, "lon": 8.0, "halls": HALL},
            "far": {"kind": "remote", "lat": 60.0, "lon": 18.0, "halls": HALL},
        },
        "links": [
            {"from": "home", "to": "near", "latency": "0 s"},
            {"from": "home", "to": "far", "latency": "250 ms"},
        ],
    },
    "tiers": {"gold": {"slo": {"ttft": "5 s"}}, "bulk": {"slo": {"e2e": "1 h"}}},
    "traffic": {},
    "pools": {"near": pool("near")},
    "routing": {"policy": "nearest", "spill_at": 1.0},
    "run": {},
}


@dataclass
class Run:
    world: World
    result: Result

    @property
    def summary(self) -> dict[str, Any]:
        return self.result.summary

    def column(self, name: str) -> list[Any]:
        return self.result.requests[name].tolist()

    def ends_s(self) -> list[float]:
        requests = self.result.requests
        return (requests["arrival_s"] + requests["e2e_s"]).round(9).tolist()


class Lab:
    """Makes and runs small scenarios."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder
        self.scenario = deepcopy(SMALL)

    def pool(self, name: str, site: str = "near", **settings: Any) -> None:
        self.scenario["pools"][name] = pool(site, **settings)

    def trace(self, name: str, rows: list[tuple[float, int]], tier: str = "gold", **more: Any):
        """Add traffic from (arrival, answer tokens) with prompts of one token."""
        file = self.folder / f"{name}.csv"
        lines = [f"{arrival_s},1,{answer}" for arrival_s, answer in rows]
        file.write_text("arrival_s,input_tokens,output_tokens\n" + "\n".join(lines) + "\n")
        replay = {"path": str(file), "format": "loadbank-csv"}
        self.traffic(name, trace=replay, tier=tier, **more)

    def traffic(self, name: str, tier: str = "gold", **entry: Any) -> None:
        self.scenario["traffic"][name] = {
            "model": "llama-3.1-8b",
            "regions": {"home": 1.0},
            "tiers": {tier: 1.0},
            **entry,
        }

    def run(self, *overrides: str, seed: int = 0) -> Run:
        world = World(load_scenario(self.scenario, overrides), seed)
        world.run(None, None)
        run = Run(world, collect(world))
        check(run)
        return run


def check(run: Run) -> None:
    """What must hold whatever happens: every user's request is in the books once."""
    counts, requests = run.summary["requests"], run.result.requests
    assert counts["arrived"] == run.world.source.emitted == len(requests)
    assert counts["arrived"] == sum(counts[status] for status in STATUS_NAMES)
    assert requests["request"].tolist() == list(range(len(requests)))
    if not counts["in_flight"]:
        assert all(pool.outstanding >= 0 for pool in run.world.pools)
    for replica in run.world.replicas:
        assert replica.memory.tokens + replica.memory.prefill_blocks >= 0


@pytest.fixture
def lab(tmp_path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def approx() -> Callable[..., Any]:
    return lambda value: pytest.approx(value, abs=1e-9)
