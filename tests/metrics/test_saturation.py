"""Overload is said where a backlog grows for as long as requests come, and only there."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from sim import load_scenario, simulate
from sim.metrics.flow import PoolFlow
from sim.metrics.saturation import backlogs
from sim.report.verdict.findings import findings

STATUS = 1  # completed
RECORD = np.dtype(
    [
        ("pool", "i4"),
        ("queued_s", "f8"),
        ("admitted_s", "f8"),
        ("finished_s", "f8"),
        ("status", "i4"),
    ]
)


def flow_of(queued_s, admitted_s, width_s=1.0):
    """Return the flow of one pool from the times at which requests came and were admitted."""
    rows = np.zeros(len(queued_s), RECORD)
    rows["queued_s"], rows["admitted_s"] = queued_s, admitted_s
    rows["finished_s"], rows["status"] = np.asarray(admitted_s) + 1.0, STATUS
    flow = PoolFlow(1, width_s)
    flow.add(rows)
    flow.cover(float(np.max(admitted_s)) + 1.0)
    return flow


def served_in_turn(arrivals_s, service_s):
    """Return when a server with a fixed service time takes each arrival (Lindley)."""
    taken, free_s = [], 0.0
    for arrival_s in arrivals_s:
        taken.append(max(arrival_s, free_s))
        free_s = taken[-1] + service_s
    return np.array(taken)


@pytest.mark.parametrize("load", [1.05, 1.2, 2.0])
def test_a_server_with_more_than_it_can_do_is_marked(load):
    """D/D/1 above capacity: the queue grows by (load - 1) / load of the arrivals."""
    arrivals_s = np.arange(0.0, 400.0, 0.1)
    taken_s = served_in_turn(arrivals_s, load * 0.1)
    (found,) = backlogs(flow_of(arrivals_s, taken_s), ["p"], 0.0, 400.0)
    assert found.arrived_per_s == pytest.approx(10.0, rel=0.01)
    assert found.served_per_s == pytest.approx(10.0 / load, rel=0.02)
    assert found.last > found.first


@pytest.mark.parametrize("load", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("seed", range(10))
def test_a_server_within_its_capacity_is_not(load, seed):
    """M/D/1 below capacity: whatever its queue does, it comes back."""
    gaps_s = np.random.default_rng(seed).exponential(0.1, 4000)
    arrivals_s = np.cumsum(gaps_s)
    taken_s = served_in_turn(arrivals_s, load * 0.1)
    assert backlogs(flow_of(arrivals_s, taken_s), ["p"], 0.0, float(arrivals_s[-1])) == []


@pytest.mark.parametrize("load", [1.1, 1.3])
@pytest.mark.parametrize("seed", range(10))
def test_random_arrivals_above_capacity_are_marked(load, seed):
    gaps_s = np.random.default_rng(seed).exponential(0.1, 4000)
    arrivals_s = np.cumsum(gaps_s)
    taken_s = served_in_turn(arrivals_s, load * 0.1)
    assert backlogs(flow_of(arrivals_s, taken_s), ["p"], 0.0, float(arrivals_s[-1])) != []


def test_a_peak_that_is_over_is_no_overload():
    """Twice the capacity in the middle third, half of it before and after: the queue clears."""
    arrivals_s = np.concatenate(
        [np.arange(0, 100, 0.2), np.arange(100, 160, 0.05), np.arange(160, 400, 0.2)]
    )
    taken_s = served_in_turn(arrivals_s, 0.1)
    assert backlogs(flow_of(arrivals_s, taken_s), ["p"], 0.0, 400.0) == []


def test_a_run_too_short_for_a_trend_says_nothing():
    arrivals_s = np.arange(0.0, 4.0, 0.01)
    taken_s = served_in_turn(arrivals_s, 0.1)
    assert backlogs(flow_of(arrivals_s, taken_s), ["p"], 0.0, 4.0) == []


SCENARIO = {
    "version": 1,
    "name": "overload",
    "topology": {
        "name": "overload",
        "regions": {"here": {"lat": 50.0, "lon": 8.0}},
        "sites": {
            "dc": {
                "kind": "metro", "lat": 50.0, "lon": 8.6,
                "halls": {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air"}}}}},
            }
        },
        "links": [{"from": "here", "to": "dc", "latency": "2 ms"}],
    },
    "tiers": {"all": {"slo": {"ttft": "1 s"}, "target": "99 %"}},
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"here": "100 %"},
            "tiers": {"all": "100 %"},
            "arrivals": {"process": "poisson", "rate": "10 req/s"},
            "lengths": {"constant": {"input": "1000 tokens", "output": "200 tokens"}},
        }
    },
    "pools": {
        "p": {
            "site": "dc", "model": "llama-3.1-8b", "replicas": 1,
            "batching": {"max_num_seqs": 16},
        }
    },
    "run": {"duration": "2 min"},
}  # fmt: skip


def summary(rate):
    data = copy.deepcopy(SCENARIO)
    data["traffic"]["chat"]["arrivals"]["rate"] = f"{rate} req/s"
    return simulate(load_scenario(data)).summary


def test_a_run_above_its_capacity_says_so_first():
    """A replica that decodes 16 at about 8 ms a step serves about 10 of these a second."""
    calm, over = summary(5.0), summary(30.0)
    assert "saturated" not in calm
    assert "pool p" in over["saturated"]["why"]
    assert "grew" in findings(over)[0].words
    assert any("depend on how long the run was" in warning for warning in over["warnings"])
    assert over["saturated"]["pools"]["p"]["arrived_per_s"] == pytest.approx(30.0, rel=0.1)
