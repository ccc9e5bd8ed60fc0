"""The comparison in money: ledgers balance, places and prices act as they must, nothing is lost."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace

import pytest

from sim.catalog.catalog import load_catalog
from sim.cost.ledger import total
from sim.economics.anchor import Anchor, find_anchor
from sim.economics.cells import cells_of, scenario_of
from sim.economics.economics import economics, load_economics_study
from sim.economics.money import indicators, ledger_of, mean_load
from sim.economics.places import SiteYear
from sim.errors import ScenarioError
from sim.simulate import load_scenario, simulate

MODULE = importlib.import_module("sim.economics.economics")
STUDY = {
    "version": 1,
    "name": "small",
    "regions": ["us-virginia", "sweden", "japan-tokyo"],
    "chips": ["h100-sxm", "l40s"],
    "models": ["llama-3.2-1b"],
    "patterns": {
        "steady": {
            "input": "500 tokens",
            "output": "60 tokens",
            "slo": {"ttft": "1 s", "tpot": "50 ms"},
        }
    },
    "ownership": ["owned", "colocation", "rented"],
    "price": {"input": "0.02 USD/Mtoken", "output": "0.08 USD/Mtoken"},
    "replicas": 1,
    "requests": 200,
    "replications": 2,
}
YEAR = SiteYear(1.2, 0.5, 0.0)


@pytest.fixture(scope="module")
def study():
    return load_economics_study(STUDY)


@pytest.fixture(scope="module")
def found(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("economics")
    return economics(study, out=folder, executor="serial"), folder


@pytest.fixture(scope="module")
def anchor(study):
    return find_anchor(cells_of(study, load_catalog())[0], study)


def priced(anchor, study, how="owned", year=YEAR, used=1.0, region="us-virginia"):
    catalog = load_catalog()
    place, owner = catalog.regions[region], catalog.owners[study.owner]
    load = mean_load(anchor, used)
    ledger = ledger_of(anchor, load, how, year, place, owner, study)
    return ledger, indicators(anchor, load, ledger, year, place)


def test_every_cell_has_a_row_and_the_target_holds(found, anchor):
    table = found[0].table
    assert len(table) == 3 * 2 * 1 * 1 * 3
    assert all(each >= 0.99 for each in anchor.attainment)
    assert all(0.0 < each <= 0.97 for each in anchor.share_of_capacity)


def test_a_little_more_load_misses_the_target_or_exceeds_the_capacity(study, anchor):
    """The anchor is the greatest load that holds: beyond the width of the search it does not."""
    for requests_per_s, share in zip(anchor.requests_per_s, anchor.share_of_capacity, strict=True):
        data = scenario_of(
            anchor.cell,
            study,
            tensor_parallel=1,
            rate_per_s=1.3 * requests_per_s,
            duration_s=120.0,
            warmup_s=30.0,
        )
        sla = simulate(load_scenario(data)).summary["sla"]["users"]
        assert sla["attainment"] < 0.99 or 1.3 * share > 0.97


def test_the_ledger_balances(found):
    layers = found[0].layers.groupby(["region", "chip", "ownership"])["usd_per_h"].sum()
    known = found[0].table[found[0].table["usd_per_mtoken"].notna()]
    assert set(known["ownership"]) == {"owned", "colocation", "rented"}
    for row in known.to_dict("records"):
        hour = layers[row["region"], row["chip"], row["ownership"]]
        assert row["usd_per_month"] == pytest.approx(hour * 730.5, rel=1e-12)
        tokens = row["output_tokens_per_s"] * 3600.0 / 1e6
        assert row["usd_per_mtoken"] == pytest.approx(hour / tokens, rel=1e-12)


def test_capital_is_that_of_a_run_of_the_same_scenario(study, anchor):
    """One number everywhere: the summary of `run` has the same capital per hour."""
    data = scenario_of(
        anchor.cell, study, tensor_parallel=1, rate_per_s=5.0, duration_s=30.0, warmup_s=0.0
    )
    ledger = simulate(load_scenario(data)).summary["ledger"]
    mine = total(e for e in anchor.standing["owned"] if e.side == "capital").usd_per_h
    assert ledger["sides"]["capital"] == pytest.approx(mine, rel=1e-12)


def test_energy_is_power_times_pue_times_price(anchor, study):
    ledger, row = priced(anchor, study)
    price = load_catalog().regions["us-virginia"].usd_per_kwh
    energy = next(e for e in ledger.entries if e.layer == "energy")
    assert energy.usd_per_h == pytest.approx(row["it_kw"] * 1.2 * price, rel=1e-12)
    assert row["wh_per_request"] == pytest.approx(
        1000.0 * row["it_kw"] * 1.2 / (3600.0 * row["requests_per_s"]), rel=1e-12
    )


def test_margin_is_income_less_cost_over_income(anchor, study):
    ledger, row = priced(anchor, study)
    load = mean_load(anchor, 1.0)
    income = 3600.0 * (load.input_tokens_per_s * 0.02e-6 + load.output_tokens_per_s * 0.08e-6)
    cost = ledger.cost.usd_per_h
    assert ledger.income.usd_per_h == pytest.approx(income, rel=1e-12)
    assert row["gross_margin"] == pytest.approx((income - cost) / income, rel=1e-12)
    outlay = sum(e.outlay_usd for e in ledger.entries if e.side == "capital")
    running = total(e for e in ledger.entries if e.side == "operating").usd_per_h
    expected = outlay / ((income - running) * 730.5) if income > running else None
    assert row["payback_months"] == pytest.approx(expected, rel=1e-12)


def test_what_costs_more_never_costs_less(anchor, study):
    cost = [priced(anchor, study, year=SiteYear(pue, 0.5, 0.0))[1] for pue in (1.05, 1.2, 1.6)]
    assert [row["usd_per_mtoken"] for row in cost] == sorted(r["usd_per_mtoken"] for r in cost)
    assert cost[0]["usd_per_mtoken"] < cost[-1]["usd_per_mtoken"]
    half, full = (priced(anchor, study, used=u)[1]["usd_per_mtoken"] for u in (0.5, 1.0))
    assert half > 1.5 * full  # capital is paid for whether it is used or not
    cheap, dear = (priced(anchor, study, region=r)[0] for r in ("sweden", "us-california"))
    assert cheap.cost.usd_per_h < dear.cost.usd_per_h


def test_rent_is_the_same_everywhere_and_has_no_capital(anchor, study):
    here, there = (priced(anchor, study, "rented", region=r)[0] for r in ("sweden", "japan-tokyo"))
    assert here.cost == there.cost
    assert here.cost.usd_per_h == load_catalog().accelerators["h100-sxm"].rent_usd_per_h
    assert priced(anchor, study, "rented")[1]["payback_months"] is None


def test_slower_steps_cost_more_within_the_interval(anchor, study):
    _, row = priced(anchor, study)
    assert row["usd_per_mtoken_low"] < row["usd_per_mtoken"] < row["usd_per_mtoken_high"]
    wide = priced(replace(anchor, time_high=2.0), study)[1]
    assert wide["usd_per_mtoken_high"] >= 2.0 * row["usd_per_mtoken"]


def test_a_second_call_simulates_nothing_and_says_the_same(found, study, monkeypatch):
    first, folder = found

    def none_is_left(*_):
        raise AssertionError

    monkeypatch.setattr(MODULE, "find_anchor", none_is_left)
    again = economics(study, out=folder, executor="serial")
    assert again.table.equals(first.table)


def test_an_anchor_survives_a_file(anchor):
    assert Anchor.from_data(json.loads(json.dumps(anchor.as_data()))) == anchor


def test_what_does_not_fit_says_why():
    study = load_economics_study(STUDY | {"models": ["llama-3.1-405b"], "chips": ["l40s"]})
    found = economics(study, executor="serial")
    assert found.table.empty
    assert "l40s" in found.not_served["why"][0]
    assert list(found.answers()) == []


def test_a_target_that_no_load_meets_says_so():
    slo = {"slo": {"ttft": "1 ms"}}
    patterns = {"steady": STUDY["patterns"]["steady"] | slo}
    found = economics(STUDY | {"patterns": patterns, "chips": ["h100-sxm"]}, executor="serial")
    assert found.not_served["why"][0].startswith("no load is small enough")


def test_an_unknown_price_stays_unknown():
    found = economics(STUDY | {"chips": ["mi300x"], "ownership": ["owned"]}, executor="serial")
    row = found.table.iloc[0]
    assert row["usd_per_mtoken"] is None or row["usd_per_mtoken"] != row["usd_per_mtoken"]
    assert "accelerators" in row["unknown"]


def test_all_unknown_names_are_told_at_once():
    bad = STUDY | {"regions": ["swedem"], "chips": ["h100"], "models": ["llama"], "owner": "me"}
    with pytest.raises(ScenarioError) as told:
        economics(bad, executor="serial")
    text = str(told.value)
    assert all(name in text for name in ("swedem", "'h100'", "'llama'", "'me'"))
    assert "did you mean 'sweden'?" in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"patterns": {"p": {"input": "10 tokens", "output": "5 tokens", "slo": {}}}}, "at least"),
        ({"patterns": {}}, "patterns"),
        ({"used": "0 %"}, "used"),
        ({"ownership": ["stolen"]}, "ownership"),
        ({"price": {"input": "1 USD"}}, "price"),
        ({"replications": 1}, "replications"),
    ],
)
def test_a_wrong_study_is_refused_with_its_place(change, told):
    with pytest.raises(ScenarioError, match=told):
        load_economics_study(STUDY | change)


def test_the_target_of_a_file_is_told_at_its_line(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text("version: 1\nname: x\nreplicas: -2\n")
    with pytest.raises(ScenarioError, match=r"study\.yaml:3:11: replicas"):
        load_economics_study(file)
