"""Rates over time, and arrivals that follow them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.traffic.arrivals.arrivals import GammaRenewal, Poisson
from sim.traffic.arrivals.ratetable import Modulated, RateTable

RISE = RateTable(np.array([0.0, 10.0, 30.0]), np.array([1.0, 4.0]))
ROUND = RateTable(np.array([0.0, 10.0, 30.0]), np.array([1.0, 4.0]), repeats=True)
GAP = RateTable(np.array([0.0, 1.0, 2.0, 3.0]), np.array([5.0, 0.0, 5.0]), repeats=True)


def first(process, count, generator):
    """Return the first arrivals of a process."""
    blocks = itertools.islice(process.times(generator), 200)
    return np.concatenate(list(blocks))[:count]


def test_expected_arrivals_by_hand():
    times = np.array([0.0, 5.0, 10.0, 20.0, 30.0, 40.0])
    assert RISE.expected(times).tolist() == [0, 5, 10, 50, 90, 130]
    assert ROUND.expected(times).tolist() == [0, 5, 10, 50, 90, 100]
    assert RISE.mean_per_s == 3.0


@given(st.floats(0, 1e4))
def test_the_time_of_the_expected_arrivals_is_the_time(time_s):
    for table in (RISE, ROUND):
        back = table.time_of(table.expected(np.array([time_s])))
        assert back[0] == pytest.approx(time_s, abs=1e-6)


def test_no_arrival_falls_where_the_rate_is_zero(generator):
    times = first(Modulated(Poisson(1.0), GAP), 5000, generator)
    assert ((times % 3 < 1) | (times % 3 >= 2)).all()


def test_a_rate_that_ends_at_zero_ends_the_arrivals(generator):
    table = RateTable(np.array([0.0, 10.0, 11.0]), np.array([100.0, 0.0]))
    times = np.concatenate(list(Modulated(Poisson(1.0), table).times(generator)))
    assert times[-1] < 10
    assert abs(len(times) - 1000) < 4 * np.sqrt(1000)


@pytest.mark.parametrize("table", [RISE, ROUND, GAP], ids=["rise", "round", "gap"])
def test_time_rescaling_over_many_seeds(table):
    """On the clock of expected arrivals, the gaps are exponential: p-values are uniform."""
    values = []
    for seed in range(60):
        process = Modulated(Poisson(1.0), table)
        times = next(itertools.islice(process.times(np.random.default_rng(seed)), 1, None))
        gaps = np.diff(table.expected(times[:1500]))
        values.append(stats.kstest(gaps, stats.expon.cdf).pvalue)
    assert stats.kstest(values, stats.uniform.cdf).pvalue > 0.001


def test_local_burstiness_follows_the_base_process(generator):
    """With many arrivals per piece, gaps at constant rate keep the cv of the base."""
    slow = RateTable(np.array([0.0, 1000.0, 2000.0]), np.array([5.0, 20.0]), repeats=True)
    times = first(Modulated(GammaRenewal(1.0, 2.5), slow), 20_000, generator)
    gaps = np.diff(times[times < 1000])
    assert gaps.std() / gaps.mean() == pytest.approx(2.5, rel=0.15)
