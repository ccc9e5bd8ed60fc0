"""Every placement policy on two sites: who serves which request, and until when, worked out by hand.

Two replicas of one request at each site, a second per token; ``near`` is at the front door and
``far`` 0.25 s away. Requests come at 0, 1 and 2 s with answers of 5, 5 and 1 tokens. At ``near``
they end after 5, 5 and 1 s, at ``far`` half a second later.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.collect import collect
from sim.routing.policies import PLACEMENTS, PolicySettings, PowerOfTwo
from sim.simulate import load_scenario
from sim.world import World

REQUESTS = [(0, 5), (1, 5), (2, 1)]
NEAR_NEAR_FAR = (["near", "near", "far"], [5.0, 6.0, 3.5])
NEAR_FAR_NEAR = (["near", "far", "near"], [5.0, 6.5, 3.0])
FAR_FAR_NEAR = (["far", "far", "near"], [5.5, 6.5, 3.0])
DRAWN = "power-of-two"

TIMELINES = {
    "nearest": NEAR_NEAR_FAR,  # near has room for two
    "least-loaded": NEAR_FAR_NEAR,  # 0 and 0: the nearest; 1/2 and 0; 1/2 and 1/2
    DRAWN: NEAR_FAR_NEAR,  # draws near and far, far and near, near twice
    "tier-affinity": FAR_FAR_NEAR,  # the first tier goes to liquid cooling while it has room
    "prefix-affinity": NEAR_NEAR_FAR,  # as nearest while nobody comes back
    "cheapest": FAR_FAR_NEAR,  # 0.069 against 0.12 USD/kWh and more
    "carbon-aware": NEAR_NEAR_FAR,  # 50 g/kWh and less against more than 400
    "power-headroom": NEAR_NEAR_FAR,  # nothing measured yet: the nearest of equals
    "slo-aware": NEAR_FAR_NEAR,  # see below
    "edge-first": FAR_FAR_NEAR,  # far is an edge site
    "spill-chain": FAR_FAR_NEAR,  # the chain says so
}
"""slo-aware, first token within 3 s: a step and a prompt take 1 s each. The second request would
wait for half a place at ``near``, 2.5 s more, and has 0.5 + 2 s at ``far``. The third one is late
at both, and sooner at ``near``."""


@pytest.fixture
def two_sites(lab):
    sites = lab.scenario["topology"]["sites"]
    sites["near"]["region_data"], sites["far"]["region_data"] = "france", "us-iowa"
    sites["far"]["kind"] = "edge"
    sites["far"]["halls"] = {
        "h": {"rows": {"r": {"racks": {"type": "hgx-h100-liquid", "count": 2}}}},
    }
    lab.scenario["tiers"]["gold"]["slo"]["ttft"] = "3 s"
    lab.pool("near", replicas=2)
    lab.pool("far", "far", replicas=2)
    lab.scenario["routing"]["chain"] = ["far", "near"]
    lab.trace("gold", REQUESTS)
    return lab


@pytest.mark.parametrize("policy", sorted(TIMELINES))
def test_the_timeline_of_a_policy(two_sites, approx, policy):
    two_sites.scenario["routing"]["policy"] = policy
    pools, ends_s = TIMELINES[policy]
    drawn = None
    if policy == DRAWN:
        draws = iter([0.1, 0.6, 0.6, 0.1, 0.1, 0.2]).__next__
        drawn = PowerOfTwo(PolicySettings(spill_at=1.0, uniform=draws))
    world = World(load_scenario(two_sites.scenario), 0, policy=drawn)
    world.run(None, None)
    requests = collect(world).requests
    assert requests["pool"].tolist() == pools
    assert (requests["arrival_s"] + requests["e2e_s"]).tolist() == approx(ends_s)


def test_every_shipped_policy_has_a_timeline():
    shipped = {name for name in PLACEMENTS.names() if not name.startswith("test-")}
    assert shipped == set(TIMELINES)


def test_a_conversation_returns_to_its_pool(two_sites):
    """Turns of a second with 3 s between them; strangers fill ``near`` meanwhile, then leave."""
    two_sites.scenario["traffic"].clear()
    two_sites.trace("crowd", [(0, 4), (0, 4)])
    dialogue = {
        "turns": {"least": 3, "most": 3},
        "first_input": {"mean": "1 tokens", "cv": 0.001},
        "new_input": {"mean": "1 tokens", "cv": 0.001},
        "output": {"mean": "1 tokens", "cv": 0.001},
        "think": {"mean": "3 s", "cv": 0.001},
    }
    start = {
        "process": "table",
        "points": [
            {"at": "0 s", "rate": "0 req/s"},
            {"at": "1 s", "rate": "3000 req/s"},
            {"at": "1.001 s", "rate": "0 req/s"},
        ],
    }
    two_sites.traffic("talk", sessions={"starts": start, "dialogue": dialogue})
    two_sites.scenario["routing"]["policy"] = "prefix-affinity"
    two_sites.pool("far", "far", replicas=8)
    requests = two_sites.run("run.duration=20 s").result.requests
    talk = requests["pool"][requests["arrival_s"] > 0.0]
    assert len(talk) == 3
    assert set(talk) == {"far"}  # also when near is empty again


def test_power_headroom_avoids_the_site_that_is_near_its_limit(two_sites, approx):
    """Both idle alike; ``near`` may draw little more than that. The first reading comes at 5 s."""
    sites = two_sites.scenario["topology"]["sites"]
    two_sites.scenario["traffic"].clear()
    two_sites.trace("gold", [(0, 2), (6, 2)])
    two_sites.scenario["routing"]["policy"] = "power-headroom"
    idle_kw = two_sites.run().summary["power"]["near"]["peak_kw"]
    sites["near"]["power_limit"] = f"{1.05 * idle_kw} kW"
    sites["far"]["power_limit"] = "10 MW"
    run = two_sites.run()
    assert run.column("pool") == ["near", "far"]
    assert run.world.pools[0].headroom < 0.2 < run.world.pools[1].headroom


POLICIES = sorted(set(TIMELINES))
allowed_sites = st.sampled_from([["near"], ["far"], ["near", "far"]])


@given(
    policy=st.sampled_from(POLICIES),
    residency=allowed_sites,
    gold=allowed_sites,
    spill_at=st.sampled_from(["5 %", "50 %", "100 %"]),
    outage=st.sampled_from([None, {"sites": ["near"]}, {"links": [{"from": "home", "to": "far"}]}]),
    seed=st.integers(0, 99),
)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nobody_is_served_where_the_law_forbids_it(
    two_sites, policy, residency, gold, spill_at, outage, seed
):
    """Whatever the policy and whatever fails; who may go nowhere then fails, and is counted."""
    if not set(residency) & set(gold):
        gold = residency
    scenario = two_sites.scenario
    scenario["tiers"]["gold"]["sites"] = gold
    scenario["routing"].update(
        policy=policy, spill_at=spill_at, residency={"home": residency}, telemetry="1 s"
    )
    scenario["traffic"].clear()
    two_sites.traffic(
        "many",
        arrivals={"process": "poisson", "rate": "2 req/s"},
        lengths={"constant": {"input": "1 tokens", "output": "2 tokens"}},
        tiers={"gold": 0.5, "bulk": 0.5},
    )
    scenario["faults"] = None
    if outage:
        at = {"at": "3 s", "lasting": "4 s"}
        scenario["faults"] = {"outages": [{**at, **outage}], "in_flight": "restart"}
    requests = two_sites.run("run.duration=10 s", seed=seed).result.requests
    sent = requests[requests["site"].notna()]
    assert set(sent["site"]) <= set(residency)
    assert set(sent["site"][sent["tier"] == "gold"]) <= set(gold)
    nowhere = requests[requests["site"].isna()]
    assert set(nowhere["status"]) <= {"failed"}
    if outage is None:
        assert len(nowhere) == 0
