"""What flows of money are worth, for many draws at once: shape (periods, draws), flow 0 is today.

The scalar forms are in `sim.cost.finance`; these agree with them draw by draw.
"""

from __future__ import annotations

import numpy as np

from sim.interfaces import FloatArray

MONTHS_PER_YEAR = 12.0
HALVINGS = 80  # of a bracket of rates: to the last digit
LOWEST, HIGHEST = -0.5, 10.0  # rates per month between which a rate of return is looked for


def monthly(rate_per_year: FloatArray) -> FloatArray:
    """Return the rate per month that compounds to one per year."""
    found: FloatArray = (1.0 + rate_per_year) ** (1.0 / MONTHS_PER_YEAR) - 1.0
    return found


def present_values(flows: FloatArray, rate: FloatArray) -> FloatArray:
    """Return each flow as it is worth today, shape as ``flows``.

    Args:
        flows: money by period and draw.
        rate: discount rate per period, by draw.
    """
    periods = np.arange(len(flows))[:, None]
    found: FloatArray = flows / (1.0 + rate[None, :]) ** periods
    return found


def net_present_value(flows: FloatArray, rate: FloatArray) -> FloatArray:
    """Return the net present value of each draw."""
    found: FloatArray = present_values(flows, rate).sum(axis=0)
    return found


def payback_periods(flows: FloatArray, rate: FloatArray) -> FloatArray:
    """Return after how many periods each draw has paid for itself; NaN for never.

    As `sim.cost.finance.payback`: within a period money comes evenly, and the sum stays above zero
    from then on.
    """
    worth = present_values(flows, rate)
    sums = np.cumsum(worth, axis=0)
    nothing = 1e-12 * np.abs(flows).sum(axis=0)
    below = sums < -nothing
    last = len(flows) - 1 - np.argmax(below[::-1], axis=0)  # last period that is under water
    last = np.where(below.any(axis=0), last, -1)
    draws = np.arange(flows.shape[1])
    after = np.minimum(last + 1, len(flows) - 1)
    step = worth[after, draws]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = last + -sums[np.maximum(last, 0), draws] / step
    found = np.where(last < 0, 0.0, found)
    return np.where(last == len(flows) - 1, np.nan, found)


def internal_rates(flows: FloatArray) -> FloatArray:
    """Return the rate per period at which each draw is worth nothing; NaN where none or several.

    Where flows or their running sums change sign once, there is one such rate at most above zero
    (Descartes; Norstrom 1972, doi 10.2307/2329804), and it is found by halving. Other flows may
    have several, of which none means anything.
    """
    sums = np.cumsum(flows, axis=0)
    conventional = _changes(flows) == 1
    norstrom = (_changes(sums) == 1) & (sums[-1] > 0.0)
    low = np.where(conventional, LOWEST, 0.0)
    high = np.full(flows.shape[1], HIGHEST)
    usable = (conventional | norstrom) & (_worth(flows, low) * _worth(flows, high) <= 0.0)
    falls = _worth(flows, low) > 0.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        right = (_worth(flows, middle) > 0.0) == falls
        low, high = np.where(right, middle, low), np.where(right, high, middle)
    return np.where(usable, 0.5 * (low + high), np.nan)


def _changes(flows: FloatArray) -> FloatArray:
    """Return how often the sign of each draw changes, zeros left out."""
    found = np.zeros(flows.shape[1])
    before = np.zeros(flows.shape[1])
    for flow in flows:
        sign = np.sign(flow)
        found += (sign * before) < 0.0
        before = np.where(sign == 0.0, before, sign)
    return found


def _worth(flows: FloatArray, rate: FloatArray) -> FloatArray:
    """Return the present value by Horner's rule, which stays finite for rates below zero."""
    found = np.zeros(flows.shape[1])
    for flow in flows[::-1]:
        found = found / (1.0 + rate) + flow
    return found
