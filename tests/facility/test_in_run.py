"""The facility beside real replicas: it changes nothing until something binds, then latency moves."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.collect import collect
from sim.facility.build.build import RunFacts, build_facility
from sim.facility.build.build_site import SitePlace
from sim.facility.facility import Facility
from sim.scenario.schema import facility as schema
from sim.serving.engine.engine import Speed
from sim.simulate import load_scenario
from sim.world import World

SCENARIO = {
    "version": 1,
    "name": "hall",
    "topology": {
        "name": "hall",
        "regions": {"here": {"lat": 50.0, "lon": 8.0}},
        "sites": {
            "dc": {
                "kind": "metro", "lat": 50.0, "lon": 8.6,
                "halls": {"h": {"rows": {"r": {"racks": {"type": "hgx-h100-air", "count": 1}}}}},
            }
        },
        "links": [{"from": "here", "to": "dc", "latency": "2 ms"}],
    },
    "tiers": {"all": {"slo": {"ttft": "1 s"}}},
    "traffic": {
        "chat": {
            "model": "llama-3.1-8b",
            "regions": {"here": "100 %"},
            "tiers": {"all": "100 %"},
            "arrivals": {"process": "poisson", "rate": "60 req/s"},
            "lengths": {"constant": {"input": "2000 tokens", "output": "60 tokens"}},
        }
    },
    "pools": {"p": {"site": "dc", "model": "llama-3.1-8b", "replicas": 8}},
    "run": {"duration": "40 s"},
}  # fmt: skip


class Hand:
    """What `sim.facility.ports.ServingControl` asks for, on a world's replicas."""

    def __init__(self, world):
        self._replicas = world.replicas
        self.calls = 0

    def set_pace(self, replica, pace):
        self.calls += 1
        self._replicas[replica].set_speed(Speed(*pace))

    def set_batch_share(self, replica, share):
        self.calls += 1
        most = self._replicas[replica].engine.max_num_seqs
        self._replicas[replica].set_max_num_seqs(max(1, int(share * most)))


def with_facility(row_limit=None, seed=3, **sections):
    """Run the hall with a facility; return time stamps, the facility and its hand."""
    data = copy.deepcopy(SCENARIO)
    if row_limit is not None:
        data["topology"]["sites"]["dc"]["halls"]["h"]["rows"]["r"]["power_limit"] = row_limit
    world = World(load_scenario(data), seed=seed)
    facts = RunFacts(
        urgency=np.zeros(8, dtype=int),
        idle_w=np.array([replica.engine.idle_w for replica in world.replicas]),
        places=(SitePlace(50.0, 8.6),),
        base_dir=Path(),
        duration_s=40.0,
    )
    settings = schema.Facility.model_validate(sections)
    parts = build_facility(settings, world.plant, world.meter, facts)
    hand = Hand(world)
    facility = Facility(
        parts, world.streams, hand, world.flush,
        lambda: not world.source.exhausted or world.recorder.count < world.source.emitted,
    )  # fmt: skip
    facility.start(world.clock)
    world.run(None, None)
    return stamps(world), facility, hand


def stamps(world):
    table = collect(world).requests
    return table.sort_values("request")[["queue_s", "ttft_s", "tpot_s", "e2e_s"]].to_numpy()


@pytest.fixture(scope="module")
def plain():
    world = World(load_scenario(SCENARIO), seed=3)
    world.run(None, None)
    return stamps(world)


@pytest.mark.parametrize("interval", ["1 s", "70 ms"])
def test_without_a_cap_latency_is_bit_equal(plain, interval):
    latency, facility, hand = with_facility(interval=interval)
    assert hand.calls == 0
    assert latency.tobytes() == plain.tobytes()
    assert facility.energy_report()["dc"]["pue"] > 1.0


def test_a_limit_that_does_not_bind_is_bit_equal_too(plain):
    latency, _, hand = with_facility("40 kW", control={"policy": "uniform"})
    assert hand.calls == 0
    assert latency.tobytes() == plain.tobytes()


def test_a_tighter_cap_never_lowers_ttft(plain):
    p99 = [np.quantile(plain[:, 1], 0.99)]
    for limit in ("14.5 kW", "13.5 kW", "12.5 kW"):
        latency, _, hand = with_facility(limit, control={"policy": "uniform"})
        assert hand.calls > 0
        p99.append(np.quantile(latency[:, 1], 0.99))
    assert all(tight >= wide * 0.99 for wide, tight in itertools.pairwise(p99))
    assert p99[-1] > 1.1 * p99[0]


TIGHT_KW, WIDER_KW = st.floats(12.0, 14.5), st.floats(1.0, 3.0)
POLICIES = st.sampled_from(["uniform", "steering", "priority"])


def check_that_a_tighter_cap_never_lowers_ttft(tight_kw, wider_kw, policy, seed):
    """Same arrivals and lengths under both caps, so what differs is the cap and who runs where.

    Noise is what a p99 of so many requests is off by: three standard errors of its rank. Requests
    queue behind each other, so caps closer than 1 kW differ by less than the real noise.
    """
    wide_s, tight_s = (
        with_facility(f"{kw} kW", seed, control={"policy": policy})[0][:, 1]
        for kw in (tight_kw + wider_kw, tight_kw)
    )
    rank = 0.99 - 3.0 * np.sqrt(0.99 * 0.01 / len(wide_s))
    assert np.quantile(tight_s, 0.99) >= np.quantile(wide_s, rank)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(tight=TIGHT_KW, wider=WIDER_KW, policy=POLICIES, seed=st.integers(0, 50))
def test_a_tighter_cap_never_lowers_ttft_p99(tight, wider, policy, seed):
    check_that_a_tighter_cap_never_lowers_ttft(tight, wider, policy, seed)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(tight=TIGHT_KW, wider=WIDER_KW, policy=POLICIES, seed=st.integers(0, 10_000))
def test_a_tighter_cap_never_lowers_ttft_p99_in_many_cases(tight, wider, policy, seed):
    check_that_a_tighter_cap_never_lowers_ttft(tight, wider, policy, seed)
