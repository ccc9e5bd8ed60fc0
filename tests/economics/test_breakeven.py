"""Break-even in closed form, against bills that are added up token by token."""

from __future__ import annotations

import numpy as np
import pytest

from sim.cost.finance import annuity
from sim.economics.breakeven import (
    Way,
    api_way,
    fleet_way,
    flip,
    months_to_repay,
    rent_by_the_hour_use,
)
from sim.economics.fleet import Unit
from sim.economics.projection import DAYS_PER_MONTH


def way(step_tokens, step_usd, token_usd=0.0, outlay=0.0, cash=0.0):
    return Way("fleet", *(np.array([v]) for v in (step_tokens, step_usd, token_usd, outlay, cash)))


@pytest.mark.parametrize("step_usd", [10.0, 45.0, 70.0, 95.0])
def test_a_fleet_stays_cheaper_from_where_it_flips(step_usd):
    """Bills of both at every whole number of tokens agree with the closed form."""
    fleet, api = way(100.0, step_usd, 0.1), api_way("api", 1.1, 1)
    found = flip(fleet, api)
    tokens = np.arange(1.0, 20000.0)
    cheaper = np.array(
        [fleet.usd_per_month(t / DAYS_PER_MONTH)[0] < api.usd_per_month(t / DAYS_PER_MONTH)[0]
         for t in tokens]
    )  # fmt: skip
    first = tokens[np.argmax(cheaper)]
    lasting = tokens[len(tokens) - np.argmin(cheaper[::-1])] if not cheaper.all() else 1.0
    assert found.first_per_day[0] * DAYS_PER_MONTH == pytest.approx(first, abs=1.01)
    assert found.lasting_per_day[0] * DAYS_PER_MONTH == pytest.approx(lasting, abs=1.01)
    assert found.use[0] == pytest.approx(step_usd / 100.0, rel=1e-12)


def test_a_fleet_that_is_dear_even_when_full_never_flips():
    for fleet in (way(100.0, 120.0), way(100.0, 10.0, 1.5)):
        found = flip(fleet, api_way("api", 1.1, 1))
        assert np.isinf(found.first_per_day[0])
        assert np.isinf(found.lasting_per_day[0])
        assert found.use[0] > 1.0


UNIT = Unit(
    chip="a",
    month=0,
    group=4,
    tokens_per_month=1000.0,
    idle_w=100.0,
    full_w=300.0,
    rated_w=400.0,
    it_usd={"accelerators": 100.0, "servers": 20.0},
    hall_usd={"power": 30.0, "land": 6.0},
    upkeep_usd={"people": 2.0},
    usd_per_kwh=0.1,
)
VALUES = {
    name: np.array([value])
    for name, value in {
        "cost_of_capital": 0.08,
        "it_life_y": 5.0,
        "it_residual": 0.1,
        "facility_life_y": 14.0,
        "usd_per_kwh": 0.1,
        "step_time": 1.25,
    }.items()
}


def test_a_replica_costs_its_annuities_upkeep_and_idle_power():
    found = fleet_way("owned", UNIT, VALUES, 0.5)
    capital = annuity(120.0, 0.08, 5.0, 12.0) + annuity(30.0, 0.08, 14.0) + 6.0 * 0.08
    cash = 2.0 + 0.1 * 730.5 * 0.1
    assert found.step_tokens[0] == 4 * 0.5 * 1000.0 / 1.25
    assert found.step_usd[0] == pytest.approx(4 * (capital / 12.0 + cash), rel=1e-12)
    assert found.token_usd[0] == pytest.approx(0.2 * 730.5 * 0.1 / 800.0, rel=1e-12)
    assert found.outlay_usd[0] == pytest.approx(4 * 156.0)


def test_owning_pays_above_the_share_of_hours_that_rent_costs_as_much():
    owned, rented = way(100.0, 40.0, 0.1), way(100.0, 90.0)
    use = rent_by_the_hour_use(owned, rented)[0]
    assert use * 90.0 == pytest.approx(40.0 + use * 100.0 * 0.1, rel=1e-12)
    assert np.isinf(rent_by_the_hour_use(owned, way(100.0, 5.0))[0])


def test_an_outlay_is_saved_by_what_the_other_way_costs_more():
    fleet = way(100.0 * DAYS_PER_MONTH, 99.0, 0.0, outlay=240.0, cash=10.0)
    api = api_way("api", 50.0 / (100.0 * DAYS_PER_MONTH), 1)
    assert months_to_repay(fleet, api, 100.0)[0] == pytest.approx(240.0 / 40.0, rel=1e-12)
    assert months_to_repay(fleet, api, 200.0)[0] == pytest.approx(480.0 / 80.0, rel=1e-12)
    assert np.isinf(months_to_repay(fleet, api, 10.0)[0])
