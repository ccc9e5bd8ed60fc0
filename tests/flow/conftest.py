"""A tiny scenario that runs in milliseconds, and runs that check what must hold for every run."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.collect import collect
from sim.facility.metering.meter import PowerMeter
from sim.interfaces import STATUS_NAMES
from sim.metrics.activity import BATCH, OUTPUT_TOKENS
from sim.result import Result
from sim.simulate import load_scenario
from sim.world import World

if TYPE_CHECKING:
    import pandas as pd

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
                "from": "north",
                "to": "metro",
                "latency": "5 ms",
                "jitter": "0.5 ms",
                "bandwidth": "100 Mbps",
                "egress": "0.01 USD/GB",
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
    """A run that is over: the world as it was left, its outcome, and what was seen on the way."""

    world: World
    result: Result
    watch: Watch

    @property
    def end_s(self) -> float:
        return self.world.clock.now

    @property
    def rows(self) -> np.ndarray:
        """The activity rows of the whole run."""
        return np.concatenate(self.watch.rows)


class Watch:
    """Stands beside a world: looks at it before and after each event, keeps its activity rows.

    ``in_pools_s`` and ``waiting_s`` are the integrals over time of the number of requests that
    are in some pool, and of those that wait in a queue.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.in_pools_s = self.waiting_s = 0.0
        self.rows: list[np.ndarray] = []
        self.advance, self.meter = world.clock.advance, world.meter.advance
        world.clock.advance = self.step_by_step  # type: ignore[method-assign]
        world.meter.advance = self.keep_rows  # type: ignore[method-assign]

    def step_by_step(self, until_s: float, events: int) -> bool:
        world = self.world
        for _ in range(events):
            before_s = world.clock.now
            in_pools = sum(pool.outstanding for pool in world.pools)
            in_pools -= len(world.router.unfinished())
            waiting = sum(pool.waiting() for pool in world.pools)
            assert in_pools >= waiting >= 0
            more = self.advance(until_s, 1)
            passed_s = world.clock.now - before_s
            assert passed_s >= 0.0, "time runs back"
            self.in_pools_s += in_pools * passed_s
            self.waiting_s += waiting * passed_s
            if not more:
                return False
        return True

    def keep_rows(self, rows: np.ndarray, until_s: float) -> None:
        self.rows.append(rows.copy())
        self.meter(rows, until_s)


def run_flow(scenario: Any, seed: int = 0, overrides: tuple[str, ...] = (), **options: Any) -> Flow:
    """Run a mapping or a loaded scenario and check everything that holds for every run."""
    stop = options.pop("stop", None)
    loaded = load_scenario(scenario, overrides) if isinstance(scenario, dict) else scenario
    world = World(loaded, seed, **options)
    watch = Watch(world)
    world.run(None, stop)
    flow = Flow(world, collect(world), watch)
    check_conservation(flow)
    check_timeline(flow)
    check_activity(flow)
    check_little(flow)
    check_energy(flow)
    check_power(flow)
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

    One side is what was seen at each event, or what replicas and queues say over time; the other
    is what requests say of themselves. It needs runs in which everybody leaves.
    """
    requests = flow.result.requests
    if flow.result.summary["requests"]["in_flight"]:
        return
    done = requests[requests["status"] == "completed"]
    close = partial(pytest.approx, rel=1e-9, abs=1e-6)
    in_pools_s = (done["e2e_s"] - done["network_s"]).sum()
    assert flow.watch.in_pools_s == close(in_pools_s)
    if any(pool.hand_over for pool in flow.world.scenario.pools.values()):
        check_phases(flow, done)
        return
    if not done["preemptions"].any():  # otherwise somebody waits a second time
        assert flow.watch.waiting_s == close(done["queue_s"].sum())
    if not flow.world.scenario.run.warmup_s:
        for index, name in enumerate(flow.world.names.pools):
            check_little_of_pool(flow, index, done[done["pool"] == name])


def check_phases(flow: Flow, done: pd.DataFrame) -> None:
    """With prefill and decode apart a request is in two pools, on a link and in a second queue."""
    series, close = flow.world.series, partial(pytest.approx, rel=1e-9, abs=1e-6)
    assert flow.watch.waiting_s >= done["queue_s"].sum() - 1e-6
    if flow.world.scenario.run.warmup_s:
        return
    spent_s = (done["e2e_s"] - done["network_s"] - done["queue_s"]).sum()
    assert series.totals[BATCH].sum() <= spent_s + 1e-6
    assert series.totals[OUTPUT_TOKENS].sum() == close(done["output_tokens"].sum())


def check_little_of_pool(flow: Flow, index: int, done: pd.DataFrame) -> None:
    """What a pool's replicas and the series say, against its completed requests."""
    world, series = flow.world, flow.result.series
    close = partial(pytest.approx, rel=1e-9, abs=1e-6)
    batch_s = float(world.series.totals[BATCH, index])
    spent_s = (done["e2e_s"] - done["network_s"] - done["queue_s"]).sum()
    assert batch_s <= spent_s + 1e-6
    assert done["preemptions"].any() or batch_s == close(spent_s)
    answered = world.series.totals[OUTPUT_TOKENS, index]
    assert answered == close(done["output_tokens"].sum())
    lengths_s = np.diff([*world.series.bins.starts_s(), flow.end_s])
    shown = series[(series["kind"] == "pool") & (series["name"] == world.names.pools[index])]
    assert (shown["queue"] * lengths_s).sum() == close(done["queue_s"].sum())
    assert (shown["batch"] * lengths_s).sum() * world.pools[index].replicas == close(batch_s)
    assert (shown["requests_per_s"] * lengths_s).sum() == close(len(done))
    assert shown["busy"].between(0.0, 1.0 + 1e-9).all()


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


def check_power(flow: Flow) -> None:
    """Nothing ever draws more than all of its accelerators at their peak, or less than idle."""
    world = flow.world
    engines = [replica.engine for replica in world.replicas]
    highest = [max(engine.prefill_w, *engine.decode_w) for engine in engines]
    lowest = [min(engine.prefill_w, *engine.decode_w) for engine in engines]
    peak_w, idle_w = (plant_power_w(world, watts) for watts in (highest, lowest))
    if flow.end_s > 0.0:
        assert np.all(world.meter.peak_w <= peak_w * (1 + 1e-9))
        assert np.all(world.meter.total_j >= idle_w * flow.end_s * (1 - 1e-9))


def plant_power_w(world: World, replica_w: list[float]) -> np.ndarray:
    """Return the power of every metered point [W] while the replicas draw this much each."""
    meter = PowerMeter(world.plant)
    rows = np.zeros((len(replica_w), 8))
    rows[:, 0], rows[:, 2], rows[:, 3] = np.arange(len(replica_w)), 1.0, replica_w
    meter.advance(rows, 1.0)
    return meter.power_w


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
