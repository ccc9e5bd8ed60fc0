import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.report.charts.downsample import bucket, row_width_s

values = arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e6, 1e6))


def test_three_rows_per_bucket_literally():
    mean = np.array([1.0, 5.0, 3.0, 2.0, np.nan, 4.0, 9.0])
    parts = bucket(np.arange(7) * 10.0, mean, mean + 1, 10.0, at_most=3)
    assert parts.start_s.tolist() == [0.0, 30.0, 60.0]
    assert parts.end_s.tolist() == [30.0, 60.0, 70.0]
    assert parts.mean.tolist() == [3.0, 3.0, 9.0]
    assert parts.low.tolist() == [1.0, 2.0, 9.0]
    assert parts.high.tolist() == [6.0, 5.0, 10.0]


@given(values, st.integers(1, 50))
def test_extremes_survive_and_the_mean_stays_between(column, at_most):
    parts = bucket(np.arange(len(column), dtype=float), column, column, 1.0, at_most)
    assert len(parts) <= at_most
    assert parts.low.min() == column.min()
    assert parts.high.max() == column.max()
    slack = 1e-9 * np.abs(column).max() + 1e-12
    assert np.all(parts.low - slack <= parts.mean)
    assert np.all(parts.mean <= parts.high + slack)


@given(values)
def test_enough_buckets_change_nothing(column):
    parts = bucket(np.arange(len(column), dtype=float), column, column, 1.0, len(column))
    assert parts.mean.tolist() == column.tolist()


def test_a_gap_stays_a_gap():
    parts = bucket(np.arange(4.0), np.array([1.0, 1.0, np.nan, np.nan]), np.full(4, np.nan), 1.0, 2)
    assert parts.mean[0] == 1.0
    assert np.isnan(parts.mean[1])


def test_nothing_gives_nothing():
    assert len(bucket(np.array([]), np.array([]), np.array([]), 1.0, 10)) == 0


def test_row_width_is_the_usual_distance():
    assert row_width_s(np.array([0.0, 0.0, 10.0, 10.0, 20.0])) == pytest.approx(10.0)
    assert row_width_s(np.array([5.0])) == 1.0
