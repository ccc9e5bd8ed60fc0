"""Autoscaling: rules on loads given by hand, and replicas that start, rest and draw no power."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import PolicyError, ScenarioError
from sim.scenario.schema_autoscaling import Autoscaling
from sim.serving.scaling import SCALING_RULES, Load
from sim.simulate import World, load_scenario

COLD = {"boot": "3 s", "weights": "1000 TB/s", "warmup": "2 s"}  # 5 s and a hair


def rule(name, lead_s=60.0, **settings):
    section = Autoscaling.model_validate({"policy": name, **settings})
    return SCALING_RULES.get(name)(section, lead_s)


def test_reactive_goes_one_by_one():
    wanted = rule("reactive", up_at="80 %", down_at="30 %").wanted
    assert wanted(Load(0.0, outstanding=9, on=1, slots=10)) == 2
    assert wanted(Load(0.0, outstanding=8, on=1, slots=10)) == 1
    assert wanted(Load(0.0, outstanding=5, on=2, slots=10)) == 1
    assert wanted(Load(0.0, outstanding=60, on=2, slots=10)) == 3


def test_target_utilisation_asks_for_what_the_load_needs():
    wanted = rule("target-utilisation", target="50 %").wanted
    assert [wanted(Load(0.0, load, 1, 10)) for load in (0, 5, 6, 50)] == [0, 1, 2, 10]


def test_scheduled_looks_ahead_by_the_cold_start_and_repeats():
    plan = [{"at": "0 s", "replicas": 1}, {"at": "8 h", "replicas": 5}]
    wanted = rule("scheduled", lead_s=600.0, plan=plan, repeat_after="1 d").wanted
    hour = 3600.0
    times_s = (7.8 * hour, 7.9 * hour, 23.8 * hour, 23.9 * hour, 32.0 * hour)
    assert [wanted(Load(time_s, 0, 1, 10)) for time_s in times_s] == [1, 5, 5, 1, 5]


def test_predictive_sees_yesterdays_peak_coming():
    """A day of 100 minutes with a step from 5 to 50 at minute 50; the lead is 10 minutes."""
    minute = 60.0
    scale = rule("predictive", lead_s=10 * minute, season="6000 s", target="50 %")
    found = {}
    for step in range(200):
        load = 50 if step % 100 >= 50 else 5
        found[step] = scale.wanted(Load(step * minute, load, 1, 10))
    assert found[40] == 1  # first day: nobody knows
    assert found[50] == 15  # and a rise goes on in its line
    assert found[130] == 1
    assert found[146] >= 5  # second day: known ten minutes ahead
    assert found[149] == 10


def test_a_replica_serves_after_its_cold_start_and_rests_when_it_is_not_needed(lab):
    """Looks every 10 s. At 10: 3 requests for one replica, two more start and serve from 15.

    From 20 on one is enough; that has to hold for 20 s, so two are switched off at 40.
    """
    scaling = {"interval": "10 s", "target": "100 %", "hold": "20 s"}
    lab.pool("near", replicas=3, autoscaling=scaling, cold_start=COLD, queue={"scope": "pool"})
    lab.trace("gold", [(0, 14), (1, 2), (2, 2), (30, 1), (60, 1)])
    run = lab.run()
    np.testing.assert_allclose(run.ends_s(), [14.0, 16.0, 17.0, 31.0, 61.0], atol=0.01)
    report = run.summary["autoscaling"]["near"]
    assert report["starts"] == 2
    assert report["replica_hours"] * 3600 == pytest.approx(61.0 + 2 * (40.0 - 10.0), abs=0.1)


def test_a_request_wakes_a_pool_that_was_scaled_to_zero(lab):
    scaling = {"least": 0, "interval": "10 s", "hold": "0 s"}
    lab.pool("near", autoscaling=scaling, cold_start=COLD)
    lab.trace("gold", [(0.5, 1), (40, 1), (41, 1)])
    run = lab.run()
    np.testing.assert_allclose(run.ends_s(), [6.5, 46.0, 47.0], atol=0.01)
    assert run.summary["autoscaling"]["near"]["starts"] == 2


def test_a_replica_that_is_off_draws_no_accelerator_power(lab):
    """Four replicas of 100 W when idle behind a power supply: one on, three off."""
    lab.pool("near", replicas=4)
    lab.trace("gold", [(0, 1), (1000, 1)])
    all_on = lab.run().summary["energy"]["it_kwh"]
    lab.scenario["pools"]["near"]["autoscaling"] = {"hold": "0 s"}
    one_on = lab.run().summary["energy"]["it_kwh"]
    saved_j = (all_on - one_on) * 3.6e6
    assert 3 * 100.0 * 1000 <= saved_j <= 1.25 * 3 * 100.0 * 1000


@pytest.mark.parametrize("scope", ["replica", "pool"])
def test_a_replica_that_is_switched_off_finishes_its_requests(lab, scope):
    scaling = {
        "first": 2,
        "interval": "2 s",
        "hold": "0 s",
        "target": "100 %",
        "policy": "scheduled",
    }
    scaling["plan"] = [{"at": "0 s", "replicas": 1}]
    lab.pool("near", replicas=2, autoscaling=scaling, queue={"scope": scope}, cold_start=COLD)
    lab.trace("gold", [(0, 9), (0, 9), (1, 1), (1, 1)])
    run = lab.run()
    assert run.column("status") == ["completed"] * 4
    assert sorted(run.ends_s()) == [9.0, 9.0, 10.0, 11.0]  # those that waited go to the other one


def test_looking_at_the_load_does_not_keep_a_run_going(lab):
    lab.pool("near", autoscaling={"interval": "7 s"})
    lab.trace("gold", [(0, 3)])
    assert lab.run().world.clock.now == 3.0


def test_a_cold_start_takes_as_long_as_the_weights_take_to_come(lab):
    """8.03 billion parameters of two bytes at 2 GB/s: 8 s, and 30 + 10 s for boot and warm-up."""
    lab.pool("near", autoscaling={"least": 0})
    lab.trace("gold", [(1, 1)])
    assert lab.run().ends_s()[0] == pytest.approx(1 + 30 + 8.03 + 10 + 1, abs=0.1)


def test_an_unknown_rule_names_the_known_ones(lab):
    lab.pool("near", autoscaling={"policy": "predictiv"})
    lab.trace("gold", [(0, 1)])
    with pytest.raises(PolicyError) as caught:
        World(load_scenario(lab.scenario), 0)
    assert "did you mean 'predictive'?" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"autoscaling": {"policy": "scheduled"}}, "autoscaling"),
        ({"autoscaling": {"up_at": "20 %"}}, "autoscaling"),
        ({"autoscaling": {}, "spares": 1, "replicas": 2}, "spares"),
        ({"spares": 1}, "spares"),
    ],
)
def test_what_does_not_fit_together_is_refused(lab, settings, key):
    lab.pool("near", **settings)
    lab.trace("gold", [(0, 1)])
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    assert [problem.path for problem in caught.value.problems] == [f"pools.near.{key}"]
