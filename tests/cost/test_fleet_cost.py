"""What the fleet costs: accelerators by the hour, a share of the site's energy, egress."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sim.cost.fleet_cost import FleetUse, PoolUse, fleet_cost

OWN = PoolUse(
    name="own",
    site=0,
    replica_h=10.0,
    accelerators=2,
    usd_per_h=0.5,
    pays_energy=True,
    accelerator_j=3e6,
    output_tokens=4e6,
)
RENTED = replace(
    OWN, name="rented", usd_per_h=3.0, pays_energy=False, accelerator_j=1e6, output_tokens=1e6
)


def test_an_owned_pool_pays_its_hours_and_its_part_of_the_energy_of_its_site():
    """10 h x 2 x 0.5 USD = 10 USD, and three quarters of 8 USD of energy, for 4 Mtoken."""
    own = fleet_cost(FleetUse([OWN, RENTED], 0.0), [8.0], 4)["pools"]["own"]
    assert own["accelerators_usd"] == pytest.approx(10.0)
    assert own["energy_usd"] == pytest.approx(6.0)
    assert own["usd_per_mtoken"] == pytest.approx(16.0 / 4.0)


def test_rent_has_the_energy_in_it():
    rented = fleet_cost(FleetUse([OWN, RENTED], 0.0), [8.0], 4)["pools"]["rented"]
    assert (rented["accelerators_usd"], rented["energy_usd"]) == (60.0, 0.0)


def test_the_fleet_is_the_sum_of_its_pools_egress_and_sites_without_a_pool():
    found = fleet_cost(FleetUse([OWN, RENTED], 1.5), [8.0, 2.0], 4)
    assert found["fleet_usd"] == pytest.approx(16.0 + 60.0 + 1.5 + 2.0)
    assert found["fleet_usd_per_request"] == pytest.approx(79.5 / 4)
    assert found["fleet_usd_per_mtoken"] == pytest.approx(79.5 / 5.0)


def test_what_has_no_price_makes_the_sum_unknown_and_not_cheap():
    unknown = fleet_cost(FleetUse([replace(OWN, usd_per_h=math.inf)], 0.0), [8.0], 4)
    assert math.isinf(unknown["fleet_usd"])
    assert math.isnan(fleet_cost(FleetUse([OWN], 0.0), [None], 4)["fleet_usd"])
    assert fleet_cost(FleetUse([replace(OWN, replica_h=0.0, usd_per_h=math.inf)], 0.0), [0.0], 4)[
        "fleet_usd"
    ] == pytest.approx(0.0)
