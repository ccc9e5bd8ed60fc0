"""Finance of capital that is paid for once and used for years: pure functions of rates and flows.

Rates are per period (a year unless said), nominal and before tax. Conventions are those of the
textbook: flows come at the end of a period, flow 0 is today.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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

    Raises:
        ModelLimitError: more than one rate does that, so that none of them means anything
            (flows change their sign more than once).
    """
    from scipy.optimize import brentq

    grid = [-0.99, *(-0.9 + 0.05 * step for step in range(38)), 1.25, 1.5, 2.0, 3.0, 5.0, 10.0]
    grid = [*grid, 30.0, HIGHEST_RATE]
    values = [npv(rate, flows) for rate in grid]
    found = [rate for rate, value in zip(grid, values, strict=True) if value == 0.0]
    for low, high, at_low, at_high in zip(grid, grid[1:], values, values[1:], strict=False):
        if at_low * at_high < 0.0:
            root: float = brentq(lambda rate: npv(rate, flows), low, high, xtol=1e-12)
            found.append(root)
    if len(found) > 1:
        shown = ", ".join(f"{rate:.1%}" for rate in sorted(found))
        raise ModelLimitError(f"the flows have several rates of return ({shown}): use NPV instead")
    return found[0] if found else None


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
