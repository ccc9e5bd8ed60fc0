"""What the fleet and its pools cost in the window: cuts of the ledger, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.cost.fleet_cost import PoolUse, fleet_cost
from sim.cost.ledger import Entry, Ledger, Work

OWN = PoolUse("own", 0, 10.0, 2, 0.5, pays_energy=True, accelerator_j=3e6, output_tokens=4e6)
RENTED = replace(OWN, name="rented", pays_energy=False, accelerator_j=1e6, output_tokens=1e6)
WORKS = (
    Work("own", "dc", 2, site_share=0.25, bought_share=0.25, energy_share=0.75),
    Work("rented", "dc", 2, site_share=0.25, bought_share=0.25, energy_share=0.25),
)
ENTRIES = (
    Entry("capital", "accelerators", 4.0, "dc"),
    Entry("operating", "rent", 6.0, pool="rented"),
    Entry("operating", "energy", 0.8, "dc"),
    Entry("operating", "egress", 0.15),
    Entry("income", "tokens", 50.0),
)


def figures(*entries):
    return fleet_cost(Ledger(entries or ENTRIES, WORKS, 10.0, 5e6, 4), [OWN, RENTED])


def test_a_pool_pays_its_accelerators_its_energy_and_its_part_of_what_all_share():
    """A quarter of 4 USD/h, three quarters of 0.8, half of 0.15, over ten hours, for 4 Mtoken."""
    own = figures()["pools"]["own"]
    assert own["accelerators_usd"] == pytest.approx(10.0)
    assert own["energy_usd"] == pytest.approx(6.0)
    assert own["usd"] == pytest.approx(10.0 + 6.0 + 0.75)
    assert own["usd_per_mtoken"] == pytest.approx(16.75 / 4.0)


def test_rent_belongs_to_its_pool():
    rented = figures()["pools"]["rented"]
    assert rented["accelerators_usd"] == pytest.approx(10.0 + 60.0)


def test_the_fleet_is_all_that_is_spent_placed_or_not():
    found = figures()
    assert found["fleet_usd"] == pytest.approx(10.0 * (4.0 + 6.0 + 0.8 + 0.15))
    assert found["fleet_usd_per_request"] == pytest.approx(109.5 / 4)
    assert found["usd_per_mtoken"] == found["fleet_usd_per_mtoken"] == pytest.approx(109.5 / 5.0)


def test_what_has_no_price_makes_the_sum_unknown_and_not_cheap():
    found = figures(Entry("capital", "accelerators", None, "dc"), *ENTRIES[1:])
    assert found["fleet_usd"] is found["usd_per_mtoken"] is found["pools"]["own"]["usd"] is None
    assert found["pools"]["own"]["energy_usd"] == pytest.approx(6.0)
