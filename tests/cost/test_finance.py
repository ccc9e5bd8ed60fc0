"""Finance against closed forms, a table of a textbook, and a finance library."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.cost.finance import (
    annuity,
    capital_recovery_factor,
    irr,
    npv,
    payback,
    straight_line,
)
from sim.errors import ModelLimitError

rates = st.floats(min_value=0.0, max_value=0.5)
lives = st.floats(min_value=0.5, max_value=40.0)


@pytest.mark.parametrize(
    ("rate", "periods", "factor"),
    [(0.07, 5, 0.243891), (0.07, 14, 0.114345), (0.10, 20, 0.117460), (0.0, 4, 0.25)],
)
def test_recovery_factors_are_those_of_the_tables(rate, periods, factor):
    assert capital_recovery_factor(rate, periods) == pytest.approx(factor, abs=5e-7)


@given(rates, st.integers(1, 30), st.floats(0.0, 1.0))
def test_an_annuity_pays_back_exactly_what_was_lent(rate, periods, residual):
    """The present value of all payments and of what is left is the price."""
    paid = annuity(100.0, rate, periods, 100.0 * residual)
    flows = [0.0, *[paid] * periods]
    flows[-1] += 100.0 * residual
    assert npv(rate, flows) == pytest.approx(100.0, rel=1e-9)


@given(rates, lives, st.floats(1.01, 3.0))
def test_a_longer_life_never_raises_the_yearly_cost(rate, life, longer):
    assert annuity(1.0, rate, life * longer) <= annuity(1.0, rate, life) * (1.0 + 1e-12)


@given(rates, lives, st.floats(0.0, 1e6))
def test_twice_the_price_is_twice_the_cost(rate, life, price):
    assert annuity(2.0 * price, rate, life) == pytest.approx(2.0 * annuity(price, rate, life))


def test_without_interest_an_annuity_is_straight_line():
    assert annuity(100.0, 0.0, 4.0, 20.0) == straight_line(100.0, 4.0, 20.0) == 20.0


def test_present_value_by_hand():
    assert npv(0.1, [-100.0, 60.0, 60.0]) == pytest.approx(-100 + 60 / 1.1 + 60 / 1.21)


@pytest.mark.parametrize(
    "flows", [[-100.0, 60.0, 60.0], [-100.0, 10.0, 10.0, 120.0], [-5.0, 0.0, 30.0], [-100.0, 90.0]]
)
def test_rates_of_return_are_those_of_a_finance_library(flows):
    pyxirr = pytest.importorskip("pyxirr", reason="the finance library is a development extra")
    assert irr(flows) == pytest.approx(pyxirr.irr(flows), abs=1e-9)
    assert npv(irr(flows), flows) == pytest.approx(0.0, abs=1e-9)


def test_a_rate_that_does_not_exist_is_none_and_one_of_several_is_refused():
    assert irr([-100.0, -10.0]) is None
    assert irr([10.0, 20.0]) is irr([0.0, 0.0, 0.0]) is irr([]) is None
    assert irr([-1.0, 2.24, -1.2544]) == pytest.approx(0.12, abs=1e-6)  # touches zero there
    with pytest.raises(ModelLimitError, match=r"25\.0%, 400\.0%"):
        irr([-1.6, 10.0, -10.0])


@pytest.mark.parametrize(
    ("flows", "told"),
    [([-1, 3.64, -4.3903, 1.75602], r"11\.0%, 13\.0%, 40\.0%"), ([-1, 2.24, -1.2543], "13")],
)
def test_roots_that_lie_close_are_all_seen(flows, told):
    with pytest.raises(ModelLimitError, match=told):
        irr(flows)


@given(st.floats(0.01, 0.9), st.integers(1, 25), st.floats(1.0, 1e9))
def test_a_loan_returns_its_own_rate(rate, periods, price):
    paid = annuity(price, rate, periods)
    assert irr([-price, *[paid] * periods]) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize(
    ("flows", "rate", "periods"),
    [
        ([-100.0, 50.0, 50.0, 50.0], 0.0, 2.0),
        ([-100.0, 40.0, 40.0, 40.0], 0.0, 2.5),
        ([-100.0, 110.0], 0.1, 1.0),
        ([-100.0, 50.0], 0.0, None),
        ([-100.0, 150.0, -100.0, 80.0], 0.0, 2.625),
        ([10.0, 5.0], 0.0, 0.0),
    ],
)
def test_payback_by_hand(flows, rate, periods):
    found = payback(flows, rate)
    assert found is None if periods is None else math.isclose(found, periods)
