"""Time bins: splitting is exact, widening loses nothing, maxima are true maxima."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.binning import MOST_BINS, Bins, EventBins

ROW = st.tuples(
    st.integers(0, 2),  # group
    st.floats(0.0, 5000.0),  # start [s]
    st.one_of(st.just(0.0), st.floats(1e-6, 3000.0)),  # length [s]
    st.floats(0.0, 1e6),  # rate
)
ROWS = st.lists(ROW, min_size=1, max_size=30)
WIDTH = st.sampled_from([None, 0.7, 1.0, 10.0, 333.3])


def columns(rows):
    group, start, length, rate = (np.array(column) for column in zip(*rows, strict=True))
    return group, start, start + length, rate.astype(float)


def test_row_is_split_at_the_edges():
    bins = Bins(1, width_s=10.0)
    bins.add(np.array([0]), np.array([5.0]), np.array([32.0]), np.array([2.0]))
    assert bins.integrals().tolist() == [[10.0, 20.0, 20.0, 4.0]]
    assert bins.starts_s().tolist() == [0.0, 10.0, 20.0, 30.0]
    assert bins.lengths_s(32.0).tolist() == [10.0, 10.0, 10.0, 2.0]


def test_row_that_ends_on_an_edge_stays_out_of_the_next_bin():
    bins = Bins(1, width_s=10.0)
    bins.cover(30.0)
    bins.add_max(np.array([0]), np.array([0.0]), np.array([20.0]), np.array([7.0]))
    assert bins.maxima().tolist() == [[7.0, 7.0, 0.0]]


def test_a_row_without_length_has_no_integral_and_no_maximum():
    bins = Bins(1, width_s=10.0)
    row = (np.array([0]), np.array([10.0]), np.array([10.0]), np.array([5.0]))
    bins.add(*row)
    bins.add_max(*row)
    assert bins.integrals().tolist() == [[0.0]]
    assert bins.maxima().tolist() == [[0.0]]


def test_quantities_are_kept_apart():
    bins = Bins(2, quantities=2, width_s=1.0)
    group, start, end = np.array([0, 1]), np.array([0.0, 0.0]), np.array([1.0, 1.0])
    added = bins.add(group, start, end, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert added.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert bins.integrals(0).tolist() == [[1.0], [2.0]]
    assert bins.integrals(1).tolist() == [[3.0], [4.0]]


@given(rows=ROWS, width_s=WIDTH)
def test_bins_add_up_to_rate_times_duration(rows, width_s):
    group, start, end, rate = columns(rows)
    bins = Bins(3, width_s=width_s)
    bins.add(group, start, end, rate)
    for index in range(3):
        mine = group == index
        expected = (rate * (end - start))[mine].sum()
        assert bins.integrals()[index].sum() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(rows=ROWS, width_s=WIDTH, cut=st.integers(0, 30))
def test_bins_do_not_depend_on_how_rows_are_handed_over(rows, width_s, cut):
    whole, parts = Bins(3, width_s=width_s), Bins(3, width_s=width_s)
    whole.add(*columns(rows))
    whole.add_max(*columns(rows))
    for part in (rows[cut:], rows[:cut]):
        if part:
            parts.add(*columns(part))
            parts.add_max(*columns(part))
    end_s = float(columns(rows)[2].max())
    parts.cover(end_s)
    assert parts.width_s == whole.width_s
    np.testing.assert_allclose(parts.integrals(), whole.integrals(), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(parts.maxima(), whole.maxima())


@given(rows=ROWS, width_s=WIDTH)
def test_each_bin_equals_the_overlap_of_the_rows_with_it(rows, width_s):
    group, start, end, rate = columns(rows)
    bins = Bins(3, width_s=width_s)
    bins.add(group, start, end, rate)
    left = bins.starts_s()
    overlap = np.minimum(end[:, None], left + bins.width_s) - np.maximum(start[:, None], left)
    amounts = np.clip(overlap, 0.0, None) * rate[:, None]
    expected = np.stack([amounts[group == index].sum(axis=0) for index in range(3)])
    np.testing.assert_allclose(bins.integrals(), expected, rtol=1e-9, atol=1e-5)


@settings(max_examples=20)
@given(horizon_s=st.floats(1.0, 1e9))
def test_self_widening_bins_stay_few_and_keep_everything(horizon_s):
    bins = Bins(1)
    group, edges = np.zeros(50, dtype=np.int64), np.linspace(0.0, horizon_s, 51)
    bins.add(group, edges[:-1], edges[1:], np.arange(50.0))
    assert bins.count <= MOST_BINS
    assert bins.width_s == 1.0 or bins.count > MOST_BINS // 2
    total = (np.arange(50.0) * np.diff(edges)).sum()
    assert bins.integrals().sum() == pytest.approx(total, rel=1e-12)


def test_widening_keeps_maxima_and_an_odd_last_bin():
    bins = Bins(1)
    bins.add_max(np.array([0, 0]), np.array([0.0, 2.0]), np.array([1.0, 3.0]), np.array([4.0, 9.0]))
    bins.cover(MOST_BINS + 1.0)
    assert bins.width_s == 2.0
    assert bins.maxima()[0, :3].tolist() == [4.0, 9.0, 0.0]


@pytest.mark.parametrize("width_s", [0.0, -1.0, float("inf"), float("nan")])
def test_width_must_be_positive(width_s):
    with pytest.raises(ValueError, match="expected a positive number of seconds"):
        Bins(1, width_s=width_s)


def test_level_counts_to_the_instant():
    present = EventBins(1, width_s=10.0)
    present.add(np.array([0, 0]), np.array([2.0, 15.0]))
    present.add(np.array([0]), np.array([25.0]), -1.0)
    present.cover(35.0)
    assert present.totals().tolist() == [[1.0, 1.0, -1.0, 0.0]]
    assert present.level_integrals(35.0).tolist() == [[8.0, 15.0, 15.0, 5.0]]


STAY = st.tuples(st.integers(0, 1), st.floats(0.0, 5000.0), st.floats(0.0, 4000.0))


@given(stays=st.lists(STAY, min_size=1, max_size=30), width_s=WIDTH)
def test_level_of_events_equals_the_integral_of_rows(stays, width_s):
    group, start, length = (np.array(column) for column in zip(*stays, strict=True))
    rows, events = Bins(2, width_s=width_s), EventBins(2, width_s=width_s)
    rows.add(group, start, start + length, np.ones(len(stays)))
    events.add(group, start)
    events.add(group, start + length, -1.0)
    end_s = float((start + length).max())
    events.cover(end_s)
    rows.cover(end_s)
    assert events.width_s == rows.width_s
    np.testing.assert_allclose(events.level_integrals(end_s), rows.integrals(), atol=1e-7)
    assert events.totals().sum() == 0.0


def test_counts_survive_widening():
    arrivals = EventBins(1)
    time_s = np.linspace(0.0, 100_000.0, 12_345)
    for part in np.array_split(time_s, 10):
        arrivals.add(np.zeros(len(part), dtype=np.int64), part)
    assert arrivals.count <= MOST_BINS
    edges = np.append(arrivals.starts_s(), np.inf)
    assert arrivals.totals()[0].tolist() == np.histogram(time_s, edges)[0].tolist()
