"""What a business case says, in sentences that terminal and page share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.report import formats

if TYPE_CHECKING:
    from sim.economics.case import CaseResult, Comparison, Figure

TOLD_SWINGS = 3
LIKELY = 0.5


def verdict(result: CaseResult) -> str:
    """Return the recommendation in a sentence."""
    npv = result.figure("npv_usd")
    said = f"NPV {money(npv)} over {result.case.months} months"
    if not result.plan.income.any():
        return f"The study has no price, so there is only cost: {cost(result)}."
    loss = f"a loss in {formats.share(result.loss_chance, 0)} of the draws"
    if npv.low > 0.0:
        return f"Fund it: {said}, {loss}."
    if npv.high < 0.0:
        return f"Decline: {said}, {loss}."
    if result.loss_chance > LIKELY:
        return f"Do not fund it as it stands: {said}, {loss}."
    return f"It pays more often than not, but not for sure: {said}, {loss}."


def mood(result: CaseResult) -> str:
    """Return how bad the verdict is, for its mark: nothing, fair or bad."""
    if not result.plan.income.any() or result.figure("npv_usd").low > 0.0:
        return ""
    return "bad" if result.loss_chance > LIKELY else "fair"


def cost(result: CaseResult) -> str:
    """Return what tokens cost and how well that is known."""
    tokens, bill = result.figure("usd_per_mtoken"), result.figure("usd_per_month")
    return (
        f"{money(tokens)} per million answer tokens, all in and discounted; an even bill of "
        f"{money(bill)} a month"
    )


def money(found: Figure) -> str:
    """Return an amount with its 5th and 95th percentile [USD]."""
    return f"{usd(found.value)} ({usd(found.low)} to {usd(found.high)})"


def usd(value: float) -> str:
    """Return an amount [USD] with as many digits as are worth reading."""
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{formats.number(value / size)}{formats.GAP}{name}{formats.GAP}USD"
    return formats.usd(float(f"{value:.3g}"))


def case_lines(result: CaseResult) -> Iterator[str]:
    """Yield the memo, one statement each."""
    key = result.key
    yield (
        f"{key['model']}, {key['pattern']} on {key['chip']} in {key['region']}, "
        f"{key['ownership']}: {verdict(result)}"
    )
    yield f"Cost: {cost(result)}."
    if result.plan.income.any():
        yield from _returns(result)
    yield from _demand(result)
    yield from (comparison(each) for each in result.comparisons)
    yield from _waits(result)
    yield from _hangs_on(result)
    yield from _guessed(result)


def _returns(result: CaseResult) -> Iterator[str]:
    months, rate = result.figure("payback_months"), result.figure("irr_per_year")
    hurdle = next(each.value for each in result.inputs if each.name == "cost_of_capital")
    told = "none" if math.isnan(rate.value) else formats.share(rate.value)
    yield f"Return a year: {told}, against {formats.share(hurdle)} that capital costs."
    paid = f"paid back, discounted, in {formats.share(months.known, 0)} of the draws"
    if months.known:
        spread = f"{formats.number(months.low)} to {formats.number(months.high)}"
        paid += f", then after {formats.number(months.middle)} months ({spread})"
    yield f"Payback: {paid}."


def _demand(result: CaseResult) -> Iterator[str]:
    plan = result.plan
    first, last = plan.demand[0, 0], plan.demand[-1, 0]
    unserved = 1.0 - plan.served.sum() / plan.demand.sum()
    spend = (
        plan.demand[-1, 0] * plan.price_usd_per_token[-1, 0]
        / (plan.demand[0, 0] * plan.price_usd_per_token[0, 0])
        if plan.income.any()
        else math.nan
    )  # fmt: skip
    line = f"Demand: x {formats.number(last / first)} in tokens"
    if math.isfinite(spend):
        line += f", x {formats.number(spend)} in money"
    yield f"{line}; {formats.share(unserved)} of it is not served."
    idle = plan.installed - plan.running
    if idle.any():
        months = float(idle.sum())
        yield f"Without power: {formats.count(months)} accelerator-months stood idle."


def comparison(found: Comparison) -> str:
    """Return where a fleet becomes cheaper than another way."""
    bills = [usd(bill) for bill in found.usd_per_month]
    said = f"{found.fleet} against {found.other}: {bills[0]} to {bills[1]} a month"
    per_day, use, months = found.per_day, found.use, found.months
    if per_day.known or math.isfinite(per_day.value):
        at = "at no number of tokens with the inputs as taken"
        if math.isfinite(per_day.value):
            at = f"from {formats.number(per_day.value / 1e6)} M tokens a day on"
        said += (
            f"; it stays cheaper {at} (in {formats.share(per_day.known, 0)} of the draws at some)"
        )
    low, high = formats.share(use.low, 0), formats.share(use.high, 0)
    said += f"; both cost the same at {formats.share(use.value, 0)} use ({low} to {high})"
    if months.known and months.high > 0.0:
        spread = f"{formats.number(months.low)} to {formats.number(months.high)}"
        told = f"{formats.number(months.value)} months" if months.value > 0.0 else "ever"
        said += f"; its outlay is saved after {told} ({spread})"
    return f"{said}."


def _waits(result: CaseResult) -> Iterator[str]:
    for wait in result.waits:
        better = "better" if wait.gain_usd.value > 0.0 else "worse"
        yield (
            f"Wait {wait.month} months for {wait.chip} and serve nothing until then: "
            f"{better} by {money(wait.gain_usd)} of NPV."
        )


def _hangs_on(result: CaseResult) -> Iterator[str]:
    for swing in result.swings[:TOLD_SWINGS]:
        low, high = swing.npv_usd
        turns = ", which turns the answer" if low * high < 0.0 else ""
        yield (
            f"Hangs on {swing.input.title}, {formats.number(swing.input.low)} to "
            f"{formats.number(swing.input.high)}: NPV {usd(low)} to {usd(high)}{turns}."
        )


def _guessed(result: CaseResult) -> Iterator[str]:
    names = [each.title for each in result.inputs if each.kind == "guess"]
    fixed = [each.title for each in result.inputs if each.kind == "given" and each.low == each.high]
    if names:
        yield f"Guessed: {', '.join(names)}."
    if fixed:
        yield f"Taken without a range: {', '.join(fixed)}."
