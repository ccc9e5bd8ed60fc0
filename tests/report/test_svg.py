import re

import numpy as np
import pytest

from sim.report.charts import svg
from sim.report.charts.axes import Axis, LinearScale

X = Axis(LinearScale(0.0, 10.0), (), "number")
Y = Axis(LinearScale(0.0, 1.0), (), "number")


def test_a_line_is_written_in_relative_grid_steps():
    made = svg.line(X, Y, [0.0, 5.0, 10.0], [0.0, 1.0, 0.5], 2, "a < b")
    assert made == '<path class="line s2" d="M0 2000l2000-2000 2000 1000" data-name="a &lt; b"/>'


def test_a_gap_parts_the_line():
    made = svg.line(X, Y, [0, 1, 2, 3, 4], [1.0, 1.0, np.nan, 1.0, np.nan], 0, "x")
    assert re.findall(r'd="([^"]*)"', made) == ["M0 0l400 0M1200 0h0"]


def test_a_line_without_values_is_not_drawn():
    assert svg.line(X, Y, [0.0, 1.0], [np.nan, np.nan], 0, "x") == ""


def test_an_area_goes_there_and_back():
    made = svg.area(X, Y, [0.0, 10.0], [0.0, 0.0], [1.0, 0.5], 1)
    assert made == '<path class="area s1" d="M0 0l4000 1000 0 1000-4000 0z"/>'


def test_a_band_without_height_is_not_drawn():
    assert svg.area(X, Y, [0.0, 10.0], [0.5, 0.5], [0.5, 0.5], 1) == ""


def test_steps_hold_each_value_to_its_end():
    times, values = svg.steps(np.array([0.0, 2.0]), np.array([2.0, 4.0]), np.array([7.0, 8.0]))
    assert times.tolist() == [0.0, 2.0, 2.0, 4.0]
    assert values.tolist() == [7.0, 7.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("place", "shown"), [(0.0, "0%"), (0.5, "50%"), (1 / 3, "33.33%"), (1.0, "100%")]
)
def test_places_are_percentages(place, shown):
    assert svg.percent(place) == shown


def test_the_label_of_a_rule_stands_at_its_left_unless_it_would_reach_over_the_axis():
    assert 'text-anchor="start"' in svg.rule_at_x(X, 1.0, "SLO", 0, 100, 0)
    for value in (5.0, 9.0):
        assert 'text-anchor="end"' in svg.rule_at_x(X, value, "SLO", 0, 100, 0)


def test_the_label_of_a_rule_has_the_colour_of_its_line():
    shown = svg.rule_at_x(X, 5.0, "SLO", 3, 100, 0)
    assert 'class="line rule s3"' in shown
    assert 'class="halo flag s3"' in shown


def test_the_label_of_a_limit_keeps_inside_the_plot():
    assert 'y="13.0"' in svg.rule_at_y(Y, 1.0, "limit", 100)
    assert 'y="45.0"' in svg.rule_at_y(Y, 0.5, "limit", 100)
