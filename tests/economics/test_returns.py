"""Returns of many draws at once: closed forms, the scalar module, and pyxirr as another opinion."""

from __future__ import annotations

import numpy as np
import pytest

from sim.cost import finance
from sim.economics.returns import internal_rates, monthly, net_present_value, payback_periods

pyxirr = pytest.importorskip("pyxirr")


@pytest.fixture(scope="module")
def flows():
    """Return an outlay and sixty months of cash, 40 draws of them."""
    generator = np.random.Generator(np.random.PCG64(1))
    outlay = -generator.uniform(50.0, 150.0, (1, 40))
    return np.concatenate([outlay, generator.uniform(0.5, 5.0, (60, 40))])


def test_a_rate_per_month_compounds_to_that_of_the_year():
    assert (1.0 + monthly(np.array([0.12]))[0]) ** 12 == pytest.approx(1.12, rel=1e-14)


def test_present_value_of_an_annuity():
    """``a (1 - (1 + i)^-n) / i`` less what is paid today."""
    rate = np.array([0.01, 0.02])
    found = net_present_value(np.concatenate([[[-100.0] * 2], np.full((60, 2), 3.0)]), rate)
    expected = [3.0 * (1.0 - (1.0 + i) ** -60) / i - 100.0 for i in rate]
    assert found == pytest.approx(expected, rel=1e-13)


def test_present_value_and_rate_are_those_of_a_finance_library(flows):
    rate = np.full(40, 0.007)
    worth, found = net_present_value(flows, rate), internal_rates(flows)
    for draw in range(40):
        mine = flows[:, draw].tolist()
        assert worth[draw] == pytest.approx(pyxirr.npv(0.007, mine), rel=1e-12, abs=1e-9)
        assert found[draw] == pytest.approx(pyxirr.irr(mine), rel=1e-9, abs=1e-12)


def test_flows_with_several_rates_or_none_have_no_rate():
    """[-1.6, 10, -10] is worth nothing at 25 % and at 400 %: neither means anything."""
    several = np.array([[-1.6], [10.0], [-10.0]])
    assert np.isnan(internal_rates(several)[0])
    assert np.isnan(internal_rates(np.array([[-1.0], [-2.0]]))[0])
    assert internal_rates(np.array([[-100.0], [60.0], [60.0]]))[0] == pytest.approx(
        finance.irr([-100.0, 60.0, 60.0]), rel=1e-12
    )


def test_more_is_bought_later_and_there_is_still_one_rate():
    """The running sum changes its sign once (Norstrom), although the flows do so three times."""
    later = [-100.0, 40.0, -20.0, 70.0, 80.0]
    found = internal_rates(np.array(later)[:, None])[0]
    assert found == pytest.approx(pyxirr.irr(later), rel=1e-10)


def test_payback_is_that_of_the_scalar_module(flows):
    for rate in (0.0, 0.01):
        found = payback_periods(flows, np.full(40, rate))
        for draw in range(40):
            expected = finance.payback(flows[:, draw].tolist(), rate)
            assert found[draw] == pytest.approx(
                np.nan if expected is None else expected, rel=1e-9, nan_ok=True
            )
    assert np.isnan(payback_periods(np.array([[-1.0], [0.5]]), np.zeros(1))[0])
    assert payback_periods(np.array([[0.0], [0.5]]), np.zeros(1))[0] == 0.0
