"""MSER-5 against its definition written as a loop, and on a series with a known start-up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.experiment.statistics.warmup import GROUP, Warmup, mser5


def by_definition(series):
    means = np.asarray(series)[: len(series) // GROUP * GROUP].reshape(-1, GROUP).mean(axis=1)
    error = [means[d:].var() / (len(means) - d) for d in range(len(means) // 2 + 1)]
    return int(np.argmin(error)) * GROUP


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(10, 300), level=st.floats(0, 1e6))
def test_equals_the_definition(seed, count, level):
    series = level + np.random.default_rng(seed).normal(size=count)
    assert mser5(series).observations == by_definition(series)


def test_cuts_a_start_up_and_little_more():
    series = np.random.default_rng(3).normal(size=2000)
    series[:200] += np.linspace(20.0, 2.0, 200)
    found = mser5(series)
    assert found.settled
    assert 190 <= found.observations <= 260


def test_a_series_that_still_grows_is_not_settled():
    assert not mser5(np.arange(1000.0)).settled


@pytest.mark.parametrize("count", [0, 4, 9])
def test_a_short_series_keeps_everything(count):
    assert mser5(np.ones(count)) == Warmup(0, settled=False)


def test_a_constant_series_keeps_everything():
    assert mser5(np.full(100, 2.5)) == Warmup(0, settled=True)
