"""What a fleet costs: owned and rented accelerators, from the scenario to the summary."""

from __future__ import annotations

import pytest

from sim.cost.finance import annuity
from sim.simulate import load_scenario
from sim.world import World

# The catalogue's purchase price over five years at 9 %, a tenth of it left; all eight of the rack.
H100_USD_PER_H = annuity(27_500.0, 0.09, 5.0, 2_750.0) / 8766.0


def test_an_owned_accelerator_is_paid_for_busy_or_not(lab):
    lab.trace("gold", [(0, 4), (50, 10), (3000, 1)])
    run = lab.run("run.duration=1 h", "run.warmup=30 min")
    found = run.summary["cost"]["pools"]["near"]
    assert found["replica_hours"] == pytest.approx(0.5)
    assert found["accelerators_usd"] == pytest.approx(0.5 * H100_USD_PER_H)
    assert run.summary["cost"]["fleet_usd"] is None  # the grid of the site has no price


def test_a_rented_replica_is_paid_for_from_its_start_until_it_is_off_again(lab):
    """Off until 600 s; 5 s to start, answer until 610 s or so, 20 s more until it is let go.

    Looks every 10 s: enough is seen at 620, held for 20 s, switched off at 640.
    """
    cold = {"boot": "3 s", "weights": "1000 TB/s", "warmup": "2 s"}
    scaling = {"least": 0, "interval": "10 s", "hold": "20 s", "target": "100 %"}
    cost = {"basis": "rented", "accelerator": "36 USD/h"}
    lab.pool("near", cold_start=cold, autoscaling=scaling, cost=cost)
    lab.trace("gold", [(600, 9)])
    lab.trace("last", [(1000, 1)], tier="bulk")
    found = lab.run("run.warmup=100 s").summary["cost"]["pools"]["near"]
    first_s, last_s = 640.0 - 600.0, 5.0 + 1.0
    assert found["replica_hours"] * 3600.0 == pytest.approx(first_s + last_s, abs=0.01)
    assert found["accelerators_usd"] == pytest.approx((first_s + last_s) * 0.01, abs=1e-3)
    assert found["energy_usd"] == 0.0


def test_the_warm_up_is_not_paid_for(lab):
    scaling = {"least": 1, "interval": "10 s"}
    lab.pool("near", autoscaling=scaling, cost={"basis": "rented", "accelerator": "1 USD/h"})
    lab.trace("gold", [(0, 1), (7000, 1)])
    found = lab.run("run.duration=2 h", "run.warmup=1 h").summary["cost"]["pools"]["near"]
    assert found["replica_hours"] == pytest.approx(1.0)


@pytest.mark.parametrize(("usd_per_h", "chosen"), [(0.5, "rented"), (20.0, "own")])
def test_the_policy_compares_what_the_pools_are_paid_for(lab, usd_per_h, chosen):
    lab.scenario["routing"]["policy"] = "cheapest"
    lab.scenario["pools"] = {}
    lab.pool("own")
    lab.pool("rented", cost={"basis": "rented", "accelerator": f"{usd_per_h} USD/h"})
    lab.trace("gold", [(0, 1)])
    assert lab.run().column("pool") == [chosen]


def test_rent_of_the_catalogue_is_used_unless_the_pool_says_otherwise(lab):
    lab.pool("near", cost={"basis": "rented"})
    lab.trace("gold", [(0, 1)])
    world = World(load_scenario(lab.scenario, ["run.duration=1 h"]), 0)
    world.run(None, None)
    assert world.pools[0].usd_per_token == pytest.approx(2.95 / 3600.0)  # a token takes a second
