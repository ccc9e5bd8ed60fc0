"""Markov-modulated, ON/OFF and self-exciting traffic against their theory."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sim.traffic.arrivals.arrivals import Poisson
from sim.traffic.arrivals.hawkes import Hawkes
from sim.traffic.arrivals.superposition import Superposed
from sim.traffic.arrivals.switching import State, Switching
from sim.traffic.fitting.statistics import dispersion, empty_share

MMPP = Switching((State(2.0, 5.0), State(12.0, 2.0)))
ON_OFF = Switching((State(20.0, 2.0), State(0.0, 8.0, cv=2.0)))


def until(process, span_s, seed):
    """Return the arrivals before ``span_s``."""
    blocks = itertools.takewhile(
        lambda block: block[0] < span_s, process.times(np.random.default_rng(seed))
    )
    times = np.concatenate([np.empty(0), *blocks])
    return times[times < span_s]


@pytest.mark.parametrize(
    "process",
    [MMPP, ON_OFF, Hawkes(5.0, 0.6, 1.0), Superposed((Poisson(2.0), MMPP, Hawkes(1.0, 0.5, 1.0)))],
    ids=["mmpp", "on-off", "hawkes", "superposition"],
)
def test_arrivals_are_in_order_and_have_the_rate(process):
    rates = []
    for seed in range(12):
        times = until(process, 2000.0, seed)
        assert (np.diff(times) >= 0).all()
        assert times[0] >= 0
        rates.append(len(times) / 2000.0)
    error = np.std(rates, ddof=1) / np.sqrt(len(rates))
    assert np.mean(rates) == pytest.approx(process.rate_per_s, abs=4 * error)


def test_rates_by_hand():
    assert MMPP.rate_per_s == pytest.approx((2 * 5 + 12 * 2) / 7)
    assert ON_OFF.rate_per_s == pytest.approx(4.0)
    mostly_first = Switching(
        (State(1.0, 1.0), State(10.0, 1.0)), transitions=((0.5, 0.5), (1.0, 0.0))
    )
    assert mostly_first.rate_per_s == pytest.approx(1 * 2 / 3 + 10 / 3)
    assert Superposed((Poisson(2.0), MMPP)).rate_per_s == pytest.approx(2 + MMPP.rate_per_s)


def test_mmpp_dispersion_tends_to_its_limit():
    """With r_i the rate of leaving state i: 1 + 2 (l1-l2)^2 r1 r2 / ((r1+r2)^2 (l1 r2 + l2 r1))."""
    r1, r2, l1, l2 = 1 / 5.0, 1 / 2.0, 2.0, 12.0
    limit = 1 + 2 * (l1 - l2) ** 2 * r1 * r2 / ((r1 + r2) ** 2 * (l1 * r2 + l2 * r1))
    found = [dispersion(until(MMPP, 20_000.0, seed), 100.0, 20_000.0) for seed in range(8)]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(limit, abs=4 * error)
    assert error < 0.1 * limit


def test_on_off_traffic_is_mostly_silent():
    """Poisson traffic of this rate leaves exp(-4) = 2 % of the seconds empty."""
    assert 0.6 < empty_share(until(ON_OFF, 5000.0, 1), 1.0, 5000.0) < 0.85


def test_sojourns_have_the_mean_and_cv_asked_for(generator):
    times = State(1.0, 8.0, cv=2.0).sojourns(200_000, generator)
    assert times.mean() == pytest.approx(8.0, rel=0.03)
    assert np.log(times).std() == pytest.approx(np.sqrt(np.log(5.0)), rel=0.02)
    assert State(1.0, 8.0).sojourns(200_000, generator).mean() == pytest.approx(8.0, rel=0.02)


@pytest.mark.parametrize("branching", [0.0, 0.5, 0.8])
def test_hawkes_dispersion_tends_to_its_limit(branching):
    process = Hawkes(5.0, branching, delay_s=0.5)
    found = [dispersion(until(process, 10_000.0, seed), 50.0, 10_000.0) for seed in range(8)]
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    # A window of a hundred delays is not quite long: some families cross its ends.
    assert np.mean(found) == pytest.approx(
        (1 - branching) ** -2, abs=4 * error + 0.05 / (1 - branching) ** 2
    )


def test_a_hawkes_process_is_stationary_from_the_start():
    """Families of earlier requests are under way at time 0."""
    early = [len(until(Hawkes(5.0, 0.8, 2.0), 5.0, seed)) for seed in range(400)]
    error = np.std(early) / np.sqrt(len(early))
    assert np.mean(early) == pytest.approx(25.0, abs=4 * error)


def test_a_part_of_a_superposition_does_not_move_the_others():
    alone = until(Superposed((MMPP, Poisson(1e-9))), 500.0, 3)
    both = until(Superposed((MMPP, Poisson(5.0))), 500.0, 3)
    assert set(alone.tolist()) <= set(both.tolist())
