"""A business case end to end: one number everywhere, honest words, and errors with their place."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.cli.main import main
from sim.economics.breakeven import fleet_way
from sim.economics.case import figure
from sim.economics.case_tables import as_data, months, swings
from sim.economics.economics import economics, load_economics_study
from sim.economics.inputs import taken
from sim.errors import ScenarioError
from sim.report.case_words import case_lines, verdict
from sim.report.html.economics_page import render_economics

CASE = {
    "ownership": "owned",
    "region": "sweden",
    "tokens_per_day": "3 Gtokens/day",
    "months": 24,
    "growth": "20 %",
    "price_decay": "20 %",
    "elasticity": 0.9,
    "draws": 200,
    "ranges": {"growth": ["0 %", "40 %"]},
    "api": {
        "name": "a list",
        "input": "0.01 USD/Mtoken",
        "output": "0.1 USD/Mtoken",
        "as_of": "2026-11-01",
    },
}
STUDY = {
    "version": 1,
    "name": "small",
    "regions": ["us-virginia", "sweden"],
    "chips": ["h100-sxm"],
    "models": ["llama-3.2-1b"],
    "patterns": {
        "steady": {
            "input": "500 tokens",
            "output": "60 tokens",
            "slo": {"ttft": "1 s", "tpot": "50 ms"},
        }
    },
    "ownership": ["owned", "rented"],
    "price": {"input": "0.02 USD/Mtoken", "output": "0.08 USD/Mtoken"},
    "replicas": 1,
    "requests": 200,
    "replications": 2,
    "case": CASE,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("case")


@pytest.fixture(scope="module")
def found(folder):
    return economics(STUDY, out=folder, executor="serial")


def test_a_full_replica_costs_what_the_table_says(found):
    """One number everywhere: the bill of replicas at their anchor, in the case and in the table."""
    (unit,), values = found.case.units, taken(found.case.inputs)
    way = fleet_way("owned", unit, values, 1.0)
    replica = way.step_usd[0] + way.token_usd[0] * way.step_tokens[0]
    rows = found.table.query("region == 'sweden' and ownership == 'owned'")
    row = rows.to_dict("records")[0]
    replicas = row["accelerators"] / row["tensor_parallel"]
    assert replicas * replica == pytest.approx(row["usd_per_month"], rel=1e-9)
    per_mtoken = replica / way.step_tokens[0] * 1e6
    assert per_mtoken == pytest.approx(row["usd_per_mtoken"], rel=1e-9)


def test_the_draws_are_around_what_is_taken_and_the_same_again(found, folder):
    case = found.case
    for name in ("npv_usd", "usd_per_mtoken", "usd_per_month"):
        number = case.figure(name)
        assert number.low < number.middle < number.high
        assert number.low < number.value < number.high
    again = economics(STUDY, out=folder, executor="serial").case
    assert np.array_equal(again.draws.npv_usd, case.draws.npv_usd)


def test_an_input_with_a_range_swings_and_others_do_not(found):
    names = {swing.input.name for swing in found.case.swings}
    assert {"growth", "accelerators", "step_time", "it_life_y", "usd_per_kwh"} <= names
    assert "elasticity" not in names
    widths = [swing.width_usd for swing in found.case.swings]
    assert widths == sorted(widths, reverse=True)
    energy = next(s for s in found.case.swings if s.input.name == "usd_per_kwh")
    assert energy.npv_usd[0] > energy.npv_usd[1]


def test_tables_hold_the_plan_and_say_what_is_simulated(found):
    table = months(found.case)
    assert len(table) == 24
    assert set(table["basis"]) == {"simulated"}
    assert table["cash_so_far_usd"].iloc[-1] == pytest.approx(found.case.plan.flows.sum())
    assert (table["cash_so_far_p5_usd"] < table["cash_so_far_p95_usd"]).all()
    ahead = replace(found.case, case=found.case.case.model_copy(update={"software": 0.2}))
    assert months(ahead)["basis"].tolist() == ["simulated"] + ["projected"] * 23
    assert not swings(found.case).empty
    assert json.loads(json.dumps(as_data(found.case), allow_nan=False))["of"]["region"] == "sweden"


def test_the_verdict_follows_the_draws(found):
    def told(low, high):
        ends = np.linspace(low, high, found.case.case.draws)
        draws, plan = (_Fixed(each, v) for each, v in (
            (found.case.draws, ends), (found.case.plan, ends[:1]),
        ))  # fmt: skip
        return verdict(replace(found.case, draws=draws, plan=plan))

    assert told(1.0, 2.0).startswith("Fund it")
    assert told(-2.0, -1.0).startswith("Decline")
    assert told(-2.0, 1.0).startswith("Do not fund it as it stands")
    assert told(-1.0, 2.0).startswith("It pays more often than not")


class _Fixed:
    """A projection with another net present value."""

    def __init__(self, projection, npv_usd):
        self._projection, self.npv_usd = projection, npv_usd

    def __getattr__(self, name):
        return getattr(self._projection, name)


def test_the_memo_names_what_it_hangs_on_and_what_is_guessed(found):
    text = "\n".join(case_lines(found.case))
    assert found.case.swings[0].input.title in text
    assert "Guessed: " in text
    assert "cost of capital" in text.split("Guessed: ")[1]
    assert "owned against rented" in text
    assert "owned against a list" in text
    html = render_economics(found, "s.yaml")
    assert verdict(found.case) in html


def test_without_a_price_there_is_cost_and_no_verdict(folder):
    study = {key: value for key, value in STUDY.items() if key != "price"}
    found = economics(study, out=folder, executor="serial")
    assert "only cost" in verdict(found.case)
    assert not any("Payback" in line for line in case_lines(found.case))


def test_what_never_happens_has_no_figure():
    found = figure(np.array([np.inf]), np.array([np.inf, 1.0, 3.0, np.inf]))
    assert np.isnan(found.value)
    assert (found.middle, found.known) == (2.0, 0.5)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chip": "b200-sxm"}, "case.chip"),
        ({"ranges": {"growth": ["40 %", "60 %"]}}, "ranges.growth"),
        ({"ranges": {"growth": ["60 %", "10 %"]}}, "lower end first"),
        ({"tokens_per_day": "0 Gtokens/day"}, "tokens_per_day"),
        ({"tokens_per_day": 5.0e9, "months": 1}, "months"),
        ({"power": [{"month": 3, "power": "1 MW"}, {"month": 3, "power": "2 MW"}]}, "rise"),
        ({"generations": [{"chip": "b200-sxm", "month": 3}]}, "generations"),
        ({"api": {k: v for k, v in CASE["api"].items() if k != "as_of"}}, "as_of"),
        ({"api": CASE["api"] | {"as_of": "last week"}}, "a date"),
        ({"growth": "-100 %"}, "growth"),
    ],
)
def test_a_wrong_case_is_refused_with_its_place(change, told):
    with pytest.raises(ScenarioError, match=told):
        load_economics_study(STUDY | {"case": CASE | change})


@pytest.mark.slow
def test_a_case_on_unknown_prices_says_which():
    study = STUDY | {"chips": ["h100-sxm", "mi300x"]}
    study["case"] = CASE | {"chip": "h100-sxm", "generations": [{"chip": "mi300x", "month": 6}]}
    with pytest.raises(ScenarioError, match="unknown: accelerators"):
        economics(study, executor="serial")


def test_the_verb_writes_the_case(found, folder, tmp_path, capsys):
    study = tmp_path / "study.json"
    study.write_text(json.dumps(STUDY))
    given = ("economics", str(study), "--out", str(folder), "--executor", "serial")
    with pytest.raises(SystemExit) as left:
        main([*given, "--json"])
    assert left.value.code == 0
    case = json.loads(capsys.readouterr().out)["case"]
    table = pd.read_parquet(folder / "months.parquet")
    cash = table["cash_so_far_usd"].iloc[-1]
    assert case["figures"]["npv_usd"]["value"] < cash  # what comes later is worth less today
    assert (folder / "swings.csv").exists()
