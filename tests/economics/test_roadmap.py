"""Roadmaps by hand: order, no saving counted twice, and what is not worth it; limits and what fits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from sim.catalog.catalog import load_catalog
from sim.cost.ledger import Entry
from sim.economics.anchor import Anchor
from sim.economics.economics import Economics, load_economics_study
from sim.economics.fits import what_fits
from sim.economics.roadmap import find_roadmap, roadmap_table
from sim.errors import ScenarioError
from sim.report.roadmap_words import fits_lines, roadmap_lines
from sim.scenario.schema.roadmap import Fits

STUDY = {
    "version": 1,
    "name": "road",
    "regions": ["sweden"],
    "chips": ["h100-sxm", "b200-sxm"],
    "models": ["llama-3.2-1b"],
    "patterns": {"p": {"input": "100 tokens", "output": "10 tokens", "slo": {"ttft": "1 s"}}},
    "ownership": ["owned"],
    "used": "50 %",
}


def roadmap(speed_of, **actions):
    """Return the roadmap of a fleet that costs 3.6 USD/h; energy is next to nothing."""

    def anchor_of(cell, study, _out):
        speeds = speed_of(cell.chip, study.precision, study.pool)
        if isinstance(speeds, str):
            return Anchor(cell, why_not=speeds)
        ones = (1.0,) * len(speeds)
        return Anchor(
            cell, accelerators=1, tensor_parallel=1, requests_per_s=ones, input_tokens_per_s=ones,
            output_tokens_per_s=speeds, ttft_p99_s=ones, e2e_p99_s=ones, share_of_capacity=ones,
            it_w=(1e-6,) * len(speeds), rack_w=(20000.0,) * len(speeds), idle_w=1e-6,
            standing={"owned": (Entry("capital", "accelerators", 3.6),)},
        )  # fmt: skip

    where = {"chip": "h100-sxm", "region": "sweden", "ownership": "owned", "actions": actions}
    study = load_economics_study(STUDY | {"roadmap": where})
    with ThreadPoolExecutor(1) as executor:
        return find_roadmap(study, load_catalog(), None, executor, anchor_of)


def speeds(chip, precision, pool):
    """Return tokens/s: fp8 gives half more, the pool's switch a tenth, but not on top of fp8."""
    base = 1000.0 * (1.5 if precision == "fp8" else 1.0)
    base *= 1.1 if pool.get("kv_precision") == "fp8" and precision != "fp8" else 1.0
    return base * 0.99, base, base * 1.01


def test_the_greatest_saving_comes_first_and_none_is_counted_twice():
    found = roadmap(
        speeds,
        cache={"pool": {"kv_precision": "fp8"}},
        weights={"precision": "fp8", "cost": "500 USD"},
        fuller={"used": "100 %"},
    )
    assert [step.name for step in found.taken] == ["fuller", "weights"]
    first, second = found.taken
    assert first.saving == pytest.approx(0.5, abs=1e-6)
    assert second.saving == pytest.approx(1.0 / 3.0, abs=1e-6)
    assert found.saving == pytest.approx(1.0 - 0.5 / 1.5, abs=1e-6)
    assert found.saving < found.saving_of_parts  # 50 % and 33 % do not add up
    cache = next(step for step in found.steps if step.name == "cache")
    assert cache.alone == pytest.approx(1.0 - 1.0 / 1.1, abs=1e-6)
    assert cache.saving == pytest.approx(0.0, abs=1e-6)  # on top of fp8 weights
    assert not cache.taken
    # what is left multiplies to the whole
    assert (1 - first.saving) * (1 - second.saving) == pytest.approx(1 - found.saving, abs=1e-9)


def test_a_saving_that_the_replications_do_not_tell_from_nothing_is_not_taken():
    def noisy(chip, precision, pool):
        return (1300.0, 900.0, 1200.0) if precision == "fp8" else (1000.0, 1000.0, 1000.0)

    found = roadmap(noisy, weights={"precision": "fp8"})
    (step,) = found.steps
    assert step.saving > 0.05
    assert step.low < 0.0
    assert not found.taken
    assert "no action saves anything" in next(roadmap_lines(found))


def test_what_does_not_serve_says_why():
    def fails(chip, precision, pool):
        return "it does not fit" if chip == "b200-sxm" else (1000.0, 1000.0)

    found = roadmap(fails, b200={"chip": "b200-sxm"}, fuller={"used": "60 %"})
    assert [step.name for step in found.taken] == ["fuller"]
    text = "\n".join(roadmap_lines(found))
    assert "Not worth it: b200: it does not fit." in text
    table = roadmap_table(found).set_index("action")
    assert table.loc["b200", "why_not"] == "it does not fit"
    assert (
        table.loc["fuller", "usd_per_mtoken_after"] < table.loc["fuller", "usd_per_mtoken_before"]
    )


def test_a_fleet_that_serves_nothing_has_nothing_to_improve():
    found = roadmap(lambda *_: "too slow", fuller={"used": "60 %"})
    assert not found.taken
    assert next(roadmap_lines(found)) == "Nothing to improve: too slow."


def test_cost_once_and_notes_are_told():
    found = roadmap(speeds, weights={"precision": "fp8", "cost": "500 USD", "note": "test it"})
    text = "\n".join(roadmap_lines(found))
    assert "500\u00a0USD once; test it." in text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"actions": {}}, "actions"),
        ({"actions": {"a": {"cost": "5 USD"}}}, "at least one of chip"),
        ({"actions": {"a": {"chip": "mi300x"}}}, "actions.a.chip"),
        ({"region": "norway"}, "roadmap.region"),
    ],
)
def test_a_wrong_roadmap_is_refused_with_its_place(change, told):
    good = {"chip": "h100-sxm", "region": "sweden", "ownership": "owned"}
    good["actions"] = {"a": {"used": "60 %"}}
    with pytest.raises(ScenarioError, match=told):
        load_economics_study(STUDY | {"roadmap": good | change})


ROW = {
    "region": "sweden", "chip": "h100-sxm", "model": "m", "pattern": "p", "ownership": "owned",
    "accelerators": 8, "tensor_parallel": 4, "it_kw": 6.0, "pue": 1.25, "usd_per_month": 20000.0,
    "output_tokens_per_s": 1000.0, "requests_per_s": 4.0, "gross_margin": 0.3, "ttft_p99_s": 1.0,
}  # fmt: skip


def test_whole_replicas_fit_into_power_and_money():
    """A replica takes 3.75 kW at the meter and 120,000 USD a year."""
    power = what_fits(pd.DataFrame([ROW]), Fits.model_validate({"power": "100 kW"})).iloc[0]
    assert (power["replicas"], power["accelerators"], power["limited_by"]) == (26, 104, "power")
    assert power["output_tokens_per_s"] == pytest.approx(26 * 500.0)
    assert power["facility_kw"] == pytest.approx(26 * 3.75)
    both = Fits.model_validate({"power": "100 kW", "usd_per_year": "1000000 USD"})
    money = what_fits(pd.DataFrame([ROW]), both).iloc[0]
    assert (money["replicas"], money["limited_by"]) == (8, "money")
    assert money["usd_per_year"] == pytest.approx(960000.0)


def test_a_row_without_a_price_fits_into_power_only():
    rows = pd.DataFrame([ROW | {"usd_per_month": None}, ROW | {"output_tokens_per_s": 10.0}])
    assert len(what_fits(rows, Fits.model_validate({"usd_per_year": "1000000 USD"}))) == 1
    found = what_fits(rows, Fits.model_validate({"power": "100 kW"}))
    assert found["output_tokens_per_s"].tolist() == [26 * 500.0, 26 * 5.0]  # the most first


def test_a_limit_is_told_in_words():
    study = load_economics_study(STUDY | {"fits": {"power": "100 kW"}})
    (line,) = fits_lines(Economics(study, pd.DataFrame([ROW]), pd.DataFrame(), pd.DataFrame()))
    assert "104 accelerators" in line
    assert "margin 30\u00a0%; power is the limit" in line


def test_no_limit_is_no_limit():
    with pytest.raises(ScenarioError, match="power or usd_per_year"):
        load_economics_study(STUDY | {"fits": {}})
