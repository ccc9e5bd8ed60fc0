import math

import pytest

from sim.report.figures.variant_curves import save_curves
from sim.report.figures.variant_plots import quantity, save_figures, save_over_time

PNG = b"\x89PNG\r\n\x1a\n"


def test_runs_are_drawn_over_time(facility_result, tmp_path):
    path = tmp_path / "picture.png"
    columns = ["facility_w", "inlet_c", "plate_c", "clock", "outside_c", "ttft_s"]
    save_over_time({"one": facility_result, "two": facility_result}, columns, path)
    assert path.read_bytes()[:8] == PNG
    assert path.stat().st_size < 150_000


def test_equal_runs_give_equal_pictures(facility_result, tmp_path):
    paths = [tmp_path / name for name in ("a.png", "b.png")]
    for path in paths:
        save_over_time({"one": facility_result}, ["clock"], path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_figures_are_drawn_with_gaps_where_there_are_none(tmp_path):
    path = tmp_path / "picture.png"
    table = {"a": {"x": 1.0, "y": math.nan}, "b": {"x": 2.0, "y": 3.0}}
    save_figures(table, ["x", "y"], path)
    assert path.read_bytes()[:8] == PNG


def test_a_column_that_cannot_be_drawn_is_refused():
    with pytest.raises(KeyError, match="nonsense"):
        quantity("nonsense")


def test_variants_are_drawn_against_a_figure(tmp_path):
    path = tmp_path / "picture.png"
    one, two = {"x": (0.1, 0.0), "y": (1.0, 0.2)}, {"x": (0.2, 0.0), "y": (2.0, math.nan)}
    save_curves({"a: 1": one, "a: 2": two, "level": one}, "x", ["y"], path)
    assert path.read_bytes()[:8] == PNG


def test_requests_are_drawn_by_the_time_of_their_arrival(facility_result, tmp_path):
    path = tmp_path / "picture.svg"
    tier = next(iter(facility_result.summary["sla"]))
    columns = ["goodput_per_s", f"ttft_s of {tier}"]
    save_over_time({"one": facility_result}, columns, path)
    text = path.read_text(encoding="utf-8")
    assert f"TTFT p99 [s], {tier}" in text
