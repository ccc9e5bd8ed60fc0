"""Arrival processes against what theory says of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from sim.traffic.arrivals.arrivals import GammaRenewal, Poisson, WeibullRenewal
from sim.traffic.fitting.statistics import dispersion, gap_cv


def first(process, count, generator):
    """Return the first arrivals of a process."""
    blocks, total = [], 0
    for block in process.times(generator):
        blocks.append(block)
        total += len(block)
        if total >= count:
            return np.concatenate(blocks)[:count]
    raise AssertionError("an arrival process never ends")


EVERY = [Poisson(3.0), GammaRenewal(3.0, 2.5), GammaRenewal(3.0, 0.4), WeibullRenewal(3.0, 0.6)]


@pytest.mark.parametrize("process", EVERY)
def test_times_go_on_without_a_step_back(process, generator):
    times = np.concatenate(list(itertools.islice(process.times(generator), 4)))
    assert times[0] > 0
    assert (np.diff(times) >= 0).all()


def test_poisson_gaps_are_exponential(generator):
    gaps = np.diff(first(Poisson(5.0), 50_000, generator))
    assert stats.kstest(gaps, stats.expon(scale=0.2).cdf).pvalue > 0.001


@pytest.mark.parametrize("cv", [0.3, 1.0, 3.0])
def test_gamma_gaps_have_the_mean_and_cv_asked_for(cv, generator):
    times = first(GammaRenewal(2.0, cv), 200_000, generator)
    gaps = np.diff(times)
    assert gaps.mean() == pytest.approx(0.5, abs=4 * 0.5 * cv / np.sqrt(len(gaps)))
    assert gap_cv(times) == pytest.approx(cv, rel=0.05)
    shape = cv**-2
    drawn = GammaRenewal(2.0, cv).gaps(20_000, generator)
    assert stats.kstest(drawn, stats.gamma(shape, scale=0.5 / shape).cdf).pvalue > 0.001


def test_a_renewal_process_disperses_as_its_gaps_do(generator):
    """Over long windows the index of dispersion of a renewal process tends to cv squared."""
    times = first(GammaRenewal(10.0, 2.0), 400_000, generator)
    assert dispersion(times, 100.0, times[-1]) == pytest.approx(4.0, rel=0.2)


@pytest.mark.parametrize("shape", [0.5, 1.0, 3.0])
def test_weibull_gaps_have_the_mean_and_shape_asked_for(shape, generator):
    process = WeibullRenewal(2.0, shape)
    gaps = process.gaps(50_000, generator)
    assert gaps.mean() == pytest.approx(0.5, abs=4 * gaps.std() / np.sqrt(len(gaps)))
    law = stats.weibull_min(shape, scale=process.scale_s)
    assert stats.kstest(gaps, law.cdf).pvalue > 0.001


@pytest.mark.parametrize("shape", [0.5, 2.0])
def test_the_first_weibull_arrival_is_that_of_a_process_that_always_ran(shape, generator):
    process = WeibullRenewal(1.0, shape)
    waits = [process.first_gap(generator) for _ in range(20_000)]
    gaps = stats.weibull_min(shape, scale=process.scale_s)
    expected = gaps.moment(2) / 2
    assert np.mean(waits) == pytest.approx(expected, abs=4 * np.std(waits) / np.sqrt(len(waits)))


@pytest.mark.parametrize("cv", [0.3, 3.0])
def test_the_first_arrival_is_that_of_a_process_that_always_ran(cv, generator):
    """The mean forward recurrence time is (1 + cv**2) / 2 mean gaps."""
    process = GammaRenewal(1.0, cv)
    waits = [process.first_gap(generator) for _ in range(20_000)]
    error = np.std(waits) / np.sqrt(len(waits))
    assert np.mean(waits) == pytest.approx((1 + cv**2) / 2, abs=4 * error)
