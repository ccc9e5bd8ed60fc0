"""The page of a study, from tables written by hand."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pytest
from chromium import check_everywhere
from report_cases import ATTACK, ATTAINED, ENERGY, GRID, LATENCY, study
from report_cases import study_result as result

from sim.experiment.study.axes import axes_of
from sim.experiment.study.design import expand
from sim.report.charts.study import Measured
from sim.report.charts.study_front import front_rows, pareto_pair
from sim.report.charts.study_heat import STEPS, cell_text, color_steps
from sim.report.charts.study_scales import (
    axis_title,
    bounded,
    design_scale,
    metric_scale,
    metric_title,
    short_texts,
    unit_of,
)
from sim.report.figures.study_plots import save_study_picture
from sim.report.html.study_page import render_study, write_study_report


def options(page):
    """Return the options that a page carries."""
    packed = re.findall(r'<script type="text/plain">([^<]+)</script>', page)
    return [json.loads(gzip.decompress(base64.b64decode(text)))["option"] for text in packed]


def test_axes_know_numbers_with_units_and_names():
    loaded = study(**GRID)
    rate, policy = axes_of(loaded.study, expand(loaded.study))
    assert (rate.title, rate.numbers) == ("a.rate", (1.0, 2.0, 5.0))
    assert (policy.texts, policy.numbers) == (("x", "y"), None)
    assert [rate.places[i] for i in range(6)] == [0, 0, 1, 1, 2, 2]


def test_values_that_change_together_are_one_axis():
    loaded = study(
        zip={"a": [7, 4], "b": [1, 4]}, list=[{"label": "one", "c": 1, "d": 2}, {"c": 3}]
    )
    zipped, listed = axes_of(loaded.study, expand(loaded.study))
    assert (zipped.title, zipped.texts, zipped.numbers) == ("a + b", ("7 + 1", "4 + 4"), (7.0, 4.0))
    assert listed.texts == ("1 + 2", "3 + ")


def test_labels_name_the_entries_of_a_list():
    loaded = study(list=[{"label": "one", "c": 1, "d": 2}, {"label": "two", "c": 3}])
    (listed,) = axes_of(loaded.study, expand(loaded.study))
    assert listed.texts == ("one", "two")


def test_an_axis_with_one_value_is_none():
    loaded = study(grid={"a": [1], "b": [1, 2]})
    assert [axis.title for axis in axes_of(loaded.study, expand(loaded.study))] == ["b"]


def test_the_page_shows_lines_maps_front_and_table():
    page = render_study(result(study(**GRID)))
    anchors = re.findall(r'<section id="(\w+)"', page)
    assert anchors == ["lines", "maps", "front", "table", "runs"]
    assert page.count("<figure class=") == 3 + 3 + 1
    assert ATTACK not in page
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org\S*", "", page)


def test_a_third_axis_gives_a_chart_per_value():
    sweep = {"grid": GRID["grid"] | {"b": [1, 2]}}
    page = render_study(result(study(**sweep)))
    assert page.count("<figure class=") == 3 * 2 + 1
    assert "policy of a" in page


def test_a_failed_run_is_listed_with_its_reason():
    page = render_study(result(study(**GRID), [(5, 2, f"no memory {ATTACK}")]))
    assert "1 failed" in page
    assert "no memory &lt;script&gt;" in page


def test_a_study_without_a_result_has_a_page(tmp_path):
    empty = result(study(**GRID))
    empty.intervals = empty.intervals.iloc[:0]
    path = write_study_report(empty, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_sampled_axes_are_dots_without_lines():
    axis = {"from": 1, "to": 9}
    page = render_study(result(study(lhs={"samples": 5, "axes": {"a": axis, "b": axis}})))
    lines = page.split('id="lines"')[1].split("</section>")[0]
    assert lines.count("<figure class=") == 3 * 2
    assert all(chart["series"][0]["type"] == "scatter" for chart in options(lines))


def measured(metric, *values):
    found = np.array(values)
    return Measured(metric, tuple(range(len(values))), found, found, found)


def test_the_front_holds_what_no_other_beats():
    energy, share = measured(ENERGY, 3.0, 1.0, 2.0, 2.0), measured(ATTAINED, 0.9, 0.5, 0.7, 0.6)
    assert front_rows(energy, share).tolist() == [1, 2, 0]


def test_equal_variants_are_one_choice():
    assert len(front_rows(measured(ENERGY, 1.0, 1.0), measured(ATTAINED, 0.5, 0.5))) == 1


def test_what_it_takes_is_weighed_against_what_it_gives():
    found = [
        measured(ATTAINED, 0.5, 0.9),
        measured(LATENCY, 1.0, 2.0),
        measured(ENERGY, 1.0, 2.0),
    ]
    pair = pareto_pair(found)
    assert [each.metric for each in pair] == [ENERGY, ATTAINED]
    assert pareto_pair([measured(ATTAINED, 0.5, 0.9), measured(ENERGY, 2.0, 1.0)]) is None


@pytest.mark.parametrize(
    ("metric", "unit"),
    [(LATENCY, "duration"), (ATTAINED, "share"), ("throughput.requests_per_s", "number")],
)
def test_the_name_tells_the_unit(metric, unit):
    assert unit_of(metric) == unit


def test_no_interval_leaves_what_a_number_can_be():
    ends = np.array([-1.0, 2.0])
    assert bounded(LATENCY, ends).tolist() == [0.0, 2.0]
    assert bounded(ATTAINED, ends).tolist() == [0.0, 1.0]
    assert bounded(ENERGY, ends).tolist() == [-1.0, 2.0]


def test_axes_stretch_where_values_do():
    wide = np.array([0.1, 50.0])
    assert metric_scale(LATENCY, wide, wide, wide).log
    near = np.array([0.97, 0.99])
    scale = metric_scale(ATTAINED, near, near, near)
    assert (scale.low, scale.high) == (pytest.approx(0.96), 1.0)
    assert metric_scale(ATTAINED, wide / 50, wide / 50, wide / 50).low == 0.0


def test_a_limit_that_is_near_is_on_the_axis():
    values = np.array([0.2, 0.3])
    assert metric_scale(LATENCY, values, values, values, limit=0.5).high >= 0.5
    assert metric_scale(LATENCY, values, values, values, limit=50.0).high < 1.0


def test_names_stand_side_by_side():
    loaded = study(**GRID)
    _, policy = axes_of(loaded.study, expand(loaded.study))
    scale, places = design_scale(policy)
    assert places.tolist() == [0.0, 1.0]
    assert scale.texts == ("x", "y")


def test_colours_go_from_least_to_most():
    assert color_steps(np.array([1.0, 2.0, 3.0])).tolist() == [0, STEPS // 2, STEPS - 1]
    assert color_steps(np.array([1.0, 10.0, 100.0])).tolist() == [0, STEPS // 2, STEPS - 1]
    assert color_steps(np.array([5.0, 5.0])).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [(ATTAINED, 0.99996, "99.9"), (ATTAINED, 1.0, "100"), (LATENCY, 0.1364, "0.14")],
)
def test_a_cell_has_room_for_a_short_number(metric, value, text):
    assert cell_text(metric, value) == text


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_fits_and_can_be_read(tmp_path):
    found = result(study(**GRID), failures=[(0, 1, "ZeroDivisionError: one")])
    check_everywhere(write_study_report(found, tmp_path / "page.html").as_uri())


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        ("latency.tiers.premium.ttft_s.p99_9", "TTFT p99.9, premium [s]"),
        ("latency.all.e2e_s.mean", "E2E mean [s]"),
        ("sla.premium.attainment", "within SLO, premium [%]"),
        ("power.fra.peak_kw", "peak IT power, fra [kW]"),
        ("carbon.kg", "carbon [kg]"),
        ("requests.rejected", "requests.rejected"),
    ],
)
def test_numbers_have_names_that_people_use(metric, title):
    assert metric_title(metric) == title


def test_a_unit_that_all_values_share_is_told_once():
    rate, policy = axes_of(study(**GRID).study, expand(study(**GRID).study))
    assert axis_title(rate) == "rate of a [req/s]"
    assert design_scale(rate)[0].ticks == (1.0, 2.0, 5.0)
    assert (axis_title(policy), short_texts(policy)) == ("policy of a", ["x", "y"])
    together = study(zip={"a": ["10 req/s", "20 req/s"], "b": ["1 req/s", "2 req/s"]})
    (both,) = axes_of(together.study, expand(together.study))
    assert (axis_title(both), short_texts(both)) == ("a + b [req/s]", ["10 + 1", "20 + 2"])


def test_wide_numbers_stand_on_a_logarithmic_axis():
    loaded = study(grid={"a": [1, 3, 10, 100]})
    (axis,) = axes_of(loaded.study, expand(loaded.study))
    assert design_scale(axis)[0].log
    near = study(grid={"a": [90, 91, 92, 110]})
    (axis,) = axes_of(near.study, expand(near.study))
    assert not design_scale(axis)[0].log


def test_a_study_has_a_picture(tmp_path):
    save_study_picture(result(study(**GRID)), tmp_path / "picture.png")
    first = (tmp_path / "picture.png").read_bytes()
    save_study_picture(result(study(**GRID)), tmp_path / "picture.png")
    assert first.startswith(b"\x89PNG")
    assert (tmp_path / "picture.png").read_bytes() == first


def test_a_study_without_axes_has_no_picture(tmp_path):
    save_study_picture(result(study()), tmp_path / "picture.png")
    assert not list(tmp_path.iterdir())
