"""The articles' claims: the page says what was found, verdicts follow from numbers alone."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "experiments" / "claims"


def module(name):
    spec = importlib.util.spec_from_file_location(f"claims_{name}", FOLDER / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


run, measures = module("run"), module("measures")


class Fixed:
    """Runs that give the same rows whatever is asked, by chip and model."""

    def __init__(self, **rows):
        self.rows = rows

    def row(self, study, of):
        found = self.rows[of.get("model", of["chip"]).replace("-", "_").replace(".", "_")]
        return found(study) if callable(found) else found


def test_the_page_is_what_the_results_say():
    assert (ROOT / "docs" / "claims.md").read_text(encoding="utf-8") == run.page()


@pytest.mark.parametrize("name", sorted(run.claims()))
def test_every_claim_can_be_tried_and_has_been(name):
    claim = run.claims()[name]
    assert claim["measure"] in measures.MEASURES
    assert claim["band"][0] <= claim["band"][1]
    assert claim["says"]
    assert claim["source"]
    result = json.loads((FOLDER / name / "result.json").read_text(encoding="utf-8"))
    assert result["flips"]
    known = [result[key] for key in ("low", "value", "high") if result[key] is not None]
    assert known == sorted(known)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.9, 2.1, "confirmed"),
        (1.8, 2.2, "confirmed"),
        (1.0, 2.0, "in a band"),
        (1.0, 3.0, "in a band"),
        (2.3, 2.4, "contradicted"),
        (0.1, 1.7, "contradicted"),
        (2.0, None, "in a band"),
        (None, None, "in a band"),
    ],
)
def test_a_verdict_compares_an_interval_with_a_band(low, high, said):
    assert run.verdict((1.8, 2.2), {"low": low, "high": high}) == said


def test_the_articles_own_numbers_have_an_elasticity_below_one():
    found = measures.elasticity({"price": 0.2, "use": 4.0, "flips": ""}, None)
    assert found.value == pytest.approx(math.log(4) / math.log(5), rel=1e-12)
    assert "x 0.80" in found.flips


def test_a_cascade_saves_what_is_kept_less_the_ratio_of_prices():
    runs = Fixed(small={"usd_per_mtoken": 0.2}, large={"usd_per_mtoken": 1.0})
    claim = {
        "small": {"chip": "a", "model": "small"}, "large": {"chip": "a", "model": "large"},
        "kept": [0.5, 0.6, 0.7], "band": [0.4, 0.7], "flips": "",
    }  # fmt: skip
    found = measures.cascade(claim, runs)
    assert (found.low, found.value, found.high) == pytest.approx((0.3, 0.4, 0.5))
    assert "40% needs 60% kept" in found.flips


def cost(usd, low, high):
    return {
        "usd_per_mtoken": usd, "usd_per_mtoken_low": usd * low, "usd_per_mtoken_high": usd * high,
        "output_tokens_per_s": 100.0, "accelerators": 2, "it_kw": 1.0, "wh_per_request": 0.3,
    }  # fmt: skip


def test_a_hybrid_saves_its_share_of_what_the_edge_is_cheaper():
    runs = Fixed(edge=cost(0.5, 0.9, 1.2), cloud=cost(1.0, 0.8, 1.1))
    claim = {"edge": {"chip": "edge"}, "cloud": {"chip": "cloud"}, "share": 0.7,
             "band": [0.5, 0.65], "flips": ""}  # fmt: skip
    found = measures.hybrid(claim, runs)
    assert found.value == pytest.approx(0.35)
    assert found.low == pytest.approx(0.7 * (1.0 - 0.6 / 0.8))
    assert found.high == pytest.approx(0.7 * (1.0 - 0.45 / 1.1))


def test_a_ratio_has_the_intervals_of_both_sides():
    runs = Fixed(one=cost(1.0, 0.5, 2.0), other=cost(1.0, 1.0, 1.0) | {"accelerators": 4})
    claim = {"of": {"chip": "one"}, "to": {"chip": "other"}, "figure": "tokens_per_s", "flips": ""}
    found = measures.ratio(claim, runs)
    assert (found.low, found.value, found.high) == pytest.approx((1.0, 2.0, 4.0))


def test_margin_is_told_at_three_uses_and_where_it_flips():
    runs = Fixed(a=lambda study: {"gross_margin": 1.0 - 0.3 / study["used"]})
    claim = {"of": {"chip": "a"}, "price": {}, "used": [0.3, 0.6, 0.9], "band": [0.4, 0.6],
             "flips": ""}  # fmt: skip
    found = measures.margin(claim, runs)
    assert (found.low, found.value, found.high) == pytest.approx((0.0, 0.5, 2.0 / 3.0))
    assert "40% at 50% use" in found.flips
    assert "below 30% use" in found.flips


def test_margins_are_on_revenue_and_beside_what_runs_say():
    models = {
        "good": {"revenue": [1.0, 2.0], "cost": [0.5, 0.8], "margin": [0.5, 0.6]},
        "bad": {"revenue": [1.0, 1.0], "cost": [5.0, 8.0], "margin": [-0.8, -0.5]},
    }
    found = measures.margins({"models": models, "flips": ""}, None)
    assert found.value == 0.5
    assert [row[3] for row in found.rows] == ["agrees", "contradicts"]
    assert found.rows[1][2] == "-700% to -400%"


def test_energy_of_a_year_is_that_of_its_queries():
    claim = {"of": {"chip": "a"}, "queries_per_day": 1e9, "band": [500, 1e5], "flips": ""}
    found = measures.yearly_energy(claim, Fixed(a=cost(1.0, 1.0, 1.0)))
    assert found.value == pytest.approx(0.3 * 365.25)


@pytest.mark.slow
def test_a_claim_that_is_tried_again_gives_what_is_on_the_page(tmp_path):
    claim = run.claims()["b200-twice-8b"]
    found = measures.MEASURES[claim["measure"]](claim, measures.Runs(tmp_path))
    told = json.loads((FOLDER / "b200-twice-8b" / "result.json").read_text(encoding="utf-8"))
    assert found.value == pytest.approx(told["value"], rel=1e-6)
