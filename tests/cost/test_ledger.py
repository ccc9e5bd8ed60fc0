"""The ledger of a run balances, says what it does not know, and follows what is put in."""

from __future__ import annotations

import math

import pytest

from sim import ScenarioError, load_scenario, simulate
from sim.cost.ledger import Entry, Ledger, Work, ledger_summary

SHORT = ["run.duration=30 s", "run.warmup=0 s"]
MONEY = [
    "tiers.premium.price={input: 0.5 USD/Mtoken, output: 2 USD/Mtoken, credit: 50 %}",
    "economics.assets={software: {price: 50000 USD, life: 3 y, site: metro-fra}}",
    "economics.licences_per_month=1000 USD",
    "economics.income.per_request={standard: 0.001 USD}",
    "economics.income.subscriptions=[{tier: standard, users: 1000.0, price_per_month: 20 USD}]",
    "economics.income.reserved_per_month=5000 USD",
    "economics.income.cost_passed_on=10 %",
]


def ledger(*changes, name="surge-fleet"):
    return simulate(load_scenario(name, [*SHORT, *changes])).summary["ledger"]


@pytest.fixture(scope="module")
def plain():
    return ledger()


@pytest.fixture(scope="module")
def earning():
    return ledger(*MONEY)


def test_every_cut_sums_to_the_whole(earning):
    whole = earning["cost_usd_per_h"]
    rows = [row for row in earning["entries"] if row["side"] != "income"]
    assert math.fsum(row["usd_per_h"] for row in rows) == pytest.approx(whole, rel=1e-12)
    for cut in ("layers", "sides", "sites", "pools"):
        assert math.fsum(earning[cut].values()) == pytest.approx(whole, rel=1e-9), cut
    for cut in ("tiers", "models"):
        parts = [group["allocated_usd_per_h"] for group in earning[cut].values()]
        assert math.fsum(parts) == pytest.approx(whole, rel=1e-9), cut
    assert earning["tiers"]["(no pool)"]["used_usd_per_h"] == 0.0


def test_what_is_used_is_never_more_than_what_is_allocated(earning):
    for name, group in (*earning["tiers"].items(), *earning["models"].items()):
        assert 0.0 <= group["used_usd_per_h"] <= group["allocated_usd_per_h"] * (1.0 + 1e-12)
        assert group["used_usd_per_h"] > 0.0 or name == "(no pool)"
    assert 0.0 <= earning["idle_share"] <= 1.0


def test_idle_share_weighs_accelerators_and_not_replicas():
    """Eight idle replicas of one accelerator beside a busy one of eight: half of them idle."""
    idle = Work("a", "dc", 8, 0.5, available_s=8 * 3600.0, replicas=8)
    busy = Work("b", "dc", 8, 0.5, busy_s={("t", "m"): 3600.0}, available_s=3600.0, replicas=1)
    entry = Entry("operating", "people", 16.0, "dc")
    found = ledger_summary(Ledger((entry,), (idle, busy), 1.0, 1e6, 10))
    assert found["idle_share"] == pytest.approx(0.5)
    assert found["tiers"]["t"]["allocated_usd_per_h"] == pytest.approx(8.0)
    assert found["tiers"]["(no pool)"]["allocated_usd_per_h"] == pytest.approx(8.0)


def test_income_less_cost_is_the_margin(earning):
    income = math.fsum(r["usd_per_h"] for r in earning["entries"] if r["side"] == "income")
    assert earning["income_usd_per_h"] == pytest.approx(income)
    margin = income - earning["cost_usd_per_h"]
    assert earning["margin_usd_per_h"] == pytest.approx(margin, rel=1e-12)
    assert earning["gross_margin"] == pytest.approx(margin / income)
    running = earning["sides"]["operating"]
    assert earning["contribution_usd_per_h"] == pytest.approx(income - running)


def test_each_kind_of_income_by_hand(earning):
    found = {(r["layer"], r.get("tier")): r["usd_per_h"] for r in earning["entries"]}
    assert found["subscriptions", "standard"] == pytest.approx(1000 * 20 / 730.5)
    assert found["reserved", None] == pytest.approx(5000 / 730.5)
    assert found["cost passed on", None] == pytest.approx(0.1 * earning["cost_usd_per_h"])
    assert found["licences", None] == pytest.approx(1000 / 730.5)


def test_nobody_pays_unless_somebody_does(plain):
    assert plain["income_usd_per_h"] is plain["gross_margin"] is plain["margin_usd_per_h"] is None


def test_an_unused_rack_raises_cost(plain):
    rows = "topology.sites.metro-fra.halls.air.rows.r1.racks.count"
    more = ledger(f"{rows}=20")
    assert more["cost_usd_per_h"] > plain["cost_usd_per_h"]
    assert more["pools"]["(no pool)"] > plain["pools"].get("(no pool)", 0.0)


def test_what_no_pool_uses_can_be_somebody_elses(plain):
    shared = ledger("economics.unplaced=others")
    assert "(no pool)" not in shared["pools"] or shared["pools"]["(no pool)"] == pytest.approx(0.0)
    assert shared["pools"]["metro"] == pytest.approx(plain["pools"]["metro"], rel=0.05)


def test_a_higher_price_of_energy_costs_what_it_costs(plain):
    dear = ledger("constants.regions.germany.price=0.4 USD/kWh")
    assert dear["layers"]["energy"] > plain["layers"]["energy"]
    others = {k: v for k, v in plain["layers"].items() if k != "energy"}
    assert {k: v for k, v in dear["layers"].items() if k != "energy"} == pytest.approx(others)


def test_twice_the_price_of_accelerators_is_twice_their_capital(plain):
    twice = ledger("constants.accelerators.h100-sxm.price=55000 USD")
    for layer in ("accelerators", "servers", "network"):
        assert twice["layers"][layer] == pytest.approx(2.0 * plain["layers"][layer])


def test_cheaper_capital_never_costs_more(plain):
    cheap = ledger("economics.cost_of_capital=2 %")
    assert cheap["sides"]["capital"] < plain["sides"]["capital"]


def test_a_rented_hall_has_no_building(plain):
    rented = ledger("economics.facility=colocation")
    assert {"power", "cooling", "building", "land"} <= plain["layers"].keys()
    assert not {"power", "cooling", "building", "land"} & rented["layers"].keys()
    assert rented["layers"]["colocation"] > 0.0


def test_a_rented_pool_pays_rent_and_no_capital():
    rented = ledger("pools.metro.cost.basis=rented")
    assert rented["layers"]["rent"] > 0.0
    owned = ledger()
    assert rented["layers"]["accelerators"] < owned["layers"]["accelerators"]


def test_what_nobody_knows_is_listed_and_makes_the_sum_unknown():
    no_region = ledger("topology.sites.metro-fra.region_data=null")
    assert no_region["cost_usd_per_h"] is None
    assert no_region["unknown"] == ["energy of metro-fra"]
    assert no_region["known_cost_usd_per_h"] > 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("economics.owner=nobody", "owner"),
        ("economics.assets={a: {price: 5 USD, life: -3 y}}", "life"),
        ("economics.assets={a: {price: 5 USD}}", "life"),
        ("economics.assets={a: {price: 5 USD, life: 3 y, residual: 6 USD}}", "residual"),
        ("economics.assets={a: {price: 5 EUR, life: 3 y}}", "price"),
        ("economics.income={subscriptions: [{users: 3.0, price_per_month: 2 USD}]}", "tier"),
        ("economics.income={per_request: {nobody: 1 USD}}", "nobody"),
    ],
)
def test_bad_money_is_refused_at_its_place(change, message):
    with pytest.raises(ScenarioError, match=message):
        ledger(change)
