"""Arrival processes over many seeds: what one lucky seed would hide shows in the spread of all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.traffic.arrivals.arrivals import GammaRenewal, Poisson, WeibullRenewal
from sim.traffic.arrivals.hawkes import Hawkes
from sim.traffic.arrivals.ratetable import Modulated, RateTable
from sim.traffic.arrivals.superposition import Superposed
from sim.traffic.arrivals.switching import State, Switching

SEEDS = 80
SPAN_S = 1000.0
TABLE = RateTable(np.array([0.0, 300.0, 600.0, 1000.0]), np.array([2.0, 9.0, 4.0]), repeats=True)
# Mean rate, and variance over mean of the counts of long spans.
PROCESSES = {
    "poisson": (Poisson(4.0), 4.0, 1.0),
    "gamma": (GammaRenewal(4.0, 2.0), 4.0, 4.0),
    "weibull": (WeibullRenewal(4.0, 0.7), 4.0, 2.14),
    "mmpp": (Switching((State(1.0, 5.0), State(7.0, 5.0))), 4.0, 12.25),
    "on-off": (Switching((State(20.0, 1.0), State(0.0, 4.0))), 4.0, 26.6),
    "hawkes": (Hawkes(4.0, 0.5, 1.0), 4.0, 4.0),
    "table": (Modulated(Poisson(1.0), TABLE), (600 + 2700 + 1600) / 1000, 1.0),
    "superposition": (Superposed((Poisson(1.0), GammaRenewal(3.0, 2.0))), 4.0, 3.25),
}


def times_of(process, seed, span_s=SPAN_S):
    parts, clock_s = [], 0.0
    for block in process.times(np.random.default_rng(seed)):
        parts.append(block)
        clock_s = block[-1]
        if clock_s > span_s:
            break
    times = np.concatenate(parts)
    return times[times < span_s]


@pytest.mark.parametrize("name", PROCESSES)
def test_counts_of_many_seeds_have_the_mean_and_the_spread_that_they_should(name):
    """The mean within 4 standard errors; the variance below the long-run one, 5 sigma allowed."""
    process, rate_per_s, dispersion = PROCESSES[name]
    counts = np.array([len(times_of(process, seed)) for seed in range(SEEDS)])
    expected = rate_per_s * SPAN_S
    error = np.sqrt(dispersion * expected / SEEDS)
    assert abs(counts.mean() - expected) < 4 * error
    found = counts.var(ddof=1) / expected
    assert found < dispersion * (1 + 5 * np.sqrt(2 / SEEDS))
    assert found > dispersion * 0.5


@pytest.mark.parametrize(
    ("process", "law"),
    [
        (Poisson(4.0), stats.expon(scale=0.25)),
        (GammaRenewal(4.0, 2.0), stats.gamma(0.25, scale=1.0)),
        (WeibullRenewal(4.0, 0.7), stats.weibull_min(0.7, scale=WeibullRenewal(4.0, 0.7).scale_s)),
    ],
    ids=["poisson", "gamma", "weibull"],
)
def test_gaps_of_every_seed_follow_their_law(process, law):
    """P-values of a right law are uniform, so that few of many seeds look bad, but some do."""
    values = [
        stats.kstest(np.diff(times_of(process, seed, 300.0)), law.cdf).pvalue
        for seed in range(SEEDS)
    ]
    assert stats.kstest(values, stats.uniform.cdf).pvalue > 0.001


def test_time_rescaling_of_self_exciting_arrivals():
    """Between two arrivals the intensity integrates to an Exp(1) number (Ogata 1988).

    After 20 mean delays what came before time 0 plays no part any more.
    """
    rate_per_s, branching, delay_s = 4.0, 0.6, 1.5
    values = []
    for seed in range(40):
        times = times_of(Hawkes(rate_per_s, branching, delay_s), seed, 500.0)
        excited, expected = 0.0, []
        for gap_s in np.diff(times):
            excited += 1.0
            decay = np.exp(-gap_s / delay_s)
            base = rate_per_s * (1.0 - branching) * gap_s
            expected.append(base + branching * excited * (1.0 - decay))
            excited *= decay
        settled = np.array(expected)[times[1:] > 20 * delay_s]
        values.append(stats.kstest(settled, stats.expon.cdf).pvalue)
    assert stats.kstest(values, stats.uniform.cdf).pvalue > 0.001
