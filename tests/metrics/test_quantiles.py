"""Quantiles: exact ones are numpy's, the histogram keeps its guarantee, merging is union."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.metrics.quantiles import RELATIVE_ERROR, SMALLEST, LogHistogram, Quantiles

VALUE = st.one_of(st.just(0.0), st.floats(SMALLEST, 1e12))
VALUES = st.lists(VALUE, min_size=1, max_size=80)
SHARES = (0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


def histogram_of(values):
    histogram = LogHistogram()
    histogram.add(np.array(values, dtype=float))
    return histogram


@given(values=VALUES, share=st.floats(0.0, 1.0))
def test_histogram_is_within_its_guaranteed_error(values, share):
    true = np.quantile(values, [*SHARES, share])
    found = histogram_of(values).quantiles([*SHARES, share])
    assert np.all(np.abs(found - true) <= RELATIVE_ERROR * true + 1e-15 * max(values))


@given(exponent=st.integers(-2000, 2000))
def test_error_bound_holds_at_the_edges_of_buckets(exponent):
    edge = ((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)) ** exponent
    for value in (np.nextafter(edge, 0.0), edge, np.nextafter(edge, np.inf)):
        found = histogram_of([value]).quantiles([0.5])[0]
        assert abs(found - value) <= RELATIVE_ERROR * value or value < SMALLEST


@given(first=VALUES, second=VALUES)
def test_merge_is_the_histogram_of_the_union(first, second):
    merged = histogram_of(first)
    merged.merge(histogram_of(second))
    for found, expected in zip(
        merged.to_arrays(), histogram_of(first + second).to_arrays(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert merged.count == len(first) + len(second)


@given(values=VALUES, data=st.data())
def test_order_of_values_does_not_matter(values, data):
    shuffled = data.draw(st.permutations(values))
    parts = LogHistogram()
    for value in shuffled:
        parts.add(np.array([value]))
    np.testing.assert_array_equal(parts.quantiles(SHARES), histogram_of(values).quantiles(SHARES))


@given(values=VALUES)
def test_arrays_bring_the_histogram_back(values):
    histogram = histogram_of(values)
    copy = LogHistogram.from_arrays(*histogram.to_arrays())
    np.testing.assert_array_equal(copy.quantiles(SHARES), histogram.quantiles(SHARES))
    assert copy.count == len(values)


@pytest.mark.parametrize("bad", [-1e-9, float("nan"), float("inf")])
def test_values_that_are_no_latency_are_refused(bad):
    with pytest.raises(ValueError, match="finite numbers that are not negative"):
        histogram_of([1.0, bad, 2.0])


def test_no_values_have_no_quantile():
    assert np.isnan(LogHistogram().quantiles([0.5])).all()
    assert np.isnan(Quantiles(10).quantiles([0.5, 0.9])).all()
    assert np.isnan(Quantiles(10).mean)


@given(values=st.lists(VALUES, min_size=1, max_size=5))
def test_up_to_the_stated_number_quantiles_are_numpys(values):
    together = [value for chunk in values for value in chunk]
    quantiles = Quantiles(exact_up_to=len(together))
    for chunk in values:
        quantiles.add(np.array(chunk))
    assert quantiles.exact
    assert quantiles.guaranteed_error == 0.0
    np.testing.assert_array_equal(quantiles.quantiles(SHARES), np.quantile(together, SHARES))
    assert quantiles.mean == pytest.approx(np.mean(together))


def test_one_value_more_turns_into_the_histogram_and_says_so():
    values = np.random.default_rng(1).lognormal(0.0, 1.5, 1001)
    quantiles = Quantiles(exact_up_to=1000)
    quantiles.add(values[:1000])
    assert quantiles.exact
    quantiles.add(values[1000:])
    assert not quantiles.exact
    assert quantiles.guaranteed_error == 0.005
    np.testing.assert_array_equal(
        quantiles.quantiles(SHARES), histogram_of(values).quantiles(SHARES)
    )
    assert quantiles.mean == pytest.approx(values.mean(), rel=1e-14)


@given(first=VALUES, second=VALUES, limits=st.tuples(st.integers(0, 90), st.integers(0, 90)))
def test_merged_accumulators_hold_both(first, second, limits):
    one, other = Quantiles(limits[0]), Quantiles(limits[1])
    one.add(np.array(first))
    other.add(np.array(second))
    one.merge(other)
    true = np.quantile(first + second, SHARES)
    found = one.quantiles(SHARES)
    bound = one.guaranteed_error * true + 1e-15 * max(first + second)
    assert np.all(np.abs(found - true) <= bound)
    assert one.count == len(first + second)
    assert one.exact == (other.exact and one.count <= limits[0])
