"""Model cascade: the small model first, and the large one where that was not good enough."""

from __future__ import annotations

import pytest

from sim.errors import ScenarioError
from sim.simulate import load_scenario

LARGE = "llama-3.1-70b"


@pytest.fixture
def cascade(lab):
    lab.pool("near", replicas=2)
    lab.pool("large", model=LARGE, replicas=2, tensor_parallel=4)
    lab.scenario["pools"]["large"]["step_time"]["a"] = "3 s"
    settings = {"model": LARGE, "small": "llama-3.1-8b", "escalation": "0 %"}
    lab.scenario["routing"]["cascade"] = settings
    lab.trace("gold", [(number * 20.0, 2) for number in range(50)], model=LARGE)
    return lab


def test_simple_requests_are_answered_by_the_small_model(cascade):
    run = cascade.run()
    assert set(run.column("model")) == {"llama-3.1-8b"}
    assert set(run.column("e2e_s")) == {2.0}
    assert run.summary["cascade"] == {
        "asked": 50,
        "tried_small": 50,
        "escalated": 0,
        "tried_share": 1.0,
        "escalated_share": 0.0,
    }


def test_an_escalated_request_waits_for_both_models_and_is_in_the_books_once(cascade):
    cascade.scenario["routing"]["cascade"]["escalation"] = "100 %"
    run = cascade.run()
    assert set(run.column("model")) == {LARGE}
    assert run.column("e2e_s") == pytest.approx([2.0 + 6.0] * 50)
    assert run.column("network_s") == pytest.approx([0.0] * 50)
    assert run.summary["cascade"]["escalated"] == 50
    assert run.summary["cascade"]["escalated_share"] == 1.0


def test_long_prompts_and_a_share_of_the_others_go_to_the_large_model_at_once(cascade):
    cascade.scenario["routing"]["cascade"].update(share="50 %", escalation="20 %")
    run = cascade.run()
    found = run.summary["cascade"]
    assert 12 <= found["tried_small"] <= 38
    assert 0 < found["escalated"] < found["tried_small"]
    small = run.result.requests["model"] == "llama-3.1-8b"
    assert small.sum() == found["tried_small"] - found["escalated"]


def test_a_small_model_that_nobody_serves_is_refused(cascade):
    cascade.scenario["pools"]["near"]["tiers"] = ["bulk"]
    with pytest.raises(ScenarioError) as caught:
        load_scenario(cascade.scenario)
    assert caught.value.problems[0].path == "routing.cascade.small"


def test_a_higher_escalation_rate_adds_to_the_same_hard_requests(cascade):
    """Common random numbers: what was too hard at 20 % is too hard at 60 %."""
    hard = {}
    for escalation in ("20 %", "60 %"):
        cascade.scenario["routing"]["cascade"]["escalation"] = escalation
        requests = cascade.run().result.requests
        hard[escalation] = set(requests["request"][requests["model"] == LARGE])
    assert hard["20 %"] < hard["60 %"]
