"""Queueing formulas against printed tables, and recursions against each other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import theory
from sim.errors import ModelLimitError

# Offered load [erlang] at 1 % blocking, as the Erlang B tables of traffic engineering print it.
ERLANG_B_ONE_PERCENT = [
    (1, 0.0101),
    (5, 1.361),
    (10, 4.461),
    (20, 12.03),
    (50, 37.90),
    (100, 84.06),
]


@pytest.mark.parametrize(("servers", "erlang"), ERLANG_B_ONE_PERCENT)
def test_erlang_b_equals_the_printed_one_percent_table(servers, erlang):
    assert theory.erlang_b(servers, erlang) == pytest.approx(0.01, rel=2e-3)


def test_erlang_c_of_two_and_three_servers_equals_the_hand_calculation():
    # c = 2, a = 1: C = 1/3. c = 3, a = 2: C = 4/9. (Gross and Harris, M/M/c examples.)
    assert theory.erlang_c(2, 1.0) == pytest.approx(1 / 3, abs=1e-15)
    assert theory.erlang_c(3, 2.0) == pytest.approx(4 / 9, abs=1e-15)


def test_mmc_mean_wait_equals_hand_calculations():
    assert theory.mmc_mean_wait_s(0.8, 1.0) == pytest.approx(4.0)
    assert theory.mmc_mean_wait_s(2.0, 1.0, 3) == pytest.approx(4 / 9)
    assert theory.mmc_mean_wait_s(2.0, 0.5, 2) == pytest.approx(1 / 6)


def test_mmc_tail_and_quantile_are_inverse_and_integrate_to_the_mean():
    rate, service, servers = 7.0, 0.5, 4
    for level in (0.5, 0.9, 0.99, 0.999):
        wait = theory.mmc_wait_quantile_s(rate, service, servers, level)
        assert theory.mmc_wait_above(rate, service, servers, wait) == pytest.approx(1 - level)
    grid = np.linspace(0.0, 60.0, 200_001)
    tail = [theory.mmc_wait_above(rate, service, servers, t) for t in grid]
    mean = theory.mmc_mean_wait_s(rate, service, servers)
    assert np.trapezoid(tail, grid) == pytest.approx(mean, rel=1e-5)


def test_quantile_is_zero_for_those_who_do_not_wait():
    assert theory.mmc_wait_quantile_s(1.0, 1.0, 8, 0.5) == 0.0


def test_mm1_sojourn_quantile_is_that_of_an_exponential():
    assert theory.mm1_sojourn_quantile_s(0.5, 1.0, 0.99) == pytest.approx(2 * math.log(100))


def test_pollaczek_khinchine_contains_mm1_and_md1():
    assert theory.mg1_mean_wait_s(0.8, 1.0, 1.0) == pytest.approx(theory.mmc_mean_wait_s(0.8, 1.0))
    assert theory.md1_mean_wait_s(0.8, 1.0) == pytest.approx(2.0)


def test_allen_cunneen_is_exact_for_mg1():
    exact = theory.mg1_mean_wait_s(0.7, 1.0, 2.0)
    assert theory.ggc_mean_wait_s(0.7, 1.0, 1, 1.0, 2.0) == pytest.approx(exact)


def test_mmck_without_waiting_room_is_erlang_b_and_with_much_room_is_mmc():
    blocked = theory.mmck_probabilities(3.0, 1.0, 5, 5)[-1]
    assert blocked == pytest.approx(theory.erlang_b(5, 3.0))
    roomy = theory.mmck_mean_wait_s(3.0, 1.0, 5, 400)
    assert roomy == pytest.approx(theory.mmc_mean_wait_s(3.0, 1.0, 5))


def test_mm1k_blocking_equals_the_geometric_formula():
    rho, places = 0.9, 6
    expected = (1 - rho) * rho**places / (1 - rho ** (places + 1))
    assert theory.mmck_probabilities(rho, 1.0, 1, places)[-1] == pytest.approx(expected)


def test_no_steady_state_is_infinite_and_never_a_large_number():
    assert theory.mmc_mean_wait_s(1.0, 1.0) == math.inf
    assert theory.mg1_mean_wait_s(2.0, 1.0, 0.5) == math.inf
    assert theory.mmc_wait_quantile_s(4.0, 1.0, 4, 0.9) == math.inf
    assert theory.mm1_sojourn_quantile_s(1.0, 1.0, 0.5) == math.inf
    assert theory.mmc_wait_above(4.0, 1.0, 4, 10.0) == 1.0
    assert theory.erlang_c(3, 3.0) == 1.0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: theory.erlang_b(0, 1.0), "servers must be a whole number of at least 1, got 0"),
        (lambda: theory.erlang_b(2, math.nan), "offered_erlang must be a positive number, got nan"),
        (lambda: theory.mmck_probabilities(1.0, 1.0, 4, 2), "places must be at least servers"),
        (lambda: theory.mmc_wait_quantile_s(1.0, 0.5, 1, 1.0), "probability must be in"),
    ],
)
def test_values_outside_the_model_are_refused(call, text):
    with pytest.raises(ModelLimitError, match=text):
        call()


def test_three_customers_by_hand():
    arrival, service = np.array([0.0, 1.0, 2.0, 2.5]), np.array([3.0, 1.0, 1.0, 1.0])
    assert theory.fcfs_waits(arrival, service).tolist() == [0.0, 2.0, 2.0, 2.5]
    assert theory.fcfs_waits(arrival, service, 2).tolist() == [0.0, 0.0, 0.0, 0.5]


@given(
    gaps=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60),
    seed=st.integers(0, 2**32 - 1),
)
def test_lindley_and_kiefer_wolfowitz_agree_on_one_server(gaps, seed):
    arrival = np.cumsum(gaps)
    service = np.random.default_rng(seed).lognormal(0.0, 1.0, len(arrival))
    assert theory.lindley_waits(arrival, service) == pytest.approx(
        theory.fcfs_waits(arrival, service), abs=1e-9
    )


@given(seed=st.integers(0, 2**32 - 1), servers=st.integers(1, 6))
def test_one_more_server_never_makes_anybody_wait_longer(seed, servers):
    generator = np.random.default_rng(seed)
    arrival = np.cumsum(generator.exponential(1.0 / servers, 80))
    service = generator.lognormal(0.0, 1.0, 80)
    fewer = theory.fcfs_waits(arrival, service, servers)
    more = theory.fcfs_waits(arrival, service, servers + 1)
    assert np.all(more <= fewer + 1e-9)


def test_long_run_of_the_recursion_meets_erlang_c():
    generator = np.random.default_rng(11)
    arrival = np.cumsum(generator.exponential(1 / 3.2, 200_000))
    service = generator.exponential(1.0, 200_000)
    waits = theory.fcfs_waits(arrival, service, 4)
    assert waits.mean() == pytest.approx(theory.mmc_mean_wait_s(3.2, 1.0, 4), rel=0.1)
    assert np.mean(waits > 0) == pytest.approx(theory.erlang_c(4, 3.2), rel=0.05)
