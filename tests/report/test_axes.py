import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.charts import axes
from sim.report.formats import GAP


def labels(axis):
    return [label.replace(GAP, " ") for _, label in axis.ticks]


@pytest.mark.parametrize(
    ("length", "step"), [(1.0, 0.5), (8.0, 2.0), (10.0, 5.0), (0.03, 0.01), (4e6, 1e6)]
)
def test_nice_step_is_one_two_or_five(length, step):
    assert axes.nice_step(length, 4) == pytest.approx(step)


def test_value_axis_ends_on_a_tick_above_the_data():
    axis = axes.value_axis(630e3, "power")
    assert labels(axis) == ["0", "200 kW", "400 kW", "600 kW", "800 kW"]
    assert axis.scale.ends == (0.0, 800e3)


@pytest.mark.parametrize("empty", [0.0, float("nan"), float("inf")])
def test_value_axis_without_data_still_has_a_scale(empty):
    assert axes.value_axis(empty, "number").scale.ends == (0.0, 1.0)


@pytest.mark.parametrize(
    ("end_s", "shown"),
    [
        (3600, ["0", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min"]),
        (86400, ["0", "6 h", "12 h", "18 h", "24 h"]),
        (3, ["0", "0.5 s", "1 s", "1.5 s", "2 s", "2.5 s", "3 s"]),
        (45, ["0", "10 s", "20 s", "30 s", "40 s"]),
    ],
)
def test_time_axis_ticks_on_clock_units(end_s, shown):
    assert labels(axes.time_axis(0.0, end_s)) == shown


def test_log_axis_shows_decades_or_finer():
    assert labels(axes.log_axis(0.02, 8.0, "duration")) == ["100 ms", "1 s", "10 s"]
    assert labels(axes.log_axis(0.006, 0.045, "duration")) == ["5 ms", "10 ms", "20 ms", "50 ms"]


def test_ladder_spaces_the_nines_evenly():
    axis = axes.ladder_axis(3.0)
    assert labels(axis) == ["0 %", "50 %", "75 %", "90 %", "95 %", "99 %", "99.9 %"]
    assert axis.scale.place([0.0, 0.9, 0.99, 0.999, 1.0]) == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])


@given(st.floats(1e-6, 1e6), st.floats(1.0, 1e6))
def test_log_axis_covers_its_data_with_few_ticks(low, ratio):
    axis = axes.log_axis(low, low * ratio, "duration")
    assert axis.scale.low <= low * (1 + 1e-9)
    assert axis.scale.high >= low * ratio * (1 - 1e-9)
    assert 1 <= len(axis.ticks) <= 7
    assert all(axis.scale.low <= value <= axis.scale.high for value, _ in axis.ticks)


@given(st.floats(1e-3, 1e9))
def test_time_axis_has_few_ticks_inside(end_s):
    axis = axes.time_axis(0.0, end_s)
    assert 1 <= len(axis.ticks) <= 8
    assert all(0 <= value <= end_s * (1 + 1e-9) for value, _ in axis.ticks)


@pytest.mark.parametrize(
    "scale", [axes.LinearScale(2.0, 5.0), axes.LogScale(0.1, 50.0), axes.NinesScale(2.0)]
)
def test_scales_are_monotone_and_clipped(scale):
    places = scale.place(np.linspace(-1.0, 100.0, 500))
    assert np.all(np.diff(places) >= 0)
    assert places.min() >= 0
    assert places.max() <= 1
