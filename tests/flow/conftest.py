"""A tiny scenario that runs in milliseconds, and runs that check what must hold for every run."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from sim.collect import collect
from sim.interfaces import STATUS_NAMES
from sim.metrics.activity import BATCH, OUTPUT_TOKENS
from sim.result import Result
from sim.simulate import World, load_scenario

TINY: dict[str, Any] = {
    "version": 1,
    "name": "tiny",
    "topology": {
        "version": 1,
        "name": "tiny",
        "regions": {"north": {"lat": 53.5, "lon": 10.0}, "south": {"lat": 48.1, "lon": 11.6}},
        "sites": {
            "metro": {
                "kind": "metro",
                "lat": 50.1,
                "lon": 8.6,
                "region_data": "germany",
                "power_limit": "200 kW",
                "halls": {
                    "wet": {
                        "cooling": "liquid",
                        "rows": {"r1": {"racks": {"type": "hgx-h100-liquid", "count": 1}}},
                    },
                    "dry": {
                        "rows": {
                            "r1": {"power_limit": "60 kW", "racks": {"type": "hgx-h100-air"}},
                            "r2": {"racks": {"type": "l4-air", "count": 2}},
                        }
                    },
                },
            },
            "far": {
                "kind": "remote",
                "lat": 65.6,
                "lon": 22.1,
                "halls": {"h1": {"rows": {"r1": {"racks": {"type": "hgx-h200-air", "count": 2}}}}},
            },
        },
        "links": [
            {
                **{"from": "north", "to": "metro", "latency": "5 ms", "jitter": "0.5 ms"},
                **{"bandwidth": "100 Mbps", "egress": "0.01 USD/GB"},
            },
            {"from": "south", "to": "metro", "latency": "3 ms"},
            {"from": "metro", "to": "far", "latency": "12 ms", "jitter": "1 ms"},
        ],
    },
    "tiers": {
        "premium": {"slo": {"ttft": "500 ms", "tpot": "50 ms"}, "target": "99 %"},
        "standard": {"slo": {"e2e": "30 s"}, "target": "95 %"},
    },
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"north": "60 %", "south": "40 %"},
            "tiers": {"premium": "30 %", "standard": "70 %"},
            "arrivals": {"process": "gamma", "rate": "40 req/s", "cv": 2.0},
            "lengths": {
                "lognormal": {
                    "input": {"mean": "400 tokens", "cv": 1.0},
                    "output": {"mean": "60 tokens", "cv": 1.0},
                }
            },
        }
    },
    "pools": {
        "wet": {
            "site": "metro",
            "racks": {"cooling": "liquid"},
            "model": "llama-3.1-8b",
            "replicas": 2,
            "tensor_parallel": 2,
            "queue": {"scope": "pool", "order": "priority"},
        },
        "dry": {
            "site": "metro",
            "racks": {"type": "hgx-h100-air"},
            "model": "llama-3.1-8b",
            "replicas": 3,
            "tiers": ["standard"],
            "batching": {"max_num_seqs": 8},
        },
        "far": {
            "site": "far",
            "model": "llama-3.1-8b",
            "replicas": 2,
            "batching": {"mode": "prefill-first", "max_num_seqs": 16},
        },
    },
    "routing": {"policy": "tier-affinity", "spill_at": "80 %"},
    "run": {"duration": "8 s"},
    "output": {"series_interval": "1 s"},
}


@dataclass
class Flow:
    """A run that is over: the world as it was left, its outcome, and its raw activity rows."""

    world: World
    result: Result
    rows: np.ndarray

    @property
    def end_s(self) -> float:
        return self.world.clock.now


@dataclass
class Activity:
    """Takes the activity rows on their way to the meter and keeps a copy."""

    meter: Callable[[np.ndarray, float], None]
    kept: list[np.ndarray]

    def __call__(self, rows: np.ndarray, until_s: float) -> None:
        self.kept.append(rows.copy())
        self.meter(rows, until_s)


def run_flow(scenario: Any, seed: int = 0, overrides: tuple[str, ...] = (), **options: Any) -> Flow:
    """Run a mapping or scenario and check everything that holds for every run."""
    stop = options.pop("stop", None)
    loaded = load_scenario(scenario, overrides) if isinstance(scenario, dict) else scenario
    world = World(loaded, seed, **options)
    activity = Activity(world.meter.advance, [])
    world.meter.advance = activity  # type: ignore[method-assign]
    world.run(None, stop)
    flow = Flow(world, collect(world), np.concatenate(activity.kept))
    check_conservation(flow)
    check_timeline(flow)
    check_activity(flow)
    check_little(flow)
    check_energy(flow)
    return flow


def check_conservation(flow: Flow) -> None:
    """Requests in = completed + rejected + timed out + failed + in flight."""
    counts = flow.result.summary["requests"]
    requests = flow.result.requests
    assert counts["arrived"] == flow.world.source.emitted == len(requests)
    assert counts["arrived"] == sum(counts[status] for status in STATUS_NAMES)
    assert requests["request"].tolist() == list(range(len(requests)))
    found = requests["status"].value_counts().to_dict()
    assert {status: counts[status] for status in STATUS_NAMES} == {
        status: found.get(status, 0) for status in STATUS_NAMES
    }
    measured = flow.result.summary["window"]["requests"]
    assert measured["arrived"] == int((~requests["warmup"]).sum())
    by_tier = [tier["requests"] for tier in flow.result.summary["sla"].values()]
    assert sum(by_tier) == measured["arrived"]
    if flow.world.scenario.run.drain and not flow.world.interrupted:
        assert counts["in_flight"] == 0
        assert all(pool.outstanding == 0 for pool in flow.world.pools)


def check_timeline(flow: Flow) -> None:
    """Times are in order: a request never ends before it began, nor a step before the last."""
    requests, close = flow.result.requests, 1e-9
    assert requests["arrival_s"].is_monotonic_increasing
    assert (requests["arrival_s"].diff().dropna() >= 0.0).all()
    done = requests[requests["status"] == "completed"]
    assert done[["queue_s", "network_s", "ttft_s", "e2e_s"]].notna().all(axis=None)
    assert (done["queue_s"] >= 0.0).all()
    assert (done["network_s"] >= 0.0).all()
    assert (done["ttft_s"] >= done["queue_s"] + done["network_s"] - close).all()
    assert (done["e2e_s"] >= done["ttft_s"] - close).all()
    assert (done["arrival_s"] + done["e2e_s"] <= flow.end_s + done["network_s"] + close).all()
    many = done[done["output_tokens"] > 1]
    decode_s = many["tpot_s"] * (many["output_tokens"] - 1)
    np.testing.assert_allclose(many["e2e_s"] - many["ttft_s"], decode_s, atol=1e-9)


def check_activity(flow: Flow) -> None:
    """The rows of every replica cover the run without a gap and without an overlap."""
    rows = flow.rows
    for replica in range(len(flow.world.replicas)):
        start_s, end_s = rows[rows[:, 0] == replica][:, 1:3].T
        if flow.end_s > 0.0:
            assert start_s[0] == 0.0
            assert end_s[-1] == flow.end_s
        assert np.array_equal(start_s[1:], end_s[:-1])
        assert np.all(end_s >= start_s)


def check_little(flow: Flow) -> None:
    """Little's law, exactly: integral of the number in a station = sum of the times in it.

    The one side comes from what replicas and queues say over time, the other from what requests
    say of themselves. It needs runs in which everybody leaves; a preempted request leaves its
    batch for a while, so it is in service for no longer than it says.
    """
    requests, world = flow.result.requests, flow.world
    if flow.result.summary["requests"]["in_flight"] or world.scenario.run.warmup_s:
        return
    done = requests[requests["status"] == "completed"]
    service_s = done["e2e_s"] - done["network_s"] - done["queue_s"]
    lengths_s = np.diff([*world.series.bins.starts_s(), flow.end_s])
    series = flow.result.series[flow.result.series["kind"] == "pool"]
    for index, name in enumerate(world.names.pools):
        mine = done["pool"] == name
        batch_s = float(world.series.totals[BATCH, index])
        static = world.pool_numbers[index].section.batching.mode == "static"
        if not static:  # whose finished requests keep their places
            spent_s = service_s[mine].sum()
            preempted = done.loc[mine, "preemptions"].sum() > 0
            assert batch_s <= spent_s + 1e-6
            assert preempted or batch_s == pytest.approx(spent_s, rel=1e-9, abs=1e-9)
        answered = world.series.totals[OUTPUT_TOKENS, index]
        assert answered == pytest.approx(done.loc[mine, "output_tokens"].sum(), rel=1e-9)
        shown = series[series["name"] == name]
        queue_s = float((shown["queue"] * lengths_s).sum())
        assert queue_s == pytest.approx(done.loc[mine, "queue_s"].sum(), rel=1e-9, abs=1e-6)
        replicas = world.pools[index].replicas
        shown_s = float((shown["batch"] * lengths_s).sum()) * replicas
        assert shown_s == pytest.approx(batch_s, rel=1e-9, abs=1e-9)


def check_energy(flow: Flow) -> None:
    """Sum over accelerators and node overhead = rack = row = hall = site = integral of series."""
    meter, plant, world = flow.world.meter, flow.world.plant, flow.world
    if flow.end_s == 0.0:
        return
    close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-6)
    total_j = {level: meter.total_j[span] for level, span in meter.points.spans.items()}
    sums = np.bincount
    close(total_j["row"], sums(plant.rack_row, total_j["rack"]))
    close(total_j["hall"], sums(plant.row_hall, total_j["row"]))
    close(total_j["site"], sums(plant.hall_site, total_j["hall"]))
    close(total_j["rack"], racks_by_hand_j(flow))
    series = flow.result.series
    lengths_s = np.diff([*world.meter.series().start_s, flow.end_s])
    for level in ("site", "row", "rack"):
        shown = series[series["kind"] == level]
        for name, energy_j in zip(
            meter.points.names[meter.points.spans[level]], total_j[level], strict=True
        ):
            mine = shown[shown["name"] == name]
            close((mine["power_w"] * lengths_s).sum(), energy_j)
            assert (mine["power_max_w"] >= mine["power_w"] * (1 - 1e-9)).all()
    if not world.scenario.run.warmup_s:
        it_j = flow.result.summary["energy"]["it_kwh"] * 3.6e6
        close(it_j, total_j["site"].sum())
        for site, energy_j in zip(plant.site_names, total_j["site"], strict=True):
            close(flow.result.summary["power"][site]["mean_kw"] * 1e3 * flow.end_s, energy_j)


def racks_by_hand_j(flow: Flow) -> np.ndarray:
    """Return the energy of each rack [J], added up node by node from the raw activity."""
    plant, rows = flow.world.plant, flow.rows
    times_s = np.unique(np.concatenate([rows[:, 1], rows[:, 2], [0.0, flow.end_s]]))
    middle_s = 0.5 * (times_s[1:] + times_s[:-1])
    replica_w = np.zeros((len(plant.replica_pool), len(middle_s)))
    for replica in range(len(plant.replica_pool)):
        mine = rows[(rows[:, 0] == replica) & (rows[:, 2] > rows[:, 1])]
        at = np.searchsorted(mine[:, 1], middle_s, side="right") - 1
        replica_w[replica] = mine[at, 3]
    node_w = np.repeat(np.asarray(plant.node_spare_w)[:, None], len(middle_s), axis=1)
    for replica, node, count in zip(
        plant.placement_replica, plant.placement_node, plant.placement_count, strict=True
    ):
        node_w[node] += count * replica_w[replica]
    kinds = [plant.node_types[kind] for kind in plant.node_type]
    wall_w = np.array([kind.wall_w(watts) for kind, watts in zip(kinds, node_w, strict=True)])
    node_j = wall_w @ np.diff(times_s)
    rack_j = np.bincount(plant.node_rack, node_j, minlength=len(plant.rack_names))
    return rack_j + np.asarray(plant.rack_base_w) * flow.end_s


@pytest.fixture
def tiny() -> dict[str, Any]:
    """Return the tiny scenario as a mapping of the test's own."""
    return deepcopy(TINY)


@pytest.fixture
def flow() -> Callable[..., Flow]:
    """Return the function that runs a scenario and checks what holds for every run."""
    return run_flow
