"""Finance of capital that is paid for once and used for years: pure functions of rates and flows.

Rates are per period (a year unless said), nominal and before tax. Conventions are those of the
textbook: flows come at the end of a period, flow 0 is today.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sim.errors import ModelLimitError

HIGHEST_RATE = 100.0  # 10,000 % a period: above it a rate of return says nothing


def capital_recovery_factor(rate: float, periods: float) -> float:
    """Return the share of a sum that is due each period to pay it back with interest [1].

    ``i / (1 - (1 + i)^-n)``, and 1/n without interest.

    Args:
        rate: cost of capital per period [1].
        periods: life [1], above 0.
    """
    if rate * periods < 1e-12:  # without interest, or as good as without
        return 1.0 / periods
    return -rate / math.expm1(-periods * math.log1p(rate))


def annuity(price: float, rate: float, periods: float, residual: float = 0.0) -> float:
    """Return what something costs each period of its life, cost of capital included.

    The residual value comes back at the end, so only what is lost is paid back, and interest on
    the residual is paid all along: ``(p - r) crf + r i``.

    Args:
        price: paid today.
        rate: cost of capital per period [1].
        periods: life [1].
        residual: value at the end of it, in the unit of the price.
    """
    return (price - residual) * capital_recovery_factor(rate, periods) + residual * rate


def straight_line(price: float, periods: float, residual: float = 0.0) -> float:
    """Return the depreciation of a period as books have it: equal parts, no interest."""
    return (price - residual) / periods


def npv(rate: float, flows: Sequence[float]) -> float:
    """Return the net present value of flows, the first of them today.

    Args:
        rate: discount rate per period, above -1 [1].
        flows: money in (above 0) and out by period.
    """
    return math.fsum(flow / (1.0 + rate) ** period for period, flow in enumerate(flows))


def irr(flows: Sequence[float]) -> float | None:
    """Return the rate at which flows are worth nothing today, None where there is none.

    With ``x = 1 / (1 + rate)`` the present value is a polynomial, of which every root above zero is
    a rate. Flows that change their sign once have one at most (Descartes' rule).

    Raises:
        ModelLimitError: more than one rate does that, so that none of them means anything.
    """
    signs = [flow > 0.0 for flow in flows if flow]
    if len(set(signs)) < 2:
        return None
    found = _rates(flows)
    if len(found) > 1:
        shown = ", ".join(f"{rate:.1%}" for rate in found)
        raise ModelLimitError(f"the flows have several rates of return ({shown}): use NPV instead")
    return found[0] if found else None


def _rates(flows: Sequence[float]) -> list[float]:
    """Return every rate between -99 % and `HIGHEST_RATE` at which flows are worth nothing."""
    roots = np.polynomial.Polynomial(np.asarray(flows, dtype=float)).roots()
    # Roots that lie together come out as a pair off the axis, by the square root of a rounding.
    real = np.real(roots[np.abs(np.imag(roots)) < 1e-6 * np.abs(roots)])
    rates = sorted(1.0 / x - 1.0 for x in real.tolist() if 1.0 / (1.0 + HIGHEST_RATE) < x < 100.0)
    return [rate for at, rate in enumerate(rates) if not at or rate - rates[at - 1] > 1e-6]


def payback(flows: Sequence[float], rate: float = 0.0) -> float | None:
    """Return after how many periods flows have paid for themselves, None where they never do.

    Within a period money is taken to come evenly. The sum must stay above zero from then on.

    Args:
        flows: money in and out by period, the first of them today.
        rate: discount rate per period, 0 for the plain payback [1].
    """
    total, since = 0.0, None
    nothing = 1e-12 * math.fsum(abs(flow) for flow in flows)
    for period, flow in enumerate(flows):
        worth = flow / (1.0 + rate) ** period
        before, total = total, total + worth
        if total < -nothing:
            since = None
        elif since is None:
            since = float(period) if before >= 0.0 else period - 1.0 + -before / worth
    return since
