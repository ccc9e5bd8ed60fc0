"""Autoscaling: rules on loads given by hand, and replicas that start, rest and draw no power."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import PolicyError, ScenarioError
from sim.facility.metering.power_room import PowerRoom
from sim.fleet.scaling import SCALING_RULES, History, Load
from sim.scenario.schema.autoscaling import Autoscaling
from sim.simulate import load_scenario
from sim.world import World

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


def test_a_history_knows_the_mean_of_any_stretch_that_it_has_not_forgotten():
    past = History(length_s=100.0)
    for second in range(1000):
        past.add(float(second), 2 * second)
    assert past.mean(990.0, 993.0) == 1983.0
    assert past.mean(910.5, 911.5) == 1822.0
    assert past.mean(995.2, 995.8) is None
    assert past.mean(0.0, 500.0) is None


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


def test_those_that_still_start_are_called_off_first(lab):
    """Looks at 10, 20, ...: three are wanted from 10 on, one from 20 on; starts take 25 s."""
    plan = [{"at": f"{at} s", "replicas": n} for at, n in ((0, 3), (15, 1), (35, 2))]
    scaling = {"policy": "scheduled", "plan": plan, "interval": "10 s", "hold": "0 s"}
    cold = {"boot": "25 s", "weights": "1000 TB/s", "warmup": "0 s"}
    # The plan is read for the time at which a replica would be ready.
    for entry in plan:
        entry["at"] = f"{float(entry['at'][:-2]) + (25 if entry['at'] != '0 s' else 0)} s"
    lab.pool("near", replicas=3, autoscaling=scaling, cold_start=cold)
    lab.trace("gold", [(30, 1), (37, 1), (50, 20), (51, 1), (80, 1)])
    run = lab.run("output.series_interval=1 s")
    series = run.result.series
    near = series[(series["kind"] == "pool") & (series["name"] == "near")]
    serving = near.set_index("time_s")["in_service"]
    assert (serving.loc[:64] == 1).all()  # nobody came at 35
    assert (serving.loc[66:] == 2).all()  # but the one that was started again at 40
    assert run.summary["autoscaling"]["near"]["starts"] == 2 + 1


def test_the_room_for_a_start_is_what_the_meter_would_show_at_the_peak(lab):
    lab.pool("near", replicas=3)
    lab.pool("far", "far")
    lab.trace("gold", [(0, 1)])
    bounds = World(load_scenario(lab.scenario), 0).power_bounds()
    peak_w = bounds.peak_w[bounds.points.names.index("near")]
    for spare_w, holds in ((0.0, True), (-1.0, False)):
        lab.scenario["topology"]["sites"]["near"]["power_limit"] = f"{peak_w + spare_w} W"
        world = World(load_scenario(lab.scenario), 0)
        room = PowerRoom(world.plant, np.array([r.engine.prefill_w for r in world.replicas]))
        assert room.holds([0, 1], 2) == holds
        assert room.holds([0], 1)  # with one of them off
        assert room.holds([0, 1, 2], 3)  # the other site has no limit


@pytest.mark.parametrize(("limit", "starts", "refused"), [("2 kW", 0, True), ("50 kW", 2, False)])
def test_power_limits_keep_replicas_off(lab, limit, starts, refused):
    """Two racks of four servers draw well over 2 kW with nobody on."""
    plan = [{"at": "0 s", "replicas": 3}]
    scaling = {"policy": "scheduled", "plan": plan, "interval": "5 s"}
    lab.scenario["topology"]["sites"]["near"]["power_limit"] = limit
    lab.pool("near", replicas=3, autoscaling=scaling, cold_start=COLD)
    lab.trace("gold", [(0, 1), (60, 1)])
    report = lab.run().summary["autoscaling"]["near"]
    assert report["starts"] == starts
    assert (report["refused_starts"] > 0) == refused
    lab.scenario["pools"]["near"]["autoscaling"]["within_power"] = False
    assert lab.run().summary["autoscaling"]["near"]["starts"] == 2


@pytest.mark.parametrize("least", [0, 1])
def test_requests_go_elsewhere_while_nothing_of_a_scaled_pool_can_start(lab, least):
    """The near site is down from 4.5 to 9.5; a request held there would wait for that."""
    scaling = {"least": least, "first": 1, "interval": "2 s", "hold": "1 h"}
    lab.pool("near", replicas=2, autoscaling=scaling, cold_start=COLD)
    lab.pool("far", "far")
    lab.scenario["faults"] = {"outages": [{"at": "4.5 s", "lasting": "5 s", "sites": ["near"]}]}
    lab.trace("gold", [(0, 1), (6, 1), (20, 1)])
    run = lab.run()
    assert run.column("site") == ["near", "far", "near"]
    assert run.ends_s() == [1.0, 6 + 0.25 + 1 + 0.25, 21.0]


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


def test_a_rack_without_power_to_spare_starts_no_replica(lab):
    """Power is read once a minute; a limit below what the site draws leaves nothing."""
    lab.pool("near", replicas=3, autoscaling={"interval": "10 s"}, cold_start=COLD)
    lab.trace("gold", [(65, 200), (66, 200), (67, 200)])
    assert lab.run().summary["autoscaling"]["near"]["starts"] > 0
    lab.scenario["topology"]["sites"]["near"]["power_limit"] = "100 W"
    assert lab.run().summary["autoscaling"]["near"]["starts"] == 0


NEAR_ZERO = {"policy": "reactive", "least": 0, "first": 1, "interval": "5 s", "hold": "30 s"}


def test_a_pool_reaches_zero_after_the_last_request_and_is_paid_until_then(lab):
    """Busy to 20; the look at 20 finds it empty, that has to hold for 30 s: off at 50 of 600."""
    lab.pool("near", autoscaling=NEAR_ZERO, cold_start=COLD)
    lab.trace("gold", [(0, 20)])
    run = lab.run("run.duration=600 s")
    assert run.summary["autoscaling"]["near"]["replica_hours"] * 3600 == pytest.approx(50.0)


@pytest.mark.parametrize("hold", ["0 s", "5 s", "30 s", "120 s"])
@pytest.mark.parametrize("policy", ["reactive", "target-utilisation", "scheduled", "predictive"])
def test_a_start_that_a_request_woke_is_not_called_off_under_it(lab, policy, hold):
    """The cold start takes 50 s, so that every hold below it would call it off; it wakes once."""
    scaling = {**NEAR_ZERO, "policy": policy, "hold": hold}
    if policy == "scheduled":
        scaling["plan"] = [{"at": "0 s", "replicas": 0}]
    cold = {"boot": "50 s", "weights": "1000 TB/s", "warmup": "0 s"}
    many = {"max_num_seqs": 64}
    lab.pool("near", replicas=2, autoscaling=scaling, cold_start=cold, batching=many)
    lab.trace("gold", [(0, 1), (595, 1)])
    run = lab.run("run.duration=600 s")
    np.testing.assert_allclose(run.ends_s(), [1.0, 646.0], atol=0.1)
    assert run.summary["autoscaling"]["near"]["starts"] == 1
