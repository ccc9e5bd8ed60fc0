"""Faults: what goes out of service, what becomes of the requests, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.simulate import load_scenario
from sim.world import World


def outage(**what):
    return {"at": "4.5 s", "lasting": "5 s", **what}


@pytest.mark.parametrize(
    "what", [{"sites": ["near"]}, {"pools": ["near"]}, {"racks": ["near/h/r/rack-01"]}]
)
def test_requests_of_a_site_that_fails_are_lost_and_new_ones_go_elsewhere(lab, what):
    """At 4.5 the near site goes down with one request running and one waiting; back at 9.5."""
    lab.pool("far", "far")
    lab.scenario["faults"] = {"outages": [outage(**what)]}
    lab.scenario["routing"]["policy"] = "spill-chain"
    lab.scenario["routing"]["chain"] = ["far", "near"]  # near takes what far has no room for
    lab.trace("gold", [(0, 20), (1, 10), (2, 1), (6, 1), (10, 1)])
    run = lab.run()
    assert run.column("site") == ["far", "near", "near", "far", "near"]
    assert run.column("status") == ["completed", "failed", "failed", "completed", "completed"]
    assert run.ends_s()[3] == 20.25 + 1.0 + 0.25  # waits at the only site that is up
    assert run.ends_s()[4] == 11.0
    assert run.summary["faults"]["by_kind"] == {"outage": 1}
    assert run.summary["unreachable"] == 0


@pytest.mark.parametrize(
    ("in_flight", "end_s", "first_s"),
    [("restart", 14.5, 5.5), ("resume", 10.5, 1.0)],
)
def test_a_request_starts_anew_or_goes_on_where_it_was(lab, in_flight, end_s, first_s):
    """Ten tokens from 0: at 4.5 four were shown. Anew: 10 s from 4.5. Resumed: the other six."""
    lab.pool("near", replicas=2)
    fault = outage(pools=["near"], replicas=1)
    lab.scenario["faults"] = {"in_flight": in_flight, "outages": [fault]}
    lab.trace("gold", [(0, 10)])
    run = lab.run()
    assert run.ends_s() == [end_s]
    assert run.column("ttft_s") == pytest.approx([first_s])
    assert run.summary["faults"]["failed_over"] == 1


def test_requests_may_be_lost_although_another_replica_is_there(lab):
    lab.pool("near", replicas=2)
    fault = outage(pools=["near"], replicas=1)
    lab.scenario["faults"] = {"in_flight": "lose", "outages": [fault]}
    lab.trace("gold", [(0, 10), (1, 5)])
    assert lab.run().column("status") == ["failed", "completed"]


def test_a_partition_makes_a_region_unreachable_and_that_is_counted(lab):
    lab.scenario["faults"] = {"outages": [outage(links=[{"from": "near", "to": "home"}])]}
    lab.trace("gold", [(0, 1), (5, 1), (6, 1), (9.5, 1)])
    run = lab.run()
    assert run.column("status") == ["completed", "failed", "failed", "completed"]
    assert run.summary["unreachable"] == 2


def test_a_link_that_is_cut_is_gone_around(lab):
    lab.scenario["topology"]["links"].append({"from": "near", "to": "far", "latency": "100 ms"})
    lab.scenario["faults"] = {"outages": [outage(links=[{"from": "home", "to": "near"}])]}
    lab.trace("gold", [(0, 1), (5, 1), (10, 1)])
    assert lab.run().column("network_s") == pytest.approx([0.0, 2 * 0.35, 0.0])


def test_outages_of_one_replica_may_overlap(lab):
    """Down from 4.5 to 9.5 and from 6 to 16: a request of 12 comes too early."""
    late = {"at": "6 s", "lasting": "10 s", "sites": ["near"]}
    lab.scenario["faults"] = {"outages": [outage(pools=["near"]), late]}
    lab.trace("gold", [(0, 1), (12, 1), (17, 1)])
    assert lab.run().column("status") == ["completed", "failed", "completed"]


def test_clients_carry_requests_over_an_outage(lab):
    lab.scenario["faults"] = {"outages": [outage(sites=["near"])]}
    backoff = {"first": "2 s", "jitter": False}
    lab.trace("gold", [(0, 10)], client={"retries": 5, "backoff": backoff})
    run = lab.run()
    assert run.column("status") == ["completed"]
    assert run.ends_s() == [20.5]  # lost at 4.5, refused at 6.5, served from 10.5


def test_spares_take_the_place_of_what_failed_after_a_cold_start(lab):
    cold = {"boot": "1 s", "weights": "1000 TB/s", "warmup": "0.5 s"}
    lab.pool("near", replicas=2, spares=1, cold_start=cold)
    lab.scenario["faults"] = {
        "outages": [{"at": "4.5 s", "lasting": "100 s", "pools": ["near"], "replicas": 1}]
    }
    lab.trace("gold", [(0, 1), (1, 1), (1, 1), (5, 1), (7, 1)])
    run = lab.run()
    assert run.column("replica")[:3] == [0, 0, 0]
    assert run.column("status") == ["completed"] * 3 + ["failed", "completed"]
    assert run.column("replica")[4] == 1
    assert run.summary["spares"] == {"near": 1}


def test_a_dead_replica_draws_nothing(lab):
    lab.scenario["faults"] = {"outages": [outage(sites=["near"])]}
    lab.trace("gold", [(0, 1), (20, 1)])
    run = lab.run()
    series = run.result.series
    site = series[(series["kind"] == "site") & (series["name"] == "near")]
    assert site["power_w"].min() < site["power_w"].iloc[0]


@pytest.mark.parametrize("of", ["accelerator", "node", "rack", "site", "link"])
def test_random_faults_come_as_often_as_they_should(lab, of):
    """A thousand mean times between failures: their number is Poisson, 4 sigma are allowed."""
    lab.pool("near", replicas=4)
    units = {"accelerator": 32, "node": 4, "rack": 2, "site": 1, "link": 1}[of]
    law = {"of": of, "mtbf": f"{100 * units} s", "mttr": "1 s", "sites": ["near"]}
    lab.scenario["faults"] = {"random": [law]}
    lab.trace("gold", [(number * 100.0, 1) for number in range(1000)])
    run = lab.run()
    counted = run.summary["faults"]["by_kind"][of]
    racks = lab_units(run.world, of)
    expected = 99_901.0 / (100 * units) * racks
    assert abs(counted - expected) < 4 * np.sqrt(expected)


def lab_units(world, of):
    plant = world.plant
    near = plant.rack_site == plant.site_names.index("near")
    nodes = near[plant.node_rack]
    return {
        "accelerator": int(plant.node_accelerators[nodes].sum()),
        "node": int(nodes.sum()),
        "rack": int(near.sum()),
        "site": 1,
        "link": 1,
    }[of]


def test_a_fault_may_take_its_rack_with_it(lab):
    lab.pool("near", replicas=4)
    law = {"of": "accelerator", "mtbf": "1 h", "mttr": "1 s", "sites": ["near"]}
    lab.trace("gold", [(number * 10.0, 1) for number in range(100)])
    lab.scenario["faults"] = {"random": [law]}
    alone = lab.run().summary["faults"]
    lab.scenario["faults"] = {"random": [{**law, "spreads": "100 %"}]}
    whole = lab.run().summary["faults"]
    assert alone["replica_faults"] <= alone["by_kind"]["accelerator"]
    assert whole["replica_faults"] > 2 * alone["replica_faults"]


def test_faults_to_come_do_not_keep_a_run_going(lab):
    lab.scenario["faults"] = {
        "outages": [{"at": "1 d", "sites": ["near"]}],
        "random": [{"of": "node", "mtbf": "10 d", "mttr": "1 d"}],
    }
    lab.trace("gold", [(0, 3)])
    assert lab.run().world.clock.now == 3.0


def test_names_that_do_not_exist_are_told_with_their_place(lab):
    lab.trace("gold", [(0, 1)])
    lab.scenario["faults"] = {
        "outages": [
            {
                "at": "1 s",
                "sites": ["neer"],
                "pools": ["x"],
                "links": [{"from": "near", "to": "far"}],
            }
        ],
        "random": [{"of": "rack", "mtbf": "1 h", "mttr": "1 s", "sites": ["fra"]}],
    }
    with pytest.raises(ScenarioError) as caught:
        load_scenario(lab.scenario)
    assert [problem.path for problem in caught.value.problems] == [
        "faults.outages[0].sites[0]",
        "faults.outages[0].pools[0]",
        "faults.outages[0].links[0]",
        "faults.random[0].sites[0]",
    ]


def test_a_rack_that_does_not_exist_is_told_with_the_nearest_one(lab):
    lab.trace("gold", [(0, 1)])
    lab.scenario["faults"] = {"outages": [{"at": "1 s", "racks": ["near/h/r/rack-1"]}]}
    with pytest.raises(ScenarioError) as caught:
        World(load_scenario(lab.scenario), 0)
    assert "near/h/r/rack-01" in caught.value.problems[0].hint
