"""Fleets over years by hand: demand, purchases, power, residual values and cash."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.economics.fleet import Unit
from sim.economics.projection import DAYS_PER_MONTH, demand_and_price, project
from sim.scenario.schema.business_case import BusinessCase
from sim.units import H_PER_MONTH

MONTH_TOKENS = 1000.0 * DAYS_PER_MONTH
UNIT = Unit(
    chip="a",
    month=0,
    group=2,
    tokens_per_month=MONTH_TOKENS / 10.0,
    idle_w=100.0,
    full_w=500.0,
    rated_w=1000.0,
    it_usd={"accelerators": 100.0, "servers": 20.0},
    hall_usd={"power": 30.0, "land": 6.0},
    upkeep_usd={"people": 1.0},
    usd_per_kwh=0.1,
)
VALUES = {
    "tokens_per_day": 1000.0, "growth": 0.0, "elasticity": 0.0, "price_decay": 0.0,
    "software": 0.0, "energy_growth": 0.0, "hardware_decay": 0.0, "cost_of_capital": 0.0,
    "it_life_y": 5.0, "it_residual": 0.1, "facility_life_y": 10.0, "usd_per_kwh": 0.1,
    "step_time": 1.0,
}  # fmt: skip
PRICE = 5.0 / MONTH_TOKENS  # 5 USD a month for all tokens


def case(**changes):
    return BusinessCase.model_validate({"months": 12, "tokens_per_day": 1000.0} | changes)


def run(asked=None, units=(UNIT,), used=1.0, first=0, **values):
    numbers = {name: np.array([value]) for name, value in (VALUES | values).items()}
    return project(asked or case(), units, numbers, PRICE, used, first)


def test_a_steady_fleet_by_hand():
    """Ten accelerators serve 1000 tokens a day; a year of them, and what is left after it."""
    found = run()
    assert found.bought[:, 0].tolist() == [10.0] + [0.0] * 11
    assert found.served[:, 0] == pytest.approx(np.full(12, MONTH_TOKENS), rel=1e-12)
    energy = 10 * 0.5 * H_PER_MONTH * 0.1
    assert found.energy[:, 0] == pytest.approx(np.full(12, energy), rel=1e-12)
    assert found.flows[0, 0] == pytest.approx(-10 * (120.0 + 36.0))
    assert found.flows[1:12, 0] == pytest.approx(np.full(11, 5.0 - energy - 10.0), rel=1e-12)
    # after one of five years 0.1^(1/5) of the hardware is left, nine tenths of the hall, all land
    left = 10 * (120.0 * 0.1**0.2 + 0.9 * 30.0 + 6.0)
    assert found.flows[12, 0] == pytest.approx(5.0 - energy - 10.0 + left, rel=1e-12)
    assert found.npv_usd[0] == pytest.approx(found.flows.sum(), rel=1e-12)  # no interest here
    spent = 10 * 156.0 - left + 12 * (energy + 10.0)
    assert found.usd_per_mtoken[0] == pytest.approx(spent / (12 * MONTH_TOKENS) * 1e6, rel=1e-12)
    assert found.usd_per_month[0] == pytest.approx(spent / 12.0, rel=1e-12)


def test_accelerators_come_in_whole_replicas_and_spare_load_costs_idle_power():
    found = run(tokens_per_day=910.0)
    assert found.bought[0, 0] == 10.0  # 9.1, in pairs
    watts = 10 * 100.0 + 9.1 * 400.0
    assert found.energy[0, 0] == pytest.approx(watts / 1e3 * H_PER_MONTH * 0.1, rel=1e-12)
    assert run(used=0.5).bought[0, 0] == 20.0


def test_hardware_is_replaced_at_the_end_of_its_life_and_the_hall_is_not():
    found = run(it_life_y=0.5)
    assert found.bought[:, 0].tolist() == [10.0, 0, 0, 0, 0, 0, 10.0, 0, 0, 0, 0, 0]
    assert found.outlay[6, 0] == pytest.approx(1200.0)
    assert found.salvage[6, 0] == pytest.approx(120.0, rel=1e-12)
    assert found.salvage[12, 0] == pytest.approx(120.0 + 10 * (0.9 * 30.0 + 6.0), rel=1e-12)


def test_cash_equals_accrual_over_the_life():
    """All outlays less all that comes back is the whole loss of value, whatever its path."""
    found = run(case(months=60), it_residual=0.0)
    lost = found.outlay.sum() - found.salvage.sum()
    assert lost == pytest.approx(10 * (120.0 + 0.5 * 30.0), rel=1e-12)


def test_demand_follows_growth_and_price_with_its_lag():
    numbers = {n: np.array([v]) for n, v in VALUES.items()}
    numbers |= {n: np.array([v]) for n, v in {"growth": 0.44, "price_decay": 0.75}.items()}
    numbers["elasticity"] = np.array([0.5])
    demand, price = demand_and_price(case(months=25, lag=0), numbers, 8.0)
    assert price[[0, 12, 24], 0] == pytest.approx([8.0, 2.0, 0.5], rel=1e-12)
    ratio = demand[[12, 24], 0] / demand[0, 0]
    assert ratio == pytest.approx([1.44 * 2.0, 1.44**2 * 4.0], rel=1e-12)
    late, _ = demand_and_price(case(months=25, lag=12), numbers, 8.0)
    assert late[[12, 24], 0] / late[0, 0] == pytest.approx([1.44, 1.44**2 * 2.0], rel=1e-12)


def test_spend_rises_with_falling_prices_only_above_an_elasticity_of_one():
    """The article's own numbers, price down 80 % and use up fourfold, are an elasticity of 0.86."""
    spend = []
    for elasticity in (np.log(4.0) / np.log(5.0), 1.0, 1.2):
        numbers = VALUES | {"price_decay": 0.8, "elasticity": elasticity}
        numbers = {n: np.array([v]) for n, v in numbers.items()}
        demand, price = demand_and_price(case(months=13, lag=0), numbers, 1.0)
        money = demand * price
        spend.append(money[12, 0] / money[0, 0])
    assert spend[0] == pytest.approx(0.8, rel=1e-12)
    assert spend[1] == pytest.approx(1.0, rel=1e-12)
    assert spend[2] > 1.3


def test_without_power_accelerators_wait_or_stand_idle():
    power = [{"month": 0, "power": "4 kW"}, {"month": 6, "power": "20 kW"}]
    patient = run(case(power=power))
    assert patient.bought[:7, 0].tolist() == [4.0, 0, 0, 0, 0, 0, 6.0]
    eager = run(case(power=power, wait_for_power=False))
    assert eager.bought[0, 0] == 10.0
    assert (eager.installed - eager.running)[:7, 0].tolist() == [6.0] * 6 + [0.0]
    assert eager.served[0, 0] == pytest.approx(0.4 * MONTH_TOKENS)
    assert eager.served[6, 0] == patient.served[6, 0] == pytest.approx(MONTH_TOKENS)
    assert eager.npv_usd[0] < patient.npv_usd[0]  # what waits for power costs and earns nothing


def test_a_later_chip_is_bought_from_its_month_on_and_runs_first():
    better = replace(
        UNIT, chip="b", month=6, tokens_per_month=2 * UNIT.tokens_per_month, idle_w=0.0
    )
    found = run(case(), (UNIT, better), growth=3.0)
    before, after = found.bought[:6, 0].sum(), found.bought[6:, 0].sum()
    plain = run(case(), growth=3.0)
    assert before == plain.bought[:6, 0].sum()
    assert after <= 0.6 * plain.bought[6:, 0].sum()
    assert found.energy[6:, 0].sum() < plain.energy[6:, 0].sum()


def test_software_makes_the_same_hardware_serve_more_until_its_limit():
    found = run(case(months=24, software_most=1.2), growth=1.0, software=1.0)
    assert found.bought[0, 0] == 10.0
    assert found.installed[23, 0] * 1.2 >= 10.0 * 2.0 ** (23 / 12)
    assert found.installed[23, 0] * 1.2 < 10.0 * 2.0 ** (23 / 12) + 2 * 1.2


def test_rent_follows_demand_and_leaves_nothing():
    rented = Unit("a", 0, 1, MONTH_TOKENS / 10.0, 0.0, 0.0, rent_usd=2.0)
    found = run(case(), (rented,), growth=-0.5)
    assert found.rent[0, 0] == 20.0
    assert found.rent[11, 0] == 2.0 * np.ceil(10.0 * 0.5 ** (11 / 12))
    assert not found.salvage.any()
    assert not found.outlay.any()
    assert found.energy.sum() == 0.0


def test_orders_ahead_are_paid_earlier():
    found, early = (run(case(order_ahead=n), growth=3.0) for n in (0, 3))
    assert early.bought[0, 0] > found.bought[0, 0]
    assert early.bought.sum() >= found.bought.sum()
    assert early.npv_usd[0] <= found.npv_usd[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("accelerators", 2.0), ("power", 2.0), ("people", 2.0), ("usd_per_kwh", 0.2)],
)
def test_what_costs_more_never_gains(name, value):
    dear, plain = run(**{name: value}), run()
    assert dear.npv_usd[0] < plain.npv_usd[0]
    assert dear.usd_per_mtoken[0] > plain.usd_per_mtoken[0]


def test_servers_follow_the_price_of_accelerators():
    assert run(accelerators=2.0).outlay[0, 0] == pytest.approx(10 * (240.0 + 36.0))
    assert run(servers=2.0).outlay[0, 0] == pytest.approx(10 * (140.0 + 36.0))


def test_a_draw_is_the_same_beside_others():
    numbers = {name: np.array([value, value]) for name, value in VALUES.items()}
    numbers["growth"] = np.array([0.3, 1.5])
    both = project(case(), (UNIT,), numbers, PRICE, 1.0)
    for at, growth in enumerate((0.3, 1.5)):
        alone = run(growth=growth)
        assert both.flows[:, at] == pytest.approx(alone.flows[:, 0], rel=1e-12)


def test_nothing_is_bought_before_the_first_purchase():
    found = run(first=6)
    assert not found.served[:6].any()
    assert found.bought[6, 0] == 10.0
