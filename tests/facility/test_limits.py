"""What went above its limit, at every level, on a literal timeline."""

from __future__ import annotations

import numpy as np
import pytest

from sim.facility.metering.limits import above_limits, limit_warnings, row_figures
from sim.facility.metering.meter import PowerMeter


@pytest.fixture
def meter(make_plant):
    """Replica 0, alone in rack a/h/r1/k1, idles for 4 s and then draws 700 W for 6 s."""
    idle_w, busy_w = rack_w(make_plant(), 75.0), rack_w(make_plant(), 700.0)
    limit_w = 0.5 * (idle_w[0] + busy_w[0])
    tight = {
        "rack_limit_w": np.array([limit_w, 9e3, 9e3, 9e3]),
        "row_limit_w": np.array([limit_w + idle_w[1], np.inf, np.inf]),
        "site_limit_w": np.array([20e3, np.inf]),
    }
    meter = PowerMeter(make_plant(**tight))
    meter.advance(activity((0, 0.0, 4.0, 75.0), (0, 4.0, 10.0, 700.0)), 10.0)
    return meter


def activity(*rows):
    others = [(replica, 0.0, 10.0, 75.0) for replica in (1, 2)]
    return np.array([[*row, 0.0, 0.0, 0.0, 0.0] for row in (*rows, *others)])


def rack_w(plant, watts):
    meter = PowerMeter(plant)
    meter.advance(activity((0, 0.0, 10.0, watts)), 10.0)
    return meter.power_w[meter.points.spans["rack"]]


def test_racks_and_rows_above_their_limit_are_named_with_their_share_of_time(meter):
    found = above_limits(meter, 10.0)
    assert {level: (places["count"], len(places["worst"])) for level, places in found.items()} == {
        "rack": (1, 1),
        "row": (1, 1),
    }
    (rack,) = found["rack"]["worst"]
    assert (rack["name"], rack["share_above"]) == ("a/h/r1/k1", pytest.approx(0.6))
    assert rack["headroom_w"] == rack["limit_w"] - rack["peak_w"] < 0.0
    said = list(limit_warnings(above_limits(meter, 10.0)))
    assert [text.split(" went")[0] for text in said] == ["rack a/h/r1/k1", "row a/h/r1"]
    assert all("60 % of the time" in text for text in said)


def test_rows_say_what_their_peak_leaves(meter):
    rows = row_figures(meter, 10.0)
    assert list(rows) == ["a/h/r1", "a/h/r2", "b/h/r1"]
    above = rows["a/h/r1"]
    assert above["share_above"] == pytest.approx(0.6)
    # The limit is half way up, the mean six tenths.
    over_w, mean_over_w = above["peak_w"] - above["limit_w"], above["mean_w"] - above["limit_w"]
    assert mean_over_w == pytest.approx(0.2 * over_w)
    assert rows["a/h/r2"]["limit_w"] == np.inf  # it has none
    assert rows["a/h/r2"]["share_above"] == 0.0


def test_the_worst_of_many_comes_first(make_plant):
    tight = {"rack_limit_w": np.array([900.0, 9e3, 500.0, 100.0])}
    meter = PowerMeter(make_plant(**tight))
    meter.advance(activity((0, 0.0, 10.0, 75.0)), 10.0)
    found = above_limits(meter, 10.0)["rack"]
    fullness = [place["peak_w"] / place["limit_w"] for place in found["worst"]]
    assert found["count"] == 3
    assert fullness == sorted(fullness, reverse=True)
    assert found["worst"][0]["name"] == "b/h/r1/k1"
    (warning,) = limit_warnings(above_limits(meter, 10.0))
    assert warning.startswith("3 racks went above the power limit: b/h/r1/k1, the worst, drew")


def test_within_its_limits_a_plant_has_nothing_to_say(make_plant):
    meter = PowerMeter(make_plant(rack_limit_w=np.full(4, 9e3), row_limit_w=np.full(3, 20e3)))
    meter.advance(activity((0, 0.0, 10.0, 75.0)), 10.0)
    assert above_limits(meter, 10.0) == {}
    assert list(limit_warnings(above_limits(meter, 10.0))) == []
