"""Data residency: requests go where they may, or the scenario is refused before the run."""

from __future__ import annotations

import pytest

from sim.errors import ScenarioError
from sim.simulate import load_scenario

POLICIES = (
    *("nearest", "least-loaded", "power-of-two", "tier-affinity", "cheapest", "carbon-aware"),
    *("power-headroom", "slo-aware", "edge-first", "spill-chain", "prefix-affinity"),
)


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_sends_a_request_where_it_may_not_go(tiny, flow, policy):
    tiny["routing"] = {"policy": policy, "spill_at": "5 %", "residency": {"south": ["metro"]}}
    tiny["tiers"]["premium"]["sites"] = ["far"]
    del tiny["tiers"]["standard"]["slo"]["e2e"]
    tiny["tiers"]["standard"]["slo"]["ttft"] = "5 s"
    tiny["traffic"]["chat"]["regions"] = {"north": "100 %"}
    tiny["traffic"]["local"] = {
        **tiny["traffic"]["chat"],
        "regions": {"south": "100 %"},
        "tiers": {"standard": "100 %"},
    }
    requests = flow(tiny, overrides=("run.duration=2 s",)).result.requests
    assert len(requests) > 100
    assert set(requests[requests["region"] == "south"]["site"]) == {"metro"}
    assert set(requests[requests["tier"] == "premium"]["site"]) == {"far"}


def test_a_tier_that_may_be_served_nowhere_is_refused_with_its_place(tiny):
    tiny["tiers"]["premium"]["sites"] = ["far"]
    tiny["routing"]["residency"] = {"south": ["metro"]}
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tiny)
    (problem,) = caught.value.problems
    assert problem.path == "traffic.chat.regions.south"
    assert "'premium' requests may not go to far or metro" in problem.got


def test_unknown_names_are_told_all_at_once(tiny):
    tiny["tiers"]["premium"]["sites"] = ["fra"]
    tiny["routing"]["residency"] = {"soth": ["metro"], "south": ["mitro"]}
    tiny["routing"]["chain"] = ["wet", "wett"]
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tiny)
    found = {problem.path: problem.hint for problem in caught.value.problems}
    assert found == {
        "tiers.premium.sites[0]": "did you mean 'far'?",
        "routing.residency.soth": "did you mean 'south'?",
        "routing.residency.south[0]": "did you mean 'metro'?",
        "routing.chain[1]": "did you mean 'wet'?",
    }
