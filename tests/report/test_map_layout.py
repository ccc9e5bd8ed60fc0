import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.report.charts.map_layout import Box, Label, _text_box, fit, place_labels, spread

degrees = st.tuples(st.floats(-179, 179), st.floats(-80, 80))


@given(st.lists(degrees, min_size=1, max_size=30))
def test_every_place_lies_inside_the_margin(places):
    lon, lat = np.array(places).T
    x, y = fit(lon, lat, 700, 400, 40).place(lon, lat)
    assert np.all((x >= 40 - 1e-6) & (x <= 660 + 1e-6))
    assert np.all((y >= 40 - 1e-6) & (y <= 360 + 1e-6))


def test_north_is_up_and_east_is_right():
    lon, lat = np.array([8.7, 18.1]), np.array([50.1, 59.3])
    x, y = fit(lon, lat, 700, 400, 40).place(lon, lat)
    assert x[0] < x[1]
    assert y[0] > y[1]


def test_the_edges_are_those_of_the_box():
    projection = fit(np.array([0.0, 10.0]), np.array([40.0, 60.0]), 700, 400, 40)
    west, east, south, north = projection.edges()
    assert projection.place(west, north) == (pytest.approx(0.0), pytest.approx(0.0))
    assert projection.place(east, south) == (pytest.approx(700.0), pytest.approx(400.0))


def test_places_in_one_city_part():
    moved = spread(np.full((5, 2), 200.0), 30.0, (400, 400), 20.0)
    distance = np.hypot(*(moved[:, None] - moved[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    assert distance.min() > 29.0
    assert np.abs(moved - 200.0).max() < 60.0


def test_places_far_apart_stay():
    points = np.array([[50.0, 50.0], [200.0, 300.0]])
    assert spread(points, 30.0, (400, 400), 20.0) == pytest.approx(points, abs=0.02)


@given(arrays(np.float64, st.tuples(st.integers(1, 25), st.just(2)), elements=st.floats(0, 300)))
def test_labels_overlap_neither_each_other_nor_markers(points):
    labels = [Label(f"place-{i}", x, y, 12.0, 13.0) for i, (x, y) in enumerate(points.tolist())]
    markers = [Box(x - 9, y - 9, x + 9, y + 9) for x, y in points.tolist()]
    placed = place_labels(labels, markers, 300, 300)
    boxes = [_text_box(p.label, p.x, p.y, p.anchor) for p in placed]
    for number, box in enumerate(boxes):
        assert box.left >= 0
        assert box.bottom <= 300
        assert not any(box.overlaps(other) for other in [*boxes[:number], *markers])


def test_the_first_label_wins_the_place():
    first, second = (Label(text, 50.0, 50.0, 10.0, 0.0) for text in ("one", "two"))
    assert [p.label.text for p in place_labels([first, second], [], 100, 100)] == ["one"]


def test_a_centred_label_slides_along_its_line():
    blocked = Box(40, 40, 60, 60)
    label = Label("5 ms", 50.0, 50.0, 10.0, 0.0, along=(200.0, 0.0))
    (placed,) = place_labels([label], [blocked], 300, 100)
    assert placed.x == pytest.approx(90.0)
