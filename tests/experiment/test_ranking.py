"""Orders that rest on step times of two kinds are told where they may turn."""

from __future__ import annotations

import pytest

from sim.experiment.statistics.compare import footing_notes
from sim.performance.ranking import Footing, footing, footing_of, may_turn
from sim.performance.steptime import StepTime

FITTED = StepTime(1.0, 0.1, basis="fitted", time_low=0.95, time_high=1.05)
PHYSICAL = StepTime(1.0, 0.1, basis="physical", time_low=0.7, time_high=1.8)


@pytest.mark.parametrize(
    ("better", "worse", "ratio", "turns"),
    [
        (PHYSICAL, FITTED, 1.5, True),  # a guessed chip beats a calibrated one by a third
        (PHYSICAL, FITTED, 2.0, False),  # by a half and more than its interval
        (FITTED, PHYSICAL, 1.4, True),
        (FITTED, PHYSICAL, 1.6, False),
        (PHYSICAL, PHYSICAL, 1.01, False),  # wrong alike
    ],
)
def test_an_order_turns_only_between_two_kinds_and_within_both_intervals(
    better, worse, ratio, turns
):
    assert may_turn(footing([better]), footing([worse]), ratio) is turns


def summary(basis, low, high, usd):
    pool = {"step_time": {"basis": basis, "interval": [low, high]}}
    return {"pools": {"a": pool}, "cost": {"usd_per_mtoken": usd}}


def test_a_comparison_says_which_numbers_may_turn():
    calibrated, guessed = summary("fitted", 0.95, 1.05, 1.2), summary("physical", 0.7, 1.8, 1.0)
    (note,) = footing_notes("h100", calibrated, "gaudi", guessed)
    assert "h100 rests on fitted step times" in note
    assert "cost.usd_per_mtoken" in note
    far = summary("physical", 0.7, 1.8, 0.3)
    assert footing_notes("h100", calibrated, "gaudi", far) == []
    assert footing_notes("h100", calibrated, "again", calibrated) == []
    assert footing_notes("h100", {}, "gaudi", guessed) == []


def test_the_widest_pool_counts():
    both = footing([FITTED, PHYSICAL])
    assert both == Footing(frozenset({"fitted", "physical"}), 0.7, 1.8)
    assert footing_of(summary("physical", 0.7, 1.8, 1.0)) == footing([PHYSICAL])
